//! Reading JSON with the path of what is wrong.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::api::{Code, Failure};

/// A field that holds what it must not, or is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// It holds something wrong.
    #[error("{}{value} is not valid: {expected}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
    Wrong {
        /// The way there; empty for the document itself.
        path: String,
        /// What it holds, cut when it is long.
        value: String,
        /// What would be right.
        expected: Cow<'static, str>,
    },
    /// It is needed and not there.
    #[error("{path} is missing: {expected}")]
    Missing {
        /// The way there.
        path: String,
        /// What would be right.
        expected: Cow<'static, str>,
    },
}

impl FieldError {
    /// An error at a field that is not there.
    pub fn missing(path: &str, expected: impl Into<Cow<'static, str>>) -> Self {
        Self::Missing { path: path.to_owned(), expected: expected.into() }
    }
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Self {
        Self::new(Code::InvalidConfig, "invalid network configuration", error.to_string())
    }
}

/// A value in a JSON document and the way there, such as `runtimeConfig.portMappings[1].hostPort`.
#[derive(Debug, Clone)]
pub struct Field<'a> {
    path: String,
    value: &'a Value,
}

/// A value in an error is cut here, characters.
const SHOWN: usize = 80;

impl<'a> Field<'a> {
    /// The document itself.
    #[must_use]
    pub fn document(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// The error that this field is wrong, and what would be right.
    pub fn wrong(&self, expected: impl Into<Cow<'static, str>>) -> FieldError {
        let value = match self.value {
            Value::Array(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
            scalar => {
                let text = scalar.to_string();
                match text.char_indices().nth(SHOWN) {
                    Some((end, _)) => format!("{}…", &text[..end]),
                    None => text,
                }
            }
        };
        FieldError::Wrong { path: self.path.clone(), value, expected: expected.into() }
    }

    /// A member of this object; `None` when it is absent or null, which Go's encoder writes for
    /// what is empty.
    ///
    /// # Errors
    /// When this is no object.
    pub fn member(&self, key: &str) -> Result<Option<Self>, FieldError> {
        let object = self.value.as_object().ok_or_else(|| self.wrong("write an object"))?;
        Ok(object
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| Self { path: self.path_to(key), value }))
    }

    /// The same with the key in any case, as Go's decoder reads it. containerd writes some
    /// capabilities with capitalised keys, Podman with lower-case ones.
    ///
    /// # Errors
    /// When this is no object.
    pub fn member_in_any_case(&self, key: &str) -> Result<Option<Self>, FieldError> {
        if let Some(exact) = self.member(key)? {
            return Ok(Some(exact));
        }
        let found = self
            .members()?
            .into_iter()
            .find(|(other, field)| other.eq_ignore_ascii_case(key) && !field.value.is_null());
        Ok(found.map(|(_, field)| field))
    }

    /// All members of this object, by key.
    ///
    /// # Errors
    /// When this is no object.
    pub fn members(&self) -> Result<Vec<(&'a str, Self)>, FieldError> {
        let object = self.value.as_object().ok_or_else(|| self.wrong("write an object"))?;
        let member = |(key, value): (&'a String, &'a Value)| {
            (key.as_str(), Self { path: self.path_to(key), value })
        };
        Ok(object.iter().map(member).collect())
    }

    /// All items of this list.
    ///
    /// # Errors
    /// When this is no list.
    pub fn items(&self) -> Result<Vec<Self>, FieldError> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("write a list"))?;
        let item = |(index, value)| Self { path: format!("{}[{index}]", self.path), value };
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// Whether this is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether this is null, as Go writes an empty list.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.value.is_null()
    }

    /// This text.
    ///
    /// # Errors
    /// When this is no string.
    pub fn text(&self) -> Result<&'a str, FieldError> {
        self.value.as_str().ok_or_else(|| self.wrong("write a string"))
    }

    /// This text as something else; the error is that of `T`.
    ///
    /// # Errors
    /// When this is no string, or not that of a `T`.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, FieldError> {
        self.text()?.parse().map_err(|error: T::Err| self.wrong(error.to_string()))
    }

    /// The same, where an empty text stands for nothing, as in Go.
    ///
    /// # Errors
    /// When this is no string, or not that of a `T`.
    pub fn parsed_unless_empty<T: FromStr<Err: fmt::Display>>(
        &self,
    ) -> Result<Option<T>, FieldError> {
        if self.text()?.is_empty() { Ok(None) } else { self.parsed().map(Some) }
    }

    /// This integer.
    ///
    /// # Errors
    /// When this is no integer, or one that `T` cannot hold; `range` says which it can.
    pub fn integer<T: TryFrom<i64>>(&self, range: &'static str) -> Result<T, FieldError> {
        self.value
            .as_i64()
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| self.wrong(range))
    }

    fn path_to(&self, key: &str) -> String {
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !plain {
            format!("{}[{key:?}]", self.path)
        } else if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_shows_the_path_the_value_and_what_would_be_right() {
        let document = json!({"a": {"b.c": [{"port": 70_000}, "é".repeat(100)]}, "n": null});
        let document = Field::document(&document);
        let list = document.member("a").unwrap().unwrap().member("b.c").unwrap().unwrap();
        let items = list.items().unwrap();
        let port = items[0].member("port").unwrap().unwrap();
        assert_eq!(
            port.integer::<u16>("use 0 to 65535").unwrap_err().to_string(),
            r#"a["b.c"][0].port: 70000 is not valid: use 0 to 65535"#
        );
        let long = items[1].items().unwrap_err().to_string();
        assert!(long.contains("é…") && long.chars().count() < 140, "{long}");
        assert!(document.member("n").unwrap().is_none());
        assert_eq!(
            document.items().unwrap_err().to_string(),
            "an object is not valid: write a list"
        );
    }

    #[test]
    fn keys_are_found_in_any_case_where_asked_for() {
        let document = json!({"HostPort": 1, "hostport": 2, "hostPort": null});
        let document = Field::document(&document);
        assert!(document.member("hostPort").unwrap().is_none());
        let found = document.member_in_any_case("hostPort").unwrap().unwrap();
        assert_eq!(found.integer::<u16>("").unwrap(), 1);
    }
}
