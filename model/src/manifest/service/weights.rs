//! The annotation `pontoon.net/weights`: `track=canary:10,track=stable:90`. Groups are separated by
//! commas; the labels of a group are joined by `&`.

use std::str::FromStr;

use crate::manifest::label;
use crate::selector::{Labels, Selector};
use crate::service::Weight;

/// The annotation on a service that gives groups of its pods shares of the traffic.
pub const WEIGHTS: &str = "pontoon.net/weights";

const MAX_WEIGHT: u16 = 1000;

pub(super) struct Weights(pub(super) Vec<Weight>);

impl FromStr for Weights {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights: Vec<Weight> = Vec::new();
        for group in text.split(',').map(str::trim) {
            let weight = parse(group)?;
            if weights.iter().any(|other| other.selector == weight.selector) {
                return Err(format!("group {} is there twice: weigh each once", weight.selector));
            }
            weights.push(weight);
        }
        if weights.iter().all(|group| group.weight == 0) {
            return Err("every weight is 0: no pod would get any traffic".to_owned());
        }
        Ok(Self(weights))
    }
}

fn parse(group: &str) -> Result<Weight, String> {
    let (labels, weight) = group.rsplit_once(':').ok_or_else(|| {
        format!("{group:?} is no weighted group: write label=value:weight, such as track=canary:10")
    })?;
    let weight = weight
        .trim()
        .parse()
        .ok()
        .filter(|weight| *weight <= MAX_WEIGHT)
        .ok_or_else(|| format!("weight {weight:?} of {labels:?} is not in 0..={MAX_WEIGHT}"))?;
    let mut found = Labels::new();
    for pair in labels.split('&') {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("{pair:?} is no label: write label=value"))?;
        let (key, value) = (key.trim(), value.trim());
        label::check_key(key).map_err(|e| e.to_string())?;
        label::check_value(value).map_err(|e| e.to_string())?;
        if found.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("label {key:?} is twice in one group"));
        }
    }
    let selector = Selector::new(found).ok_or_else(|| format!("{group:?} has no label"))?;
    Ok(Weight { selector, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, u16)>, String> {
        let weights = text.parse::<Weights>()?.0;
        Ok(weights.into_iter().map(|w| (w.selector.to_string(), w.weight)).collect())
    }

    #[test]
    fn groups_and_their_labels_are_told_apart() {
        assert_eq!(
            read("track=canary&a.b/c=d : 10, track=stable:90").unwrap(),
            [("a.b/c=d,track=canary".to_owned(), 10), ("track=stable".to_owned(), 90)]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("", "write label=value:weight"),
            ("track=canary", "write label=value:weight"),
            ("track:5", "\"track\" is no label"),
            ("a=b:1001", "not in 0..=1000"),
            ("a=b:-1", "not in 0..=1000"),
            ("a=b:0,c=d:0", "every weight is 0"),
            ("a=b:1,a=b:2", "twice"),
            ("a=b&a=c:1", "twice in one group"),
            ("a b=c:1", "is no key"),
            ("a=b c:1", "is no label's value"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(part), "{text:?} gave {said:?}");
        }
    }
}
