//! What objects look like. What people apply may hold more than is used; what the daemon makes up
//! holds what stands here and nothing else.

use pontoon_model::object::Kind;
use serde_json::{Value, json};

use super::SCHEMAS;

/// An object of a kind.
pub(super) fn object(kind: Kind) -> Value {
    let names = kind.names();
    let mut properties = json!({
        "apiVersion": {"const": names.api_version},
        "kind": {"const": names.kind},
        "metadata": {"$ref": format!("{SCHEMAS}ObjectMetadata")},
    });
    let (about, spec, status) = parts(kind);
    for (key, schema) in [("spec", spec), ("status", status)] {
        if let Some(schema) = schema {
            properties[key] = schema;
        }
    }
    match kind {
        Kind::Endpoints => properties["subsets"] = list_of(subset()),
        Kind::EndpointSlice => {
            properties["addressType"] = json!({"enum": ["IPv4", "IPv6", "FQDN"]});
            properties["endpoints"] = list_of(json!({"type": "object"}));
            properties["ports"] = list_of(json!({"type": "object"}));
        }
        _ => {}
    }
    let mut schema = json!({
        "type": "object",
        "description": about,
        "required": ["apiVersion", "kind", "metadata"],
        "properties": properties,
    });
    if !Kind::APPLIED.contains(&kind) {
        schema["additionalProperties"] = false.into();
    }
    schema
}

/// Several of them.
pub(super) fn list(kind: Kind) -> Value {
    let names = kind.names();
    json!({
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "items"],
        "properties": {
            "apiVersion": {"const": names.api_version},
            "kind": {"const": format!("{}List", names.kind)},
            "metadata": {"$ref": format!("{SCHEMAS}ListMetadata")},
            "items": list_of(json!({"$ref": format!("{SCHEMAS}{}", names.kind)})),
        },
        "additionalProperties": false,
    })
}

/// What happens to one of them.
pub(super) fn event(kind: Kind) -> Value {
    let object = json!({"$ref": format!("{SCHEMAS}{}", kind.names().kind)});
    json!({
        "type": "object",
        "required": ["type", "object"],
        "properties": {
            "type": {"enum": ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]},
            "object": object,
        },
        "additionalProperties": false,
    })
}

/// `metadata` of any object.
pub(super) fn metadata() -> Value {
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "namespace": {"type": "string"},
            "labels": texts,
            "annotations": texts,
            "resourceVersion": {"type": "string", "description": "Changes with the object; read nothing into it. Applied, it says which state the change is of."},
            "uid": {"type": "string"},
            "creationTimestamp": {"type": "string", "format": "date-time"},
        },
    })
}

/// What a kind is, and its `spec` and `status`.
fn parts(kind: Kind) -> (&'static str, Option<Value>, Option<Value>) {
    let any = || Some(json!({"type": "object"}));
    match kind {
        Kind::Service => (
            "A Kubernetes Service. Addresses and ports that are not given are allocated.",
            any(),
            any(),
        ),
        Kind::EndpointSlice => ("A Kubernetes EndpointSlice.", None, None),
        Kind::Namespace => (
            "A namespace: there when somebody made it, and while anything is in it.",
            any(),
            Some(closed(json!({"phase": {"const": "Active"}}))),
        ),
        Kind::Pod => (
            "What concerns the network of a pod that a container runtime has started.",
            any(),
            Some(closed(json!({
                "phase": {"type": "string"},
                "podIP": ip(),
                "podIPs": list_of(closed(json!({"ip": ip()}))),
                "conditions": list_of(condition()),
            }))),
        ),
        Kind::Node => (
            "A host, as its daemon tells of it, and what people say of it.",
            Some(closed(json!({
                "podCIDRs": list_of(json!({"type": "string"})),
                "unschedulable": {"type": "boolean", "description": "It gets no new pods."},
                "cordon": {"$ref": format!("{SCHEMAS}Cordon")},
            }))),
            Some(closed(json!({
                "addresses": list_of(closed(json!({"type": {"const": "InternalIP"}, "address": ip()}))),
                "conditions": list_of(condition()),
                "nodeInfo": closed(json!({
                    "pontoonVersion": {"type": "string"},
                    "vxlanMAC": {"type": "string"},
                })),
            }))),
        ),
        Kind::Subnet => (
            "A block of pod addresses, and the node that holds it.",
            Some(closed(json!({"cidr": {"type": "string"}, "nodeName": {"type": "string"}}))),
            None,
        ),
        Kind::Endpoints => (
            "Who answers for a service, as this node sees it. Computed from pods and slices.",
            None,
            None,
        ),
    }
}

fn subset() -> Value {
    let address = closed(json!({
        "ip": ip(),
        "hostname": {"type": "string"},
        "nodeName": {"type": "string"},
        "zone": {"type": "string"},
        "targetRef": closed(json!({
            "kind": {"const": "Pod"},
            "name": {"type": "string"},
            "namespace": {"type": "string"},
        })),
    }));
    let port = closed(json!({
        "name": {"type": "string"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "protocol": {"enum": ["TCP", "UDP", "SCTP"]},
    }));
    closed(json!({
        "addresses": list_of(address.clone()),
        "notReadyAddresses": list_of(address),
        "ports": list_of(port),
    }))
}

fn condition() -> Value {
    closed(json!({
        "type": {"const": "Ready"},
        "status": {"enum": ["True", "False", "Unknown"]},
        "reason": {"type": "string"},
    }))
}

fn ip() -> Value {
    json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]})
}

fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn closed(properties: Value) -> Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}
