//! Nodes that are taken for each other, and nodes of different versions.

use std::collections::BTreeMap;

use crate::checks::remark::{Remark, fault, note, some_of, warning};
use crate::facts::Facts;

pub(in crate::checks) fn names(facts: &Facts) -> Vec<Remark> {
    let Some(cluster) = &facts.cluster else { return Vec::new() };
    let mut found = Vec::new();
    let own = cluster.nodes.iter().find(|node| node.name.as_str() == cluster.me);
    if let Some(other) = own.filter(|node| node.machine_id != cluster.machine_id) {
        found.push(
            fault(format!(
                "the node name {} belongs to another machine: {} at {}",
                cluster.me, other.machine_id, other.underlay
            ))
            .because("two hosts of one name would take each other's subnets; this one stays out of the cluster")
            .mend(format!(
                "set node.name in /etc/pontoon/pontoond.toml to a name of its own and restart pontoond\n# or, when that machine is gone for good, from another node:\npontoon node remove {}",
                cluster.me
            )),
        );
    }
    let mut machines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &cluster.nodes {
        machines.entry(&node.machine_id).or_default().push(node.name.as_str());
    }
    for (machine, names) in machines.into_iter().filter(|(_, names)| names.len() > 1) {
        found.push(
            warning(format!("the nodes {} have one machine id, {machine}", names.join(", ")))
                .because("they are copies of one disk, or one machine that was renamed: what tells them apart is their name alone")
                .mend(distinct(&names, &cluster.me)),
        );
    }
    found
}

/// One of the nodes keeps the id, this one if it is among them. To the cluster another with a new id is
/// another machine: it is refused its own name, and its subnets are not its own, until both are freed.
fn distinct(names: &[&str], me: &str) -> String {
    let kept = if names.contains(&me) { me } else { names.first().copied().unwrap_or_default() };
    let mend = |name: &&str| {
        format!(
            "# {name}, where it is a copy, gets another id, and its pods other addresses. On {name}, its pods stopped:\n\
             systemctl stop pontoond\n\
             rm -f /etc/machine-id /var/lib/dbus/machine-id && systemd-machine-id-setup    # or give it another node.machine-id, where that is set\n\
             # from another node, up to 15 seconds later; where {name} is but a former name, this is all:\n\
             pontoon node remove {name}\n\
             # then on {name}, and start its pods again:\n\
             systemctl start pontoond"
        )
    };
    let others: Vec<String> = names.iter().filter(|name| **name != kept).map(mend).collect();
    others.join("\n")
}

pub(in crate::checks) fn versions(facts: &Facts) -> Vec<Remark> {
    let Some(cluster) = &facts.cluster else { return Vec::new() };
    let alive = |name: &str| name == cluster.me || cluster.alive.iter().any(|known| known == name);
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in cluster.nodes.iter().filter(|node| alive(node.name.as_str())) {
        versions.entry(&node.version).or_default().push(node.name.as_str());
    }
    if versions.len() < 2 {
        return Vec::new();
    }
    let told: Vec<String> = versions
        .iter()
        .map(|(version, nodes)| format!("{version} on {}", some_of(nodes)))
        .collect();
    let what = format!("nodes run different versions: {}", told.join("; "));
    let mut releases: Vec<_> = versions.keys().map(|version| release(version)).collect();
    releases.dedup();
    let remark = if releases.len() > 1 { warning(what) } else { note(what) };
    vec![
        remark
            .because("what one version writes another may not understand; between patch releases that is meant to work")
            .mend("upgrade the nodes that are behind: pods keep their network meanwhile"),
    ]
}

/// The first two numbers of a version.
fn release(version: &str) -> (String, String) {
    let mut parts = version.split('.').map(str::to_owned);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
