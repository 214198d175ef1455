//! The cluster's ranges against what the host has at the same addresses.

use ipnetwork::IpNetwork;
use pontoon_model::cidr;
use pontoon_model::kernel::{PROTOCOL, is_ours};
use pontoon_netlink::Route;

use crate::checks::remark::{Remark, fault, warning};
use crate::facts::Facts;

/// The table of the host's own addresses.
const LOCAL: u32 = 255;
/// The one that `ip route` means unless told otherwise.
const MAIN: u32 = 254;
/// What is shorter leads to a large part of the internet: it is meant as a default route.
const SHORTEST: [u8; 2] = [8, 16];

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let config = &facts.setup.config;
    let pods = config.pod_cidrs.iter().map(|range| ("pod", *range));
    let services = config.service_cidrs.iter().map(|range| ("service", *range));
    let mut found = Vec::new();
    for (kind, range) in pods.chain(services) {
        found.extend(of_routes(facts, kind, range));
        found.extend(of_addresses(facts, kind, range));
    }
    found
}

fn of_routes(facts: &Facts, kind: &str, range: IpNetwork) -> Vec<Remark> {
    let strangers = facts.network.routes.iter().filter(|route| {
        route.protocol != PROTOCOL
            && route.table != LOCAL
            && !route.dev.is_some_and(|dev| is_ours(dev.as_str()) || dev.as_str() == "lo")
    });
    let mut found = Vec::new();
    for route in strangers {
        if cidr::contains(range, route.dst) {
            found.push(
                fault(format!("{} lies in the cluster's {kind} CIDR {range}", shown(route)))
                    .because("packets to pods or services with such addresses leave by that route")
                    .mend(mend(route)),
            );
        } else if cidr::contains(route.dst, range) && !is_default(route.dst) {
            found.push(
                warning(format!("{} covers the cluster's {kind} CIDR {range}", shown(route)))
                    .because("hosts with addresses of the cluster's range that are really behind that route cannot be reached from here")
                    .mend("nothing, if no host there has an address of that range; otherwise found the cluster anew with another range"),
            );
        }
    }
    found
}

fn of_addresses(facts: &Facts, kind: &str, range: IpNetwork) -> Vec<Remark> {
    let addresses = facts.network.addresses.iter().map(|info| &info.address);
    let own = addresses
        .filter(|address| !is_ours(address.dev.as_str()) && address.dev.as_str() != "lo")
        .filter(|address| range.contains(address.net.ip()))
        .map(|address| format!("this host's {} on {}", address.net.ip(), address.dev));
    let peers = facts.setup.peers.iter().map(|peer| &peer.record);
    let others = peers
        .filter(|record| range.contains(record.underlay))
        .map(|record| format!("{}, the address of node {},", record.underlay, record.name));
    own.chain(others)
        .map(|whose| {
            fault(format!("{whose} lies in the cluster's {kind} CIDR {range}"))
                .because("a pod or a service may have the same address")
                .mend("give the host another address, or found the cluster anew with another range (cluster.pod-cidrs, cluster.service-cidrs)")
        })
        .collect()
}

fn is_default(net: IpNetwork) -> bool {
    let [v4, v6] = SHORTEST;
    net.prefix() < if net.is_ipv4() { v4 } else { v6 }
}

fn shown(route: &Route) -> String {
    let mut text = format!("the route to {}", route.dst);
    if let Some(gateway) = route.gateway {
        text.push_str(&format!(" via {gateway}"));
    }
    if let Some(dev) = route.dev {
        text.push_str(&format!(" by {dev}"));
    }
    text
}

fn mend(route: &Route) -> String {
    let family = if route.dst.is_ipv4() { "" } else { " -6" };
    let table = (route.table != MAIN).then(|| format!(" table {}", route.table));
    format!(
        "# when nothing else needs it:\nip{family} route delete {}{}{}\n# otherwise found the cluster anew with another range (cluster.pod-cidrs, cluster.service-cidrs)",
        route.dst,
        route.dev.map(|dev| format!(" dev {dev}")).unwrap_or_default(),
        table.unwrap_or_default()
    )
}
