//! What is spoken of objects with the daemon: apply, get, delete, label, annotate.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::Failure;
use crate::name::Namespace;
use crate::rest::LabelSelector;

/// A kind of object that Pontoon serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// `v1`
    Service,
    /// `discovery.k8s.io/v1`
    EndpointSlice,
    /// `v1`
    Namespace,
    /// `v1`; only what concerns the network of one that a container runtime has started.
    Pod,
    /// `v1`; what a host's daemon says of it, and what people say.
    Node,
    /// `pontoon.net/v1`; a block of pod addresses and the node that holds it.
    Subnet,
    /// `v1`; who answers for a service as this node sees it, computed.
    Endpoints,
}

/// What kubectl calls a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindNames {
    /// `apiVersion` of its documents.
    pub api_version: &'static str,
    /// `kind` of its documents.
    pub kind: &'static str,
    /// One of it.
    pub singular: &'static str,
    /// Several.
    pub plural: &'static str,
    /// For hasty fingers.
    pub short: &'static [&'static str],
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::EndpointSlice,
        Self::Namespace,
        Self::Pod,
        Self::Node,
        Self::Subnet,
        Self::Endpoints,
    ];
    /// Those that people apply; the others come about by themselves.
    pub const APPLIED: [Self; 4] = [Self::Service, Self::EndpointSlice, Self::Namespace, Self::Pod];

    /// What it is called.
    #[must_use]
    pub const fn names(self) -> KindNames {
        let (api_version, kind, singular, plural, short, namespaced): (_, _, _, _, &[&str], _) =
            match self {
                Self::Service => ("v1", "Service", "service", "services", &["svc"], true),
                Self::EndpointSlice => (
                    "discovery.k8s.io/v1",
                    "EndpointSlice",
                    "endpointslice",
                    "endpointslices",
                    &["eps"],
                    true,
                ),
                Self::Namespace => ("v1", "Namespace", "namespace", "namespaces", &["ns"], false),
                Self::Pod => ("v1", "Pod", "pod", "pods", &["po"], true),
                Self::Node => ("v1", "Node", "node", "nodes", &["no"], false),
                Self::Subnet => ("pontoon.net/v1", "Subnet", "subnet", "subnets", &["sn"], false),
                Self::Endpoints => ("v1", "Endpoints", "endpoints", "endpoints", &["ep"], true),
            };
        KindNames { api_version, kind, singular, plural, short, namespaced }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names().singular)
    }
}

/// Which objects are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace; `None` means all. Of no concern to namespaces.
    #[serde(default)]
    pub namespace: Option<Namespace>,
    /// Their names; empty means all that the labels leave.
    #[serde(default)]
    pub names: Vec<String>,
    /// Labels that they must have.
    #[serde(default)]
    pub labels: LabelSelector,
}

/// A change of labels, or of annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelChange {
    /// Those to set.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Those to take away.
    #[serde(default)]
    pub remove: Vec<String>,
    /// Whether one may be set that has another value already.
    #[serde(default)]
    pub overwrite: bool,
}

impl LabelChange {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }
}

/// A change of labels and annotations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Of labels.
    pub labels: LabelChange,
    /// Of annotations.
    pub annotations: LabelChange,
}

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Its kind, where that was understood.
    pub kind: Option<Kind>,
    /// Its namespace, where it has one.
    pub namespace: Option<Namespace>,
    /// Its name; empty where the document has none.
    pub name: String,
    /// What was done, or why not.
    pub result: OutcomeResult,
    /// What was read and is not used, as sentences that begin with the field's path.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The object as it would be: of a dry run only, in which nobody could read it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
}

/// What was done with an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeResult {
    /// It is new.
    Created,
    /// It was changed.
    Configured,
    /// It was as it should be.
    Unchanged,
    /// Its labels were changed.
    Labeled,
    /// Its annotations were changed.
    Annotated,
    /// It is gone.
    Deleted,
    /// Nothing was done with it.
    Failed(Failure),
}

/// Objects as Kubernetes documents.
pub type Documents = Vec<Value>;

/// A list as `{"items": […]}` on the wire: a variant that is tagged inside must be a map.
pub(crate) mod listed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct Written<'a, T> {
        items: &'a [T],
    }

    #[derive(Deserialize)]
    struct Read<T> {
        items: Vec<T>,
    }

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        items: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Written { items }.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        Read::deserialize(deserializer).map(|read| read.items)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::{Code, Response};

    #[test]
    fn answers_about_objects_survive_the_wire() {
        let failed = Failure::new(Code::NotFound, "there is none", "");
        let outcome = Outcome {
            kind: Some(Kind::Service),
            namespace: Some(Namespace::default()),
            name: "web".to_owned(),
            result: OutcomeResult::Failed(failed),
            warnings: vec!["spec.foo: not used".to_owned()],
            document: Some(json!({"kind": "Service"})),
        };
        for response in [
            Response::Objects(vec![json!({"kind": "Service", "spec": {"ports": [{"port": 80}]}})]),
            Response::Objects(Vec::new()),
            Response::Outcomes(vec![outcome]),
        ] {
            let text = serde_json::to_string(&response).unwrap();
            assert_eq!(serde_json::from_str::<Response>(&text).unwrap(), response, "{text}");
        }
    }
}
