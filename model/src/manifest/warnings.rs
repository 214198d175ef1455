//! What is read and not used.

/// Sentences that begin with a field's path. Of fields that differ in an index only the first is
/// named.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    said: Vec<Said>,
    muted: &'static [&'static str],
}

#[derive(Debug)]
struct Said {
    path: String,
    sentence: String,
    more: usize,
}

/// What kubectl and the API server write into every object.
const EVERYWHERE: [&str; 6] = [
    "metadata.uid",
    "metadata.resourceVersion",
    "metadata.creationTimestamp",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.selfLink",
];

impl Warnings {
    /// None yet; what stands below one of these paths (indexes left out) is passed over in silence.
    pub(crate) fn except(muted: &'static [&'static str]) -> Self {
        Self { said: Vec::new(), muted }
    }

    /// Notes that a field has no effect; `known` tells the fields that are beside it, by the path of
    /// what they are in.
    pub(crate) fn unused(
        &mut self,
        path: &str,
        known: impl FnOnce(&str) -> &'static [&'static str],
    ) {
        let bare = plain(path);
        if EVERYWHERE.iter().chain(self.muted).any(|muted| is_below(&bare, muted)) {
            return;
        }
        let (parent, name) = bare.rsplit_once('.').unwrap_or(("", &bare));
        match nearest(name, known(parent)) {
            Some(near) if parent.is_empty() => {
                self.add(path, &format!("not used; did you mean `{near}`?"));
            }
            Some(near) => self.add(path, &format!("not used; did you mean `{parent}.{near}`?")),
            None => self.add(path, "not used"),
        }
    }

    /// Notes something else of a field.
    pub(crate) fn add(&mut self, path: &str, sentence: &str) {
        let alike =
            |said: &&mut Said| said.sentence == sentence && plain(&said.path) == plain(path);
        match self.said.iter_mut().find(alike) {
            Some(said) => said.more += 1,
            None => self.said.push(Said {
                path: path.to_owned(),
                sentence: sentence.to_owned(),
                more: 0,
            }),
        }
    }

    pub(crate) fn into_sentences(self) -> Vec<String> {
        let written = |said: Said| match said.more {
            0 => format!("{}: {}", said.path, said.sentence),
            more => format!("{}: {} (and {more} like it)", said.path, said.sentence),
        };
        self.said.into_iter().map(written).collect()
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The known field that was probably meant. Kubernetes has many that are not used here, so it must be
/// very near.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let mistakes = |field: &str| match field.eq_ignore_ascii_case(name) {
        true => 0,
        false => strsim::damerau_levenshtein(field, name),
    };
    let allowed = (name.chars().count() / 4).min(2);
    let others = known.iter().filter(|field| **field != name);
    let mistaken = others.map(|field| (mistakes(field), *field));
    mistaken.filter(|(mistakes, _)| *mistakes <= allowed).min().map(|(_, field)| field)
}

/// A path without its indexes.
fn plain(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            let kept = !inside && *c != '[';
            inside = (inside || *c == '[') && *c != ']';
            kept
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_differ_in_an_index_are_named_once() {
        let mut warnings = Warnings::except(&["spec.a"]);
        for path in ["e[0].x", "e[1].x", "e[1].y", "spec.a[3].b", "spec.ab", "metadata.uid"] {
            warnings.unused(path, |_| &[]);
        }
        assert_eq!(
            warnings.into_sentences(),
            ["e[0].x: not used (and 1 like it)", "e[1].y: not used", "spec.ab: not used"]
        );
    }

    #[test]
    fn what_is_misspelt_has_what_was_meant_beside_it() {
        let known = ["selector", "clusterIP", "ports", "externalName"];
        for (name, meant) in [
            ("slector", Some("selector")),
            ("selectors", Some("selector")),
            ("clusterIp", Some("clusterIP")),
            ("port", Some("ports")),
            ("externalIPs", None),
            ("template", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, &known), meant, "{name}");
        }
    }
}
