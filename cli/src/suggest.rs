//! What was probably meant.

/// The nearest of some words, when one is near.
pub(crate) fn nearest<W: AsRef<str>>(word: &str, words: impl IntoIterator<Item = W>) -> Option<W> {
    const ALIKE: f64 = 0.8;
    let length = word.chars().count();
    words
        .into_iter()
        .map(|known| {
            // A letter too many, one missing, another, or two that changed places.
            let mistakes = strsim::damerau_levenshtein(word, known.as_ref());
            (mistakes, strsim::jaro_winkler(word, known.as_ref()), known)
        })
        .filter(|(mistakes, likeness, _)| {
            *likeness > ALIKE || (*mistakes <= 1.max(length / 4) && *mistakes < length)
        })
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_and_nothing_far_away() {
        assert_eq!(nearest("wbe", ["api", "web", "web-2"]), Some("web"));
        assert_eq!(nearest("prdo", ["default", "prod"]), Some("prod"));
        assert_eq!(nearest("database", ["api", "web"]), None);
        assert_eq!(nearest("x", ["a", "b"]), None);
        assert_eq!(nearest::<&str>("web", []), None);
    }
}
