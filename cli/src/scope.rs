//! Which namespaces and labels a command is about.

use clap::Args;
use pontoon_model::name::{NameError, Namespace};
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::LabelSelector;

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
    /// Only objects with these labels, with commas between: key=value, key!=value, 'key in (a,b)', 'key notin (a,b)', key or '!key'
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub(crate) selector: Option<LabelSelector>,
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
            labels: self.selector.clone().unwrap_or_default(),
        }
    }
}

/// That an object is in another namespace than the one asked for.
pub(crate) fn elsewhere(own: &str, asked: &Namespace) -> String {
    format!("{own:?} is not the namespace {asked} of -n: leave one of them out")
}
