//! What the store's keys come to as objects: all of them at once, or change by change.
//!
//! | module | its one job |
//! | --- | --- |
//! | `plain` | an object that is one key |
//! | `nodes` | a node is its record, its subnets, its sign of life and what people say of it |
//! | `namespaces` | a namespace is there when somebody made it, and while anything is in it |

pub(crate) mod namespaces;
pub(crate) mod nodes;
mod plain;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};

use pontoon_model::key::{self, Key};
use pontoon_model::name::Namespace;
use pontoon_model::object::Kind;
use pontoon_store::{Event, KeyValue, Revision, Store};
use serde_json::Value;

use namespaces::Namespaces;
use nodes::Nodes;

/// An object of the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Its key; that of a namespace need not exist.
    pub(crate) key: Key,
    /// Its namespace, where it is in one.
    pub(crate) namespace: Option<Namespace>,
    /// Its name.
    pub(crate) name: String,
    /// What Kubernetes would show.
    pub(crate) document: Value,
    /// Changes with the document.
    pub(crate) version: u64,
}

/// What an event made of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// It is this now.
    Is(Box<Item>),
    /// It is gone.
    Gone {
        /// Its key.
        key: Key,
        /// What it was, where that is still known.
        last: Option<Box<Item>>,
    },
}

/// The objects of a kind.
#[derive(Debug)]
pub(crate) enum Projection {
    /// Each is one key.
    Plain(Kind),
    /// Nodes.
    Nodes(Nodes),
    /// Namespaces.
    Namespaces(Namespaces),
}

impl Projection {
    /// Of a kind; `None` for endpoints, which are no business of the store's.
    #[must_use]
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Service | Kind::EndpointSlice | Kind::Pod | Kind::Subnet => {
                Some(Self::Plain(kind))
            }
            Kind::Node => Some(Self::Nodes(Nodes::default())),
            Kind::Namespace => Some(Self::Namespaces(Namespaces::default())),
            Kind::Endpoints => None,
        }
    }

    /// The prefixes of the keys that it is made of, as far as objects of a namespace are asked for.
    #[must_use]
    pub(crate) fn prefixes(&self, namespace: Option<&Namespace>) -> Vec<String> {
        let prefixes: &[&str] = match (self, namespace) {
            (Self::Plain(Kind::Service), Some(in_it)) => {
                return vec![format!("{}{in_it}/", key::SERVICES)];
            }
            (Self::Plain(Kind::EndpointSlice), Some(in_it)) => {
                return vec![format!("{}{in_it}/", key::ENDPOINT_SLICES)];
            }
            (Self::Plain(Kind::Service), None) => &[key::SERVICES],
            (Self::Plain(Kind::EndpointSlice), None) => &[key::ENDPOINT_SLICES],
            (Self::Plain(Kind::Subnet), _) => &[key::SUBNETS],
            (Self::Plain(_), _) => &[key::PODS],
            (Self::Nodes(_), _) => &[key::NODES, key::SUBNETS, key::ALIVE, key::MARKS],
            (Self::Namespaces(_), _) => {
                &[key::NAMESPACES, key::SERVICES, key::ENDPOINT_SLICES, key::PODS]
            }
        };
        prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
    }

    /// Begins anew with these keys, and says which objects that makes.
    pub(crate) fn replace(&mut self, items: &[KeyValue]) -> Vec<Item> {
        match self {
            Self::Plain(kind) => items.iter().filter_map(|at| plain::item(*kind, at)).collect(),
            Self::Nodes(nodes) => nodes.replace(items),
            Self::Namespaces(namespaces) => namespaces.replace(items),
        }
    }

    /// Takes in an event, and says what became of objects by it.
    pub(crate) fn change(&mut self, event: &Event) -> Vec<Change> {
        match self {
            Self::Plain(kind) => plain::change(*kind, event).into_iter().collect(),
            Self::Nodes(nodes) => nodes.change(event),
            Self::Namespaces(namespaces) => namespaces.change(event).into_iter().collect(),
        }
    }
}

/// All keys of these prefixes, of one moment: `at`, or now.
pub(crate) async fn listing(
    store: &dyn Store,
    prefixes: &[String],
    at: Option<Revision>,
) -> pontoon_store::Result<(Revision, Vec<KeyValue>)> {
    let mut at = at;
    let mut items = Vec::new();
    for prefix in prefixes {
        let mut listing = store.list(prefix, at).await?;
        at.get_or_insert(listing.revision);
        items.append(&mut listing.items);
    }
    Ok((at.unwrap_or_default(), items))
}

/// A number that changes with a document.
pub(crate) fn version_of(document: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    document.to_string().hash(&mut hasher);
    hasher.finish()
}
