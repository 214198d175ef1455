//! What lets packets pass that the rules of others drop: commands of the program whose rules they are.

use pontoon_model::kernel::{BRIDGE, VXLAN};
use pontoon_netlink::nft::HookPoint;

use super::drops::Drops;
use super::ways::Way;
use crate::passage::fate::Cause;

/// For rules of firewalld.
pub(super) fn firewalld(drops: &Drops<'_>, port: u16) -> String {
    let mut lines = Vec::new();
    if drops.ways.iter().any(|way| !matches!(way, Way::OverlayIn | Way::OverlayOut)) {
        for dev in [BRIDGE, VXLAN] {
            lines.push(format!("firewall-cmd --permanent --zone=trusted --add-interface={dev}"));
        }
    }
    if drops.ways.contains(&Way::OverlayIn) {
        lines.push(format!("firewall-cmd --permanent --add-port={port}/udp"));
    }
    lines.push("firewall-cmd --reload".to_owned());
    lines.join("\n")
}

/// For rules of ufw.
pub(super) fn ufw(drops: &Drops<'_>, port: u16) -> String {
    let mut lines = Vec::new();
    if drops.ways.iter().any(|way| way.point() == HookPoint::Forward) {
        lines.push(format!("ufw route allow in on {BRIDGE}"));
        lines.push(format!("ufw route allow out on {BRIDGE}"));
    }
    if drops.ways.contains(&Way::Dns) {
        lines.push(format!("ufw allow in on {BRIDGE}"));
    }
    if drops.ways.contains(&Way::OverlayIn) {
        lines.push(format!("ufw allow {port}/udp"));
    }
    if drops.ways.contains(&Way::OverlayOut) {
        lines.push(format!("ufw allow out {port}/udp"));
    }
    lines.join("\n")
}

/// For Docker's: a chain of its that is the user's own.
pub(super) fn docker(drops: &Drops<'_>) -> String {
    let iptables = iptables(drops);
    let has_own = drops.table.chain("DOCKER-USER").is_some();
    let chain = if has_own { "DOCKER-USER" } else { "FORWARD" };
    format!(
        "{iptables} -I {chain} -i {BRIDGE} -j ACCEPT\n{iptables} -I {chain} -o {BRIDGE} -j ACCEPT\n# and after each start of docker, in a unit of its own with After=docker.service"
    )
}

/// For whoever's.
pub(super) fn other(drops: &Drops<'_>, port: u16) -> String {
    let chain = base_chain(drops);
    let is_iptables = chain.chars().all(|c| c.is_ascii_uppercase());
    let insert = |iptables_tests: &str, nft_tests: &str| {
        if is_iptables {
            format!("{} -I {chain} {iptables_tests} -j ACCEPT", iptables(drops))
        } else {
            format!("nft insert rule {} {chain} {nft_tests} accept", drops.table.name)
        }
    };
    let mut lines = Vec::new();
    let forwards = drops.ways.iter().any(|way| way.point() == HookPoint::Forward);
    if forwards || drops.ways.contains(&Way::Dns) {
        lines.push(insert(&format!("-i {BRIDGE}"), &format!("iifname {BRIDGE}")));
    }
    if forwards {
        lines.push(insert(&format!("-o {BRIDGE}"), &format!("oifname {BRIDGE}")));
    }
    if drops.ways.iter().any(|way| matches!(way, Way::OverlayIn | Way::OverlayOut)) {
        lines.push(insert(&format!("-p udp --dport {port}"), &format!("udp dport {port}")));
    }
    lines.push(
        "# and the same where these rules come from, or they are gone when it loads them anew"
            .to_owned(),
    );
    lines.join("\n")
}

/// The base chain that leads to the rule.
fn base_chain<'d>(drops: &'d Drops<'_>) -> &'d str {
    let named = match &drops.cause {
        Cause::Policy { chain } | Cause::Rule { chain, .. } => chain.as_str(),
    };
    let points: Vec<HookPoint> = drops.ways.iter().map(|way| way.point()).collect();
    let bases = drops
        .table
        .chains
        .iter()
        .filter(|chain| chain.base.is_some_and(|base| points.contains(&base.point)));
    let mut bases = bases.map(|chain| chain.name.as_str());
    let first = bases.clone().next().unwrap_or(named);
    bases.find(|base| *base == named).unwrap_or(first)
}

fn iptables(drops: &Drops<'_>) -> &'static str {
    match (drops.table.ipv4, drops.table.legacy) {
        (true, false) => "iptables-nft",
        (false, false) => "ip6tables-nft",
        (true, true) => "iptables-legacy",
        (false, true) => "ip6tables-legacy",
    }
}
