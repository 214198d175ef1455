//! What an unquoted text in YAML means: what kubectl makes of it, which is YAML 1.1 as its Go library
//! reads it, so that a manifest means the same here as there.

use serde_json::{Number, Value};

/// The value of a scalar. `tag` is the name of a tag of YAML's own, such as `str`.
///
/// # Errors
/// When the text is none of what the tag says, or no value that JSON has.
pub(crate) fn resolve(text: &str, plain: bool, tag: Option<&str>) -> Result<Value, String> {
    let value = match tag {
        Some("str") => return Ok(text.into()),
        None if !plain => return Ok(text.into()),
        _ => guess(text)?,
    };
    let right = match tag {
        None => true,
        Some("int") => value.is_i64() || value.is_u64(),
        Some("float") => value.is_number(),
        Some("bool") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some(other) => return Err(format!("the tag !!{other} is not read: write plain text")),
    };
    match (right, tag) {
        (false, Some(tag)) => Err(format!("{text:?} is no {tag}, as its tag says")),
        _ => Ok(value),
    }
}

/// The text of a key that is no text: kubectl turns `yes:` into `true:`, and so do we.
pub(crate) fn key(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn guess(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            true.into()
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            false.into()
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(format!("{text} is no number that an object can hold"));
        }
        _ => number(text).map_or_else(|| text.into(), Value::Number),
    })
}

fn number(text: &str) -> Option<Number> {
    match text.as_bytes().first()? {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let text = text.replace('_', "");
            integer(&text).or_else(|| float(&text))
        }
        _ => None,
    }
}

/// Decimal, or `0x`, `0o`, `0b`, or octal behind a zero as in C.
fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` takes a sign of its own.
    if !digits.as_bytes().first()?.is_ascii_alphanumeric() {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    if negative { 0_i64.checked_sub_unsigned(size).map(Number::from) } else { Some(size.into()) }
}

/// A whole number is written without a fraction: Go's encoder writes `80.0` as `80`.
fn float(text: &str) -> Option<Number> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    // Rust reads `inf` and `nan`, too.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    if value.fract() == 0.0 && value.abs() < EXACT {
        return Some((value as i64).into());
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_texts_mean_what_kubectl_makes_of_them() {
        for (text, value) in [
            ("None", json!("None")),
            ("", json!(null)),
            ("~", json!(null)),
            ("yes", json!(true)),
            ("On", json!(true)),
            ("n", json!(false)),
            ("yEs", json!("yEs")),
            ("80", json!(80)),
            ("-5", json!(-5)),
            ("+5", json!(5)),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("0080", json!(80)),
            ("80.0", json!(80)),
            ("1e3", json!(1000)),
            (".5", json!(0.5)),
            ("1.25", json!(1.25)),
            ("0x", json!("0x")),
            ("1e999", json!("1e999")),
            ("+inf", json!("+inf")),
            ("-", json!("-")),
            ("--1", json!("--1")),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("10.96.0.1", json!("10.96.0.1")),
            ("fd00::1", json!("fd00::1")),
            ("2024-01-01", json!("2024-01-01")),
            ("1:30", json!("1:30")),
            ("http", json!("http")),
        ] {
            assert_eq!(resolve(text, true, None), Ok(value), "{text}");
        }
    }

    #[test]
    fn quoted_texts_stay_texts() {
        for text in ["on", "80", "010", "null", "", "~"] {
            assert_eq!(resolve(text, false, None), Ok(json!(text)));
            assert_eq!(resolve(text, true, Some("str")), Ok(json!(text)));
        }
    }

    #[test]
    fn tags_are_held() {
        assert_eq!(resolve("80", false, Some("int")), Ok(json!(80)));
        assert_eq!(resolve("5", true, Some("float")), Ok(json!(5)));
        assert!(resolve("web", true, Some("int")).is_err());
        assert!(resolve("aGk=", true, Some("binary")).is_err());
        assert!(resolve(".nan", true, None).is_err());
    }

    #[test]
    fn keys_become_texts() {
        let keys = ["on", "80", "web", "1.5"].map(|text| key(guess(text).unwrap()).unwrap());
        assert_eq!(keys, ["true", "80", "web", "1.5"]);
        assert_eq!(key(Value::Null), None);
    }
}
