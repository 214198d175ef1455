//! Labels that objects must have, as they are typed: `key=value` or `key`, with commas between.

use std::collections::BTreeMap;

use crate::manifest::label;

/// Reads them.
///
/// # Errors
/// What is wrong, in words; other operators of Kubernetes are not understood.
pub fn parse(text: &str) -> Result<BTreeMap<String, Option<String>>, String> {
    if text.contains(['(', ')', '!']) {
        return Err("only key=value and key are understood: ask for all and choose with `-o json`"
            .to_owned());
    }
    let mut labels = BTreeMap::new();
    for part in text.split(',').map(str::trim) {
        let (key, value) = match part.split_once('=') {
            Some((key, value)) => {
                (key.trim(), Some(value.strip_prefix('=').unwrap_or(value).trim()))
            }
            None => (part, None),
        };
        label::check_key(key).map_err(|error| error.to_string())?;
        label::check_value(value.unwrap_or_default()).map_err(|error| error.to_string())?;
        let value = value.map(str::to_owned);
        match labels.get(key) {
            Some(Some(other)) if value.as_ref().is_some_and(|value| value != other) => {
                return Err(format!("no object has two values of {key}"));
            }
            Some(Some(_)) => {}
            _ => {
                labels.insert(key.to_owned(), value);
            }
        }
    }
    Ok(labels)
}
