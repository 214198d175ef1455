//! Where things are.

use crate::name::Namespace;
use crate::object::{Kind, Selection};

/// The document that describes all of it.
pub const OPENAPI: &str = "/v1/openapi.json";
/// What the daemon knows of itself and its cluster.
pub const STATUS: &str = "/v1/status";
/// What is wrong with the node and its cluster.
pub const DOCTOR: &str = "/v1/doctor";
/// How well nodes reach each other.
pub const MESH: &str = "/v1/mesh";
/// Where documents are applied.
pub const APPLY: &str = "/v1/apply";
/// How a packet goes.
pub const TRACE: &str = "/v1/trace";
/// How packets cross hosts.
pub const BACKEND: &str = "/v1/backend";

/// All objects of a kind, in a namespace or in all of them.
#[must_use]
pub fn collection(kind: Kind, namespace: Option<&Namespace>) -> String {
    let names = kind.names();
    match namespace.filter(|_| names.namespaced) {
        Some(namespace) => format!("/v1/namespaces/{namespace}/{}", names.plural),
        None => format!("/v1/{}", names.plural),
    }
}

/// One object. Of a kind that is in namespaces it needs one.
#[must_use]
pub fn object(kind: Kind, namespace: Option<&Namespace>, name: &str) -> String {
    let default = Namespace::default();
    format!("{}/{}", collection(kind, Some(namespace.unwrap_or(&default))), encoded(name))
}

/// The value of `labelSelector` that means the labels of a selection; nothing when it has none.
#[must_use]
pub fn label_selector(selection: &Selection) -> Option<String> {
    (!selection.labels.is_empty()).then(|| selection.labels.to_string())
}

/// A text as a part of a path or a query (RFC 3986, section 2.1).
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                encoded.push(char::from(byte));
            }
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_where_their_namespace_and_kind_say() {
        let shop = "shop".parse().unwrap();
        for (kind, namespace, path) in [
            (Kind::Service, Some(&shop), "/v1/namespaces/shop/services"),
            (Kind::Service, None, "/v1/services"),
            (Kind::Node, Some(&shop), "/v1/nodes"),
            (Kind::Namespace, None, "/v1/namespaces"),
        ] {
            assert_eq!(collection(kind, namespace), path);
        }
        assert_eq!(object(Kind::Pod, None, "web"), "/v1/namespaces/default/pods/web");
        assert_eq!(object(Kind::Pod, None, "../a b"), "/v1/namespaces/default/pods/..%2Fa%20b");
        assert_eq!(object(Kind::Subnet, None, "fd00::-64"), "/v1/subnets/fd00::-64");
    }
}
