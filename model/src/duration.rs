//! Durations in configuration files: a number and a unit, such as `500ms`, `5s`, `1m`, `1h`; for
//! `#[serde(with = "pontoon_model::duration")]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de};

/// Writes a duration, exact to a millisecond.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let millis = duration.as_millis();
    let text = if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    };
    serializer.serialize_str(&text)
}

/// Reads a duration.
///
/// # Errors
/// When it is no text, or no number and unit.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        de::Error::custom(format!(
            "{text:?} is not a duration; a number and a unit such as 500ms, 5s, 1m or 1h is right"
        ))
    })
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_number_and_a_unit() {
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("5s"), Some(Duration::from_secs(5)));
        assert_eq!(parse("1 m"), Some(Duration::from_secs(60)));
        assert_eq!(parse("2h"), Some(Duration::from_secs(7200)));
        for wrong in
            ["", "5", "s", "5d", "-5s", "1.5s", "99999999999999999999s", "18446744073709551615m"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
