//! Nodes, subnets and namespaces.

use ipnetwork::IpNetwork;
use serde_json::Value;

use super::sheet::Sheet;
use super::{Known, metadata};
use crate::grid::Cell;
use crate::table::{list, text, texts};

pub(super) fn node(sheet: &mut Sheet, node: &Value, known: &Known) {
    let name = text(node, "/metadata/name");
    let own = known.status.node.as_str() == name;
    metadata(sheet, node, known);
    let addresses = list(node, "/status/addresses").iter().map(|address| text(address, "/address"));
    sheet.field("Addresses", addresses.collect::<Vec<_>>().join(", "));
    sheet.field("Subnets", texts(node, "/spec/podCIDRs").join(", "));
    sheet.field_if("Zone", text(node, "/metadata/labels/topology.kubernetes.io~1zone"));
    sheet.field_if("Version", text(node, "/status/nodeInfo/pontoonVersion"));
    let ready = list(node, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    let alive = ready.is_some_and(|condition| text(condition, "/status") == "True");
    let daemon = match (own, alive) {
        (true, _) if known.status.ready => "this one, ready for pods",
        (true, _) => "this one, not ready for pods",
        (false, true) => "heard of",
        (false, false) => "not heard of",
    };
    sheet.field("Daemon", daemon);
    let peer = known.status.nodes.iter().find(|known| known.name.as_str() == name);
    let way = peer.and_then(|peer| peer.backend).map(|kind| kind.to_string());
    if !own {
        sheet.field("Reached by", way.clone().unwrap_or_default());
    }
    if node.pointer("/spec/unschedulable") == Some(&Value::Bool(true)) {
        let said = |field: &str| text(node, &format!("/spec/cordon/{field}")).to_owned();
        let why = [said("reason"), said("by"), said("at")];
        let why: Vec<String> = why.into_iter().filter(|part| !part.is_empty()).collect();
        sheet.field("Cordoned", if why.is_empty() { "yes".to_owned() } else { why.join(", ") });
        sheet.remark(format!("it takes no new pods: `pontoon node uncordon {name}` ends that"));
    }
    let pods: Vec<&Value> =
        known.around.pods.iter().filter(|pod| text(pod, "/spec/nodeName") == name).collect();
    sheet.table(format!("Pods ({})", pods.len()), POD_HEADS, pods.into_iter().map(pod).collect());
    if own {
        known.status.problems.iter().for_each(|problem| sheet.remark(problem));
    } else if !alive {
        sheet.remark("its pods get no new connections; when it is gone for good, `pontoon node remove` frees its subnets");
    }
    if !own && way.is_none() {
        sheet.remark("there is no way to it from here: `pontoon status` says why");
    }
}

const POD_HEADS: [&str; 4] = ["NAMESPACE", "NAME", "READY", "ADDRESSES"];

fn pod(pod: &Value) -> [Cell; 4] {
    let ready = list(pod, "/status/conditions").iter().find(|c| text(c, "/type") == "Ready");
    let addresses = list(pod, "/status/podIPs").iter().map(|address| text(address, "/ip"));
    [
        text(pod, "/metadata/namespace").into(),
        text(pod, "/metadata/name").into(),
        ready.map_or("Unknown", |condition| text(condition, "/status")).into(),
        addresses.collect::<Vec<_>>().join(",").into(),
    ]
}

pub(super) fn subnet(sheet: &mut Sheet, subnet: &Value, known: &Known) {
    metadata(sheet, subnet, known);
    let cidr = text(subnet, "/spec/cidr");
    let node = text(subnet, "/spec/nodeName");
    sheet.field("Range", cidr);
    sheet.field("Node", node);
    let range: Option<IpNetwork> = cidr.parse().ok();
    let inside = |pod: &&Value| {
        list(pod, "/status/podIPs").iter().any(|address| {
            let ip = text(address, "/ip").parse().ok();
            range.zip(ip).is_some_and(|(range, ip)| range.contains(ip))
        })
    };
    let pods: Vec<&Value> = known.around.pods.iter().filter(inside).collect();
    if let Some(IpNetwork::V4(range)) = range {
        // Without the network's, the gateway's and the broadcast address.
        let size = u64::from(range.size()).saturating_sub(3);
        sheet.field("In use", format!("{} of {size} addresses", pods.len()));
    }
    let strangers = pods.iter().filter(|pod| text(pod, "/spec/nodeName") != node);
    for stranger in strangers {
        sheet.remark(format!(
            "pod {}/{} has an address of it and is on node {}",
            text(stranger, "/metadata/namespace"),
            text(stranger, "/metadata/name"),
            text(stranger, "/spec/nodeName")
        ));
    }
    sheet.table(format!("Pods ({})", pods.len()), POD_HEADS, pods.into_iter().map(pod).collect());
}

pub(super) fn namespace(sheet: &mut Sheet, namespace: &Value, known: &Known) {
    metadata(sheet, namespace, known);
    let name = text(namespace, "/metadata/name");
    let inside = |objects: &[Value]| {
        objects.iter().filter(|object| text(object, "/metadata/namespace") == name).count()
    };
    let counts = [
        inside(&known.services).to_string(),
        inside(&known.around.slices).to_string(),
        inside(&known.around.pods).to_string(),
    ];
    let heads = ["SERVICES", "ENDPOINT SLICES", "PODS"];
    sheet.table("Holds", heads, vec![counts.map(Cell::from)]);
    if text(namespace, "/metadata/creationTimestamp").is_empty() && name != "default" {
        sheet.remark("nobody made it: it is there as long as anything is in it");
    }
}
