//! The store's keys as they are in the book, `docs/store.md`, held against the types.
//! `UPDATE_GOLDEN=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::Key;
use crate::cluster::ClusterConfig;
use crate::mesh::MeshRow;
use crate::node::{Liveness, NodeMarks, NodeRecord};
use crate::pod::PodRecord;
use crate::subnet::SubnetRecord;
use crate::trace::live::{Probe, Report};

/// What is kept under keys of one shape.
struct Shape {
    /// How they are written.
    key: &'static str,
    /// One of them.
    example: &'static str,
    /// What is kept there.
    value: &'static str,
    /// Who writes it, and when it goes.
    writer: &'static str,
}

/// All shapes.
const SHAPES: &[Shape] = &[
    Shape {
        key: "config",
        example: "config",
        value: "what all nodes share: `podCidrs`, `nodePrefixV4`, `nodePrefixV6`, `serviceCidrs`, `nodePortRange`, `backend`, `clusterDomain`, `dnsAddresses`",
        writer: "the first daemon, or `pontoon init`; `pontoon backend set`",
    },
    Shape {
        key: "nodes/<node>",
        example: "nodes/host-1",
        value: "`name`, `machineId`, `underlay`, `addresses`, `vxlanMac`, `zone`, `version`",
        writer: "the node; stays until `pontoon node remove`",
    },
    Shape {
        key: "subnets/<address>-<length>",
        example: "subnets/10.244.1.0-24",
        value: "`node` and `machineId` of the owner",
        writer: "the node, if nobody has it; stays until `pontoon node remove`",
    },
    Shape {
        key: "alive/<node>",
        example: "alive/host-1",
        value: "`applied`: the revision that the node's kernel follows",
        writer: "the node, under a lease: it goes when the node is silent",
    },
    Shape {
        key: "marks/<node>",
        example: "marks/host-1",
        value: "`labels`, `annotations`, `cordon`",
        writer: "people: `pontoon label node`, `annotate`, `node cordon`",
    },
    Shape {
        key: "mesh/<node>",
        example: "mesh/host-1",
        value: "what the node measured: `probed`, `dns`, `service`, `peers` ([mesh.md](mesh.md))",
        writer: "the node, under a lease, when it has changed enough to matter",
    },
    Shape {
        key: "traces/<id>",
        example: "traces/4f1c0a",
        value: "a packet that nodes look for: `sender`, `pod`, `destination`, `port`, `transport`, `sourcePort`, `targets`, `nodes` ([trace.md](trace.md))",
        writer: "the daemon that was asked by `pontoon trace --live`, under a lease of seconds",
    },
    Shape {
        key: "traces/<id>/<node>",
        example: "traces/4f1c0a/host-1",
        value: "what the node sees of it: `stage`, `echo`, `sights`, `problem`",
        writer: "the node, under the same lease",
    },
    Shape {
        key: "pods/<node>/<namespace>/<name>",
        example: "pods/host-1/default/web",
        value: "`namespace`, `name`, `node`, `containerId`, `addresses`, `labels`, `annotations`, `ports`, `hostname`, `subdomain`, `aliases`, `generation` (of changes by people), `ready`",
        writer: "the node that runs it; goes with the pod",
    },
    Shape {
        key: "services/<namespace>/<name>",
        example: "services/default/web",
        value: "a Kubernetes v1 Service",
        writer: "`pontoon apply`",
    },
    Shape {
        key: "endpointslices/<namespace>/<name>",
        example: "endpointslices/default/db-1",
        value: "a discovery.k8s.io/v1 EndpointSlice, for services without a selector",
        writer: "`pontoon apply`",
    },
    Shape {
        key: "namespaces/<name>",
        example: "namespaces/shop",
        value: "a Kubernetes v1 Namespace; those without labels need no key",
        writer: "`pontoon apply`",
    },
    Shape {
        key: "cluster-ips/<address>",
        example: "cluster-ips/10.96.0.80",
        value: "the service that holds the address, as `namespace/name`",
        writer: "the daemon that admits the service, in the same transaction",
    },
    Shape {
        key: "node-ports/<port>",
        example: "node-ports/30080",
        value: "the service that holds the port, as `namespace/name`",
        writer: "the daemon that admits the service, in the same transaction",
    },
];

fn markdown() -> String {
    let mut page = String::from(
        "# Keys of the store\n\n<!-- Made from model/src/key: `cargo xtask docs` writes it anew. -->\n\n\
         Below `store.etcd.prefix` (`/pontoon/v1` unless configured otherwise), values in JSON, names of fields as\n\
         Kubernetes writes them. The embedded store has the same keys in a file. Reading is harmless:\n\n\
         ```sh\netcdctl get --prefix /pontoon/v1/nodes/\n```\n\n\
         Write by `pontoon` and its API only: they check, and allocate. A value that a daemon cannot read is reported\n\
         (`pontoon status`) and passed over; what was known of that key before goes on.\n\n\
         | key | value | written by |\n| --- | --- | --- |\n",
    );
    for Shape { key, value, writer, .. } in SHAPES {
        writeln!(page, "| `{key}` | {value} | {writer} |").unwrap();
    }
    page
}

#[test]
fn every_kind_of_key_has_its_shape() {
    let kind = |key: &Key| match key {
        Key::Config => 0,
        Key::Subnet(_) => 1,
        Key::Node(_) => 2,
        Key::Alive(_) => 3,
        Key::Marks(_) => 4,
        Key::Pod(..) => 5,
        Key::Service(_) => 6,
        Key::EndpointSlice(_) => 7,
        Key::Namespace(_) => 8,
        Key::ClusterIp(_) => 9,
        Key::NodePort(_) => 10,
        Key::Mesh(_) => 11,
        Key::Trace(_) => 12,
        Key::Sights(..) => 13,
    };
    let keys = SHAPES.iter().map(|shape| shape.example.parse::<Key>().unwrap());
    let kinds: BTreeSet<_> = keys.map(|key| kind(&key)).collect();
    assert_eq!(kinds, (0..=13).collect());
    assert_eq!(SHAPES.len(), 14);
}

/// Every field of these types, by an example of each in which none is left out.
#[test]
fn the_fields_of_our_own_values_are_told() {
    let named = |text: &str| json!([{"name": text, "port": 80}]);
    let node: NodeRecord = serde_json::from_value(json!({
        "name": "host-1", "machineId": "m", "underlay": "192.0.2.1", "addresses": ["192.0.2.1"],
        "vxlanMac": "02:00:00:00:00:01", "zone": "z", "version": "1",
    }))
    .unwrap();
    let pod: PodRecord = serde_json::from_value(json!({
        "namespace": "default", "name": "web", "node": "host-1", "containerId": "c",
        "addresses": ["10.244.1.2"], "labels": {"a": "b"}, "annotations": {"a": "b"}, "ports": named("http"),
        "hostname": "h", "subdomain": "s", "aliases": ["w"], "generation": 1, "ready": true,
    }))
    .unwrap();
    let marks: NodeMarks = serde_json::from_value(json!({
        "labels": {"a": "b"}, "annotations": {"a": "b"}, "cordon": {"by": "user alice", "at": "now"},
    }))
    .unwrap();
    let good = json!({"lossPercent": 0, "rttUs": 300});
    let row: MeshRow = serde_json::from_value(json!({
        "probed": 1, "dns": good, "service": good, "peers": {"host-2": {"underlay": good}},
    }))
    .unwrap();
    let probe: Probe = serde_json::from_value(json!({
        "sender": "host-1", "pod": {"namespace": "default", "name": "web"}, "destination": "10.96.0.80",
        "port": 80, "transport": "TCP", "sourcePort": 61000, "targets": ["10.96.0.80"], "nodes": ["host-1"],
    }))
    .unwrap();
    let report: Report = serde_json::from_value(json!({
        "stage": "done", "echo": {"answered": {"micros": 300}}, "problem": "none",
        "sights": [{"pass": 1, "answers": false, "dropped": false,
            "rule": {"table": "t", "chain": "c", "rule": "r", "verdict": "accept"}}],
    }))
    .unwrap();
    let owner = SubnetRecord { node: "host-1".parse().unwrap(), machine_id: "m".to_owned() };
    let config = ClusterConfig { dns_addresses: Some(Vec::new()), ..ClusterConfig::default() };
    for (key, value) in [
        ("config", serde_json::to_value(config)),
        ("nodes/<node>", serde_json::to_value(node)),
        ("subnets/<address>-<length>", serde_json::to_value(owner)),
        ("alive/<node>", serde_json::to_value(Liveness { applied: 1 })),
        ("marks/<node>", serde_json::to_value(marks)),
        ("mesh/<node>", serde_json::to_value(row)),
        ("traces/<id>", serde_json::to_value(probe)),
        ("traces/<id>/<node>", serde_json::to_value(report)),
        ("pods/<node>/<namespace>/<name>", serde_json::to_value(pod)),
    ] {
        let shape = SHAPES.iter().find(|shape| shape.key == key).unwrap();
        for field in value.unwrap().as_object().unwrap().keys() {
            assert!(shape.value.contains(&format!("`{field}`")), "{key}: {field} is not told");
        }
    }
}

#[test]
fn the_shapes_in_the_book_are_these() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/store.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, markdown()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == markdown(), "{path} is another: `cargo xtask docs`");
}
