//! What the suite stands on: the real binary, a daemon that answers as it is told, and network
//! namespaces for chains.

pub(crate) mod daemon;
pub(crate) mod namespaces;
pub(crate) mod plugin;

use pontoon_model::api::{Code, Failure, Response};
use pontoon_model::attachment::{Attached, AttachedAddress, AttachmentId, Dns, Interface};
use pontoon_model::mac::MacAddr;
use serde_json::{Value, json};

/// Every version that the plugin speaks, oldest first.
pub(crate) const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The network configuration that the daemon installs, as a runtime hands it over.
pub(crate) fn conf(version: &str) -> Value {
    json!({"cniVersion": version, "name": "pontoon", "type": "pontoon-cni"})
}

/// The attachment of [`plugin::Plugin`]'s environment.
pub(crate) fn id() -> AttachmentId {
    AttachmentId { container_id: "c1".parse().unwrap(), ifname: "eth0".parse().unwrap() }
}

/// What a daemon answers to ADD.
pub(crate) fn attached() -> Attached {
    let interface = |name: &str, last| Interface {
        name: name.parse().unwrap(),
        mac: MacAddr([2, 0, 0, 0, 0, last]),
    };
    let address = |address: &str, gateway: &str| AttachedAddress {
        address: address.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
    };
    Attached {
        pod_interface: interface("eth0", 3),
        host_interface: interface("ptn0123456789ab", 2),
        bridge: interface("pontoon0", 1),
        mtu: 1450,
        addresses: vec![
            address("10.244.1.7/32", "10.244.1.1"),
            address("fd00:10:244:1::7/128", "fd00:10:244:1::1"),
        ],
        dns: Dns::default(),
    }
}

pub(crate) fn failed(code: Code, msg: &str, details: &str) -> Response {
    Response::Failed(Failure::new(code, msg, details))
}
