//! The daemon's status as text for a person.

use comfy_table::{Table, presets};
use pontoon_model::api::{NodeStatus, Status};

/// The whole: what is wrong comes first.
pub(crate) fn status(status: &Status) -> String {
    let mut text = format!(
        "node {} is {} (pontoond {})\n",
        status.node,
        if status.ready { "ready" } else { "NOT READY" },
        status.version
    );
    for problem in &status.problems {
        text.push_str(&format!("problem: {problem}\n"));
    }
    let store = &status.store;
    let reachable = if store.connected { "connected" } else { "AWAY" };
    text.push_str(&format!("store    {} ({reachable}, revision {})\n", store.kind, store.revision));
    if let Some(cluster) = &status.cluster {
        text.push_str(&format!("pods     {}, MTU {}\n", join(&cluster.pod_cidrs), status.mtu));
        text.push_str(&format!("backend  {}\n", cluster.backend.kind));
    }
    format!("{text}\n{}\n\n{}", nodes(status), pods(status))
}

/// The nodes, a line each.
pub(crate) fn nodes(status: &Status) -> String {
    let rows = status.nodes.iter().map(|node| {
        [
            node.name.to_string(),
            node.underlay.to_string(),
            join(&node.subnets),
            way(status, node),
            if node.alive { "alive" } else { "not seen" }.to_owned(),
        ]
    });
    table(["NODE", "ADDRESS", "SUBNETS", "BY", "DAEMON"], rows)
}

/// The pods of this node, a line each.
pub(crate) fn pods(status: &Status) -> String {
    let rows = status.pods.iter().map(|pod| {
        [pod.pod.to_string(), join(&pod.addresses), pod.host_interface.clone(), pod.id.to_string()]
    });
    table(["POD", "ADDRESSES", "INTERFACE", "ATTACHMENT"], rows)
}

fn way(status: &Status, node: &NodeStatus) -> String {
    match node.backend {
        Some(kind) => kind.to_string(),
        None if node.name == status.node => "(this node)".to_owned(),
        None => "UNREACHED".to_owned(),
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn table<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_first() {
        let text = r#"{"node":"a","version":"0.1.0","ready":false,"problems":["the store is away: refused"],
            "store":{"kind":"etcd","connected":false,"revision":7},"cluster":null,"mtu":1450,
            "nodes":[
                {"name":"a","underlay":"192.0.2.1","subnets":["10.244.1.0/24","fd00:1::/64"],"backend":null,"alive":true},
                {"name":"b","underlay":"192.0.2.2","subnets":["10.244.2.0/24"],"backend":"vxlan","alive":false},
                {"name":"c","underlay":"192.0.2.3","subnets":[],"backend":null,"alive":false}],
            "pods":[{"pod":{"namespace":"default","name":"web"},"id":{"containerId":"c1","ifname":"eth0"},
                "hostInterface":"ptn01","addresses":["10.244.1.2"]}]}"#;
        let shown = status(&serde_json::from_str(text).unwrap());
        let lines: Vec<String> =
            shown.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            lines,
            [
                "node a is NOT READY (pontoond 0.1.0)",
                "problem: the store is away: refused",
                "store etcd (AWAY, revision 7)",
                "",
                "NODE ADDRESS SUBNETS BY DAEMON",
                "a 192.0.2.1 10.244.1.0/24 fd00:1::/64 (this node) alive",
                "b 192.0.2.2 10.244.2.0/24 vxlan not seen",
                "c 192.0.2.3 UNREACHED not seen",
                "",
                "POD ADDRESSES INTERFACE ATTACHMENT",
                "default/web 10.244.1.2 ptn01 c1/eth0",
            ]
        );
    }
}
