//! The cluster comes up and says what it is.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use pontoon_model::api::{NodeStatus, PodStatus, Status};

use super::web::{self, BLUE, GREEN};
use super::{READY, Scene, Shown};

pub(super) fn start(scene: &mut Scene) -> Result<Shown> {
    scene.lab.start(READY)?;
    Ok(Shown {
        summary: format!("pontoond is ready on {} hosts", scene.lab.hosts().len()),
        ..Shown::default()
    })
}

pub(super) fn add_pods(scene: &mut Scene) -> Result<Shown> {
    for host in scene.lab.hosts() {
        for (pod, track) in [("a", BLUE), ("b", GREEN)] {
            let name = format!("{pod}-{}", host.name().trim_start_matches("host-"));
            let pod = host.pod(&name).label("app", web::NAME).label(web::TRACK, track);
            scene.pods.push(pod.add()?);
        }
    }
    Ok(Shown { summary: format!("{} pods have addresses", scene.pods.len()), ..Shown::default() })
}

pub(super) fn show(scene: &mut Scene) -> Result<Shown> {
    let statuses =
        scene.lab.hosts().iter().map(|host| host.status()).collect::<Result<Vec<_>>>()?;
    let text = format!("{}\n{}", nodes(&statuses), pods(&statuses));
    let problems =
        statuses.iter().flat_map(|s| s.problems.iter().map(|p| format!("{}: {p}", s.node)));
    let failures = problems.chain(disagreements(&statuses)).collect();
    Ok(Shown { summary: "the nodes know each other".into(), text, failures })
}

/// Every node must know every other with the subnets that it has itself.
fn disagreements(statuses: &[Status]) -> Vec<String> {
    let own = |of: &Status| of.nodes.iter().find(|n| n.name == of.node).map(|n| n.subnets.clone());
    let mut found = Vec::new();
    for one in statuses {
        for other in statuses {
            let known = one.nodes.iter().find(|n| n.name == other.node).map(|n| n.subnets.clone());
            if known != own(other) {
                found.push(format!(
                    "{} believes that {} has the subnets {known:?}, which itself has {:?}; \
                     hint: the store's watch of {} is behind, see its log",
                    one.node,
                    other.node,
                    own(other),
                    one.node
                ));
            }
        }
    }
    found
}

fn nodes(statuses: &[Status]) -> Table {
    let mut table =
        table(&["node", "underlay", "subnets", "pods' MTU", "others reach it by", "alive"]);
    for status in statuses {
        let own = status.nodes.iter().find(|n| n.name == status.node);
        let seen_by_other =
            statuses.iter().filter(|s| s.node != status.node).flat_map(|s| &s.nodes);
        let backend = seen_by_other.clone().find(|n| n.name == status.node).and_then(|n| n.backend);
        table.add_row([
            status.node.to_string(),
            own.map(|n| n.underlay.to_string()).unwrap_or_default(),
            own.map(subnets).unwrap_or_default(),
            status.mtu.to_string(),
            backend.map(|b| b.to_string()).unwrap_or_default(),
            own.map(|n| if n.alive { "yes" } else { "no" }.to_owned()).unwrap_or_default(),
        ]);
    }
    table
}

fn subnets(node: &NodeStatus) -> String {
    join(&node.subnets)
}

fn pods(statuses: &[Status]) -> Table {
    let mut table = table(&["pod", "node", "addresses", "interface on the host"]);
    for status in statuses {
        for PodStatus { pod, host_interface, addresses, .. } in &status.pods {
            table.add_row([
                pod.to_string(),
                status.node.to_string(),
                join(addresses),
                host_interface.clone(),
            ]);
        }
    }
    table
}

/// An empty table with a head.
pub(super) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    table
}

fn join(items: &[impl ToString]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ")
}
