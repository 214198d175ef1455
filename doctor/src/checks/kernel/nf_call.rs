//! The trap of bridged packets that pass the IP layer's rules, too, and ports that are kept apart.

use crate::checks::remark::{Remark, fault, some_of};
use crate::facts::Facts;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let on: Vec<&str> = ["iptables", "ip6tables"]
        .into_iter()
        .filter(|name| {
            let setting = format!("net/bridge/bridge-nf-call-{name}");
            facts.kernel.settings.number(&setting).is_some_and(|value| value != 0)
        })
        .collect();
    let isolated: Vec<String> = facts
        .network
        .ports()
        .filter(|link| link.port.is_some_and(|port| port.isolated == Some(true)))
        .map(|link| link.name.to_string())
        .collect();
    if on.is_empty() || isolated.is_empty() {
        return Vec::new();
    }
    let settings: Vec<String> =
        on.iter().map(|name| format!("net.bridge.bridge-nf-call-{name}")).collect();
    let mend: Vec<String> =
        isolated.iter().map(|port| format!("bridge link set dev {port} isolated off")).collect();
    vec![
        fault(format!(
            "{} {} 1, and ports of the pods' bridge are isolated: {}",
            settings.join(" and "),
            if settings.len() == 1 { "is" } else { "are" },
            some_of(&isolated)
        ))
        .because("packets to a service whose endpoint is on the same node vanish: rewritten on the bridge, they go from one isolated port to another")
        .mend(mend.join("\n")),
    ]
}
