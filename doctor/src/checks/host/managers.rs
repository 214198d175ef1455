//! Programs that look after devices and take ours for theirs.

use pontoon_model::kernel::{PROTOCOL, is_ours};

use crate::checks::remark::{Remark, fault, some_of, warning};
use crate::facts::Facts;

pub(in crate::checks) fn network_manager(facts: &Facts) -> Vec<Remark> {
    let managed: Vec<&String> =
        facts.host.network_manager.iter().filter(|name| is_ours(name)).collect();
    if managed.is_empty() {
        return Vec::new();
    }
    vec![
        warning(format!("NetworkManager looks after Pontoon's devices: {}", some_of(&managed)))
            .because("it takes addresses and routes away that it did not give")
            .mend(
                "printf '[keyfile]\\nunmanaged-devices+=interface-name:pontoon*;interface-name:ptn*\\n' > /etc/NetworkManager/conf.d/pontoon.conf\nsystemctl reload NetworkManager",
            ),
    ]
}

pub(in crate::checks) fn networkd(facts: &Facts) -> Vec<Remark> {
    let mut found = Vec::new();
    let (ours, others): (Vec<&String>, Vec<&String>) =
        facts.host.networkd.iter().partition(|name| is_ours(name));
    if !ours.is_empty() {
        found.push(
            fault(format!("systemd-networkd looks after Pontoon's devices: {}", some_of(&ours)))
                .because("it takes their addresses and routes away when it starts, and whenever they change")
                .mend(
                    "printf '[Match]\\nName=pontoon* ptn*\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/00-pontoon.network\nnetworkctl reload",
                ),
        );
    }
    let removes = facts.host.networkd_removes;
    let routes = removes.routes
        && facts.network.routes.iter().any(|route| {
            route.protocol == PROTOCOL
                && route.dev.is_some_and(|dev| others.iter().any(|other| *other == dev.as_str()))
        });
    let rules = removes.rules
        && facts.host.services.contains("systemd-networkd")
        && facts.network.rules.iter().any(|rule| rule.protocol == PROTOCOL);
    if routes || rules {
        let what = match (routes, rules) {
            (true, true) => "routes and routing rules",
            (true, false) => "routes",
            _ => "routing rules",
        };
        found.push(
            warning(format!("systemd-networkd removes Pontoon's {what} whenever it starts"))
                .because("pods lose other nodes until pontoond has put them back; when it does not run, for longer")
                .mend(
                    "mkdir -p /etc/systemd/networkd.conf.d\nprintf '[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' > /etc/systemd/networkd.conf.d/pontoon.conf\nsystemctl restart systemd-networkd",
                ),
        );
    }
    found
}
