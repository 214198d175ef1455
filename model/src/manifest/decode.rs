//! From JSON to the fields of a kind: quickly where nothing needs to be said, with paths where
//! something does.

pub(super) mod fields;

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_ignored::Path;
use serde_json::Value;

use super::error::ManifestError;
use super::warnings::Warnings;

/// Reads a document, and says which of its fields were passed over.
pub(super) fn decode<T: DeserializeOwned>(
    document: &Value,
    warnings: &mut Warnings,
) -> Result<T, ManifestError> {
    let mut passed_over = |path: Path<'_>| warnings.unused(&written(&path), fields::known_at::<T>);
    let fields = serde_ignored::Deserializer::new(document, &mut passed_over);
    serde_path_to_error::deserialize(fields).map_err(|error| ManifestError {
        path: path_of(error.path()),
        problem: in_words(&error.inner().to_string()),
    })
}

/// Reads a document of the store: at first without paths, which cost more than the reading.
pub(super) fn decode_stored<R: DeserializeOwned, T>(
    document: &[u8],
    check: impl Fn(R) -> Result<T, ManifestError>,
) -> Result<T, ManifestError> {
    if let Ok(fields) = serde_json::from_slice(document) {
        return check(fields);
    }
    let mut document: Value = serde_json::from_slice(document).map_err(|error| ManifestError {
        path: String::new(),
        problem: format!("the document is not JSON: {error}"),
    })?;
    strip_nulls(&mut document);
    check(decode(&document, &mut Warnings::default())?)
}

/// Reads a struct from an object. What serde derives takes a list of the fields, too.
pub(super) trait FromObject: Sized {
    /// The fields that it knows.
    fn fields() -> &'static [&'static str];

    fn from_members<'de, A: MapAccess<'de>>(
        members: MapAccessDeserializer<A>,
    ) -> Result<Self, A::Error>;
}

/// Lets structs with `#[serde(remote = "Self")]` be read from objects only.
macro_rules! from_object {
    ($($name:ident),*) => {
        $(
            impl crate::manifest::decode::FromObject for $name {
                fn fields() -> &'static [&'static str] {
                    crate::manifest::decode::fields::told(|way| Self::deserialize(way).err())
                }

                fn from_members<'de, A: serde::de::MapAccess<'de>>(
                    members: serde::de::value::MapAccessDeserializer<A>,
                ) -> Result<Self, A::Error> {
                    Self::deserialize(members)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(found: D) -> Result<Self, D::Error> {
                    crate::manifest::decode::object(found)
                }
            }
        )*
    };
}
pub(super) use from_object;

pub(super) fn object<'de, T: FromObject, D: Deserializer<'de>>(found: D) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<T>);

    impl<'de, T: FromObject> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
            T::from_members(MapAccessDeserializer::new(members))
        }
    }

    // The fields are for [`fields`]; whatever else is read from passes them over.
    found.deserialize_struct("", T::fields(), Members(PhantomData))
}

/// Takes away members that are null: to Kubernetes they are absent.
pub(super) fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

fn written(path: &Path<'_>) -> String {
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", written(parent)),
        Path::Map { parent, key } => match written(parent) {
            parent if parent.is_empty() => key.clone(),
            parent => format!("{parent}.{key}"),
        },
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => written(parent),
    }
}

fn path_of(path: &serde_path_to_error::Path) -> String {
    let path = path.to_string();
    // The document itself.
    if path == "." { String::new() } else { path }
}

/// serde's words for what JSON calls otherwise.
fn in_words(problem: &str) -> String {
    [
        ("expected i64", "expected an integer"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected an object"),
        (": sequence", ": a list"),
        (": map", ": an object"),
    ]
    .iter()
    .fold(problem.to_owned(), |text, (serde, json)| text.replace(serde, json))
}
