//! The daemon's status as text for a person.

use pontoon_model::api::{NodeStatus, Status};

use crate::grid::{self, Cell};
use crate::say::{Tone, toned};

/// So many nodes fit on a screen; of more, only those are shown that need a look.
const MOST_NODES: usize = 20;

/// The whole: what is wrong comes first.
pub(super) fn whole(status: &Status, services: Option<usize>, pods: Option<usize>) -> String {
    let ready =
        if status.ready { toned(Tone::Good, "ready") } else { toned(Tone::Bad, "NOT READY") };
    let mut text = format!("node {} is {ready} (pontoond {})\n", status.node, status.version);
    for problem in &status.problems {
        text.push_str(&format!("{} {problem}\n", toned(Tone::Bad, "problem:")));
    }
    for degraded in degraded(status) {
        text.push_str(&format!("{} {degraded}\n", toned(Tone::Warn, "degraded:")));
    }
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<10}{value}\n"));
    let store = &status.store;
    let reachable = if store.connected { "connected".to_owned() } else { toned(Tone::Bad, "AWAY") };
    line("store", format!("{} ({reachable}, revision {})", store.kind, store.revision));
    if let Some(cluster) = &status.cluster {
        let services = if cluster.service_cidrs.is_empty() {
            String::new()
        } else {
            format!(", services {}", join(&cluster.service_cidrs))
        };
        let pods = join(&cluster.pod_cidrs);
        line("cluster", format!("pods {pods}{services}, domain {}", cluster.cluster_domain));
        line("backend", format!("{}, MTU of pods {}", cluster.backend.kind, status.mtu));
    }
    line("counts", counts(status, services, pods));
    format!("{text}\n{}", peers(status))
}

fn counts(status: &Status, services: Option<usize>, pods: Option<usize>) -> String {
    let alive = status.nodes.iter().filter(|node| node.alive).count();
    let nodes = many(status.nodes.len(), "node");
    let here = many(status.pods.len(), "pod");
    let mut counts = vec![format!("{nodes}, {alive} alive")];
    counts.push(match pods {
        Some(all) => format!("{here} here of {all}"),
        None => format!("{here} here"),
    });
    counts.extend(services.map(|services| many(services, "service")));
    counts.join(", ")
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What does not stop this node and is not as it should be.
fn degraded(status: &Status) -> Vec<String> {
    let mut found = Vec::new();
    if !status.store.connected {
        found.push(format!(
            "the store ({}) is away: what runs goes on, and nothing can be changed",
            status.store.kind
        ));
    }
    let names = |which: &dyn Fn(&&NodeStatus) -> bool| {
        let names: Vec<&str> =
            status.nodes.iter().filter(which).map(|node| node.name.as_str()).collect();
        match names.len() {
            0 => None,
            1 => Some(format!("node {} is", names[0])),
            count if count > 5 => Some(format!("{count} nodes, {} among them, are", names[0])),
            _ => Some(format!("nodes {} are", names.join(", "))),
        }
    };
    let gone = names(&|node| !node.alive);
    found.extend(gone.map(|gone| format!("{gone} not heard of: no new connections go there")));
    let unreached = names(&|node| node.alive && node.backend.is_none() && node.name != status.node);
    found.extend(unreached.map(|unreached| format!("{unreached} not reached from here")));
    found
}

fn peers(status: &Status) -> String {
    if status.nodes.len() <= MOST_NODES {
        return table(status, status.nodes.iter());
    }
    let concerns =
        |node: &&NodeStatus| node.name == status.node || !node.alive || node.backend.is_none();
    let shown: Vec<&NodeStatus> = status.nodes.iter().filter(concerns).take(MOST_NODES).collect();
    let rest = status.nodes.len() - shown.len();
    format!("{}\nand {rest} more: `pontoon get nodes`", table(status, shown.into_iter()))
}

/// The nodes, a line each.
pub(crate) fn nodes(status: &Status) -> String {
    table(status, status.nodes.iter())
}

fn table<'s>(status: &Status, nodes: impl Iterator<Item = &'s NodeStatus>) -> String {
    let mut rows = vec![grid::heads(["NODE", "ADDRESS", "SUBNETS", "BY", "DAEMON"])];
    rows.extend(nodes.map(|node| {
        let daemon = match node.alive {
            true => Cell::toned("alive", Tone::Good),
            false => Cell::toned("not seen", Tone::Bad),
        };
        vec![
            node.name.as_str().into(),
            node.underlay.to_string().into(),
            join(&node.subnets).into(),
            way(status, node),
            daemon,
        ]
    }));
    grid::lay_out(&rows)
}

fn way(status: &Status, node: &NodeStatus) -> Cell {
    match node.backend {
        Some(kind) => kind.to_string().into(),
        None if node.name == status.node => "(this node)".into(),
        None => Cell::toned("UNREACHED", Tone::Bad),
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let text = r#"{"node":"a","version":"0.1.0","ready":false,"problems":["the store is away: refused"],
            "store":{"kind":"etcd","connected":false,"revision":7},"cluster":null,"mtu":1450,
            "nodes":[
                {"name":"a","underlay":"192.0.2.1","subnets":["10.244.1.0/24","fd00:1::/64"],"backend":null,"alive":true},
                {"name":"b","underlay":"192.0.2.2","subnets":["10.244.2.0/24"],"backend":"vxlan","alive":false},
                {"name":"c","underlay":"192.0.2.3","subnets":[],"backend":null,"alive":true}],
            "pods":[{"pod":{"namespace":"default","name":"web"},"id":{"containerId":"c1","ifname":"eth0"},
                "hostInterface":"ptn01","addresses":["10.244.1.2"]}]}"#;
        serde_json::from_str(text).unwrap()
    }

    fn lines(shown: &str) -> Vec<String> {
        shown.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn what_is_wrong_comes_first() {
        assert_eq!(
            lines(&whole(&status(), None, Some(3))),
            [
                "node a is NOT READY (pontoond 0.1.0)",
                "problem: the store is away: refused",
                "degraded: the store (etcd) is away: what runs goes on, and nothing can be changed",
                "degraded: node b is not heard of: no new connections go there",
                "degraded: node c is not reached from here",
                "store etcd (AWAY, revision 7)",
                "counts 3 nodes, 2 alive, 1 pod here of 3",
                "",
                "NODE ADDRESS SUBNETS BY DAEMON",
                "a 192.0.2.1 10.244.1.0/24 fd00:1::/64 (this node) alive",
                "b 192.0.2.2 10.244.2.0/24 vxlan not seen",
                "c 192.0.2.3 UNREACHED alive",
            ]
        );
    }

    #[test]
    fn many_nodes_leave_room_for_those_that_need_a_look() {
        let mut status = status();
        let peer = NodeStatus { alive: true, ..status.nodes[1].clone() };
        for number in 0..100 {
            let name = format!("peer-{number}").parse().unwrap();
            status.nodes.push(NodeStatus { name, ..peer.clone() });
        }
        let shown = whole(&status, None, None);
        assert!(shown.lines().count() < 24, "{shown}");
        assert!(shown.ends_with("and 100 more: `pontoon get nodes`"), "{shown}");
    }
}
