//! Which namespaces and labels a command is about.

use std::collections::BTreeMap;
use std::str::FromStr;

use clap::Args;
use pontoon_model::name::{NameError, Namespace};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::labels;

use crate::kinds::Target;

/// Namespaces and labels.
#[derive(Debug, Clone, Args)]
pub(crate) struct Scope {
    /// The namespace of the objects [default: default]
    #[arg(short, long, value_name = "NAMESPACE", add = crate::completion::namespaces())]
    namespace: Option<Namespace>,
    /// Objects of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
    /// Only objects with these labels: key=value, or key alone for any value, with commas between
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<Labels>,
}

impl Scope {
    /// Objects of a namespace.
    pub(crate) const fn in_namespace(namespace: Option<Namespace>) -> Self {
        Self { namespace, all_namespaces: false, selector: None }
    }

    /// The namespace that names are in; `None` for all of them.
    pub(crate) fn namespace(&self) -> Option<Namespace> {
        (!self.all_namespaces).then(|| self.namespace.clone().unwrap_or_default())
    }

    /// This, for an object that names its namespace itself.
    ///
    /// # Errors
    /// When it is not the one that was asked for, or none.
    pub(crate) fn narrowed(&self, own: &str) -> Result<Self, String> {
        let own: Namespace = own.parse().map_err(|error: NameError| error.to_string())?;
        match &self.namespace {
            Some(asked) if *asked != own => Err(elsewhere(own.as_str(), asked)),
            _ => Ok(Self { namespace: Some(own), ..self.clone() }),
        }
    }

    /// This, in the namespace of what was chosen.
    pub(crate) fn within(&self, namespace: Option<&Namespace>) -> Self {
        Self { namespace: namespace.cloned(), ..self.clone() }
    }

    /// Where objects of a kind are looked for, as in " in namespace default".
    pub(crate) fn place(&self, kind: Kind) -> String {
        match self.namespace() {
            Some(namespace) if kind.names().namespaced => format!(" in namespace {namespace}"),
            _ => String::new(),
        }
    }

    /// The objects meant.
    pub(crate) fn selection(&self, target: &Target) -> Selection {
        let kind = target.kind;
        Selection {
            kind,
            namespace: if kind.names().namespaced { self.namespace() } else { None },
            names: target.names.clone(),
            labels: self.selector.clone().map(|labels| labels.0).unwrap_or_default(),
        }
    }
}

/// That an object is in another namespace than the one asked for.
pub(crate) fn elsewhere(own: &str, asked: &Namespace) -> String {
    format!("{own:?} is not the namespace {asked} of -n: leave one of them out")
}

/// Labels that objects must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Labels(BTreeMap<String, Option<String>>);

impl Labels {
    /// Keys, and values where they matter.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_deref()))
    }
}

impl FromStr for Labels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        labels::parse(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_read_as_kubectl_does() {
        let read = |text: &str| text.parse::<Labels>().map(|labels| labels.0);
        let of = |labels: &[(&str, Option<&str>)]| {
            let owned =
                |(key, value): &(&str, Option<&str>)| ((*key).to_owned(), value.map(str::to_owned));
            Ok(labels.iter().map(owned).collect::<BTreeMap<_, _>>())
        };
        assert_eq!(read("app=web"), of(&[("app", Some("web"))]));
        assert_eq!(read("app==web, tier"), of(&[("app", Some("web")), ("tier", None)]));
        assert_eq!(read("example.com/a="), of(&[("example.com/a", Some(""))]));
        assert_eq!(read("app,app=web,app"), of(&[("app", Some("web"))]));
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in ["", "a=b,", "app!=web", "!app", "app in (a,b)", "=x", "a=b c", "a=1,a=2"] {
            assert!(text.parse::<Labels>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn labels_that_are_written_are_read(
            labels in proptest::collection::btree_map("[a-z]([a-z0-9._-]{0,8}[a-z0-9])?", proptest::option::of("([a-zA-Z0-9]([a-z0-9._-]{0,8}[a-z0-9])?)?"), 1..5),
            spaces in "[ ]{0,2}",
        ) {
            let part = |(key, value): (&String, &Option<String>)| match value {
                Some(value) => format!("{key}={value}{spaces}"),
                None => format!("{spaces}{key}"),
            };
            let text: Vec<String> = labels.iter().map(part).collect();
            prop_assert_eq!(text.join(",").parse::<Labels>(), Ok(Labels(labels)));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Labels>();
        }
    }
}
