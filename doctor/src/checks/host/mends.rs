//! What lets packets pass that the rules of others drop: commands of the program whose rules they are.

use pontoon_model::kernel::{BRIDGE, VXLAN};
use pontoon_netlink::nft::HookPoint;

use super::drops::Drops;
use super::ways::{Traffic, Way};
use crate::facts::Setup;
use crate::passage::fate::Cause;

/// For rules of firewalld.
pub(super) fn firewalld(drops: &Drops<'_>, setup: &Setup) -> String {
    let mut lines = Vec::new();
    if drops.any(|traffic| !traffic.is_overlay()) {
        let trust = |what: String| format!("firewall-cmd --permanent --zone=trusted --add-{what}");
        let devices = [Some(BRIDGE), Some(VXLAN).filter(|_| setup.has_overlay())];
        lines.extend(devices.into_iter().flatten().map(|dev| trust(format!("interface={dev}"))));
        // Over plain routes pods' packets come by the underlay's device, which others come by, too.
        if setup.has_plain_routes() {
            let ranges = setup.config.pod_cidrs.iter();
            lines.extend(ranges.map(|range| trust(format!("source={range}"))));
        }
    }
    if drops.any(|traffic| traffic.way == Way::OverlayIn) {
        let port = setup.config.backend.vxlan_port;
        lines.push(format!("firewall-cmd --permanent --add-port={port}/udp"));
    }
    lines.push("firewall-cmd --reload".to_owned());
    lines.join("\n")
}

/// For rules of ufw.
pub(super) fn ufw(drops: &Drops<'_>, setup: &Setup) -> String {
    let port = setup.config.backend.vxlan_port;
    let of_overlay = drops.any(Traffic::is_overlay);
    let of_dns = drops.any(|traffic| traffic.way == Way::Dns);
    let lines = match drops.point {
        HookPoint::Input => [
            of_dns.then(|| format!("ufw allow in on {BRIDGE}")),
            of_overlay.then(|| format!("ufw allow {port}/udp")),
        ],
        HookPoint::Output => [
            of_dns.then(|| format!("ufw allow out on {BRIDGE}")),
            of_overlay.then(|| format!("ufw allow out {port}/udp")),
        ],
        _ => ["in", "out"].map(|side| Some(format!("ufw route allow {side} on {BRIDGE}"))),
    };
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
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
pub(super) fn other(drops: &Drops<'_>, setup: &Setup) -> String {
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
    let of_pods = drops.any(|traffic| !traffic.is_overlay());
    // A chain of what comes in knows no device that it leaves by, nor the other way round.
    if of_pods && drops.point != HookPoint::Output {
        lines.push(insert(&format!("-i {BRIDGE}"), &format!("iifname {BRIDGE}")));
    }
    if of_pods && drops.point != HookPoint::Input {
        lines.push(insert(&format!("-o {BRIDGE}"), &format!("oifname {BRIDGE}")));
    }
    if drops.any(Traffic::is_overlay) {
        let port = setup.config.backend.vxlan_port;
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
    let bases = drops
        .table
        .chains
        .iter()
        .filter(|chain| chain.base.is_some_and(|base| base.point == drops.point));
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
