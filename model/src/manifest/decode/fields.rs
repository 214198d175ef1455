//! Which fields a kind knows: asked of what reads it, so that no list of them can be out of date.

use std::cell::Cell;
use std::fmt;
use std::iter::once;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

type Fields = &'static [&'static str];

/// The fields of the object that a path leads to, without indexes; none where that is no object with
/// fields of its own.
pub(in crate::manifest) fn known_at<T: DeserializeOwned>(path: &str) -> Fields {
    let steps: Vec<&str> = path.split('.').filter(|step| !step.is_empty()).collect();
    let found = Cell::new(&[][..]);
    // It ends with an error always, there or on the way.
    let _ = T::deserialize(Way { steps: &steps, found: &found });
    found.get()
}

/// The fields that a struct asks for when it is read with what serde derives.
pub(in crate::manifest) fn told(read: impl FnOnce(Way<'_>) -> Option<End>) -> Fields {
    let found = Cell::new(&[][..]);
    let _ = read(Way { steps: &[], found: &found });
    found.get()
}

/// A document with nothing in it but the way to one object.
#[derive(Clone, Copy)]
pub(in crate::manifest) struct Way<'w> {
    steps: &'w [&'w str],
    found: &'w Cell<Fields>,
}

/// The way ends.
#[derive(Debug)]
pub(in crate::manifest) struct End;

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the way ends")
    }
}

impl std::error::Error for End {}

impl Error for End {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

impl<'de> Deserializer<'de> for Way<'_> {
    type Error = End;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Fields,
        visitor: V,
    ) -> Result<V::Value, End> {
        let Some((step, rest)) = self.steps.split_first() else {
            self.found.set(fields);
            return Err(End);
        };
        visitor.visit_map(MapDeserializer::new(once((*step, Self { steps: rest, ..self }))))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, End> {
        visitor.visit_seq(SeqDeserializer::new(once(self)))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, End> {
        Err(End)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct tuple tuple_struct map enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, End> for Way<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::service::RawService;

    #[test]
    fn the_fields_of_every_object_on_the_way_are_known() {
        let knows = |path: &str, field: &str| known_at::<RawService>(path).contains(&field);
        assert!(knows("", "spec") && knows("metadata", "labels") && knows("spec", "clusterIP"));
        assert!(knows("spec.ports", "targetPort") && knows("status.loadBalancer", "ingress"));
        assert!(knows("spec.sessionAffinityConfig.clientIP", "timeoutSeconds"));
        for path in ["spec.selector", "spec.type", "spec.nothing", "spec.nothing.more"] {
            assert_eq!(known_at::<RawService>(path), [""; 0], "{path}");
        }
    }
}
