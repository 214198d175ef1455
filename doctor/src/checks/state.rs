//! What this node holds against what it should.

use crate::checks::remark::{Remark, fault, some_of, warning};
use crate::facts::Facts;

pub(super) fn kernel_differs(facts: &Facts) -> Vec<Remark> {
    let Some(state) = &facts.state else { return Vec::new() };
    let network: Vec<&str> =
        state.network.iter().filter(|d| !d.stale_neighbour).map(|d| d.op.as_str()).collect();
    let mut found = Vec::new();
    if !network.is_empty() {
        found.push(
            fault(format!("the kernel's network is not as pontoond planned it; this would mend it: {}", some_of(&network)))
                .because("packets of pods take no way, or a wrong one, and pontoond has not noticed")
                .mend("systemctl restart pontoond    # it reads the kernel anew and changes only what differs"),
        );
    }
    if !state.tables.is_empty() {
        found.push(
            fault(format!("Pontoon's tables in nf_tables are not as they should be: {}", some_of(&state.tables)))
                .because("services, host ports or what pods may send are wrong")
                .mend("systemctl restart pontoond    # it reads the tables anew and changes only what differs"),
        );
    }
    if !state.dormant.is_empty() {
        let mend: Vec<String> =
            state.dormant.iter().map(|table| format!("nft add table {table}")).collect();
        found.push(
            fault(format!(
                "Pontoon's tables in nf_tables are switched off (dormant): {}",
                some_of(&state.dormant)
            ))
            .because("none of their rules is looked at: no service answers, or pods may send what they want")
            .mend(mend.join("\n")),
        );
    }
    found
}

pub(super) fn stale_neighbours(facts: &Facts) -> Vec<Remark> {
    let Some(state) = &facts.state else { return Vec::new() };
    let stale: Vec<&str> =
        state.network.iter().filter(|d| d.stale_neighbour).map(|d| d.op.as_str()).collect();
    let mut found = Vec::new();
    if !stale.is_empty() {
        found.push(
            warning(format!(
                "the overlay has entries of nodes that are not there; this would remove them: {}",
                some_of(&stale)
            ))
            .because("packets to addresses that a new node gets would go to the old one's host")
            .mend("systemctl restart pontoond"),
        );
    }
    if !state.strays.is_empty() {
        let mend: Vec<String> = state
            .strays
            .iter()
            .map(|ip| format!("ip neigh delete {ip} dev {}", pontoon_model::kernel::BRIDGE))
            .collect();
        found.push(
            warning(format!(
                "the bridge has neighbours that are no pods of this node: {}",
                some_of(&state.strays)
            ))
            .because(
                "the next pod with such an address would not be reached until that is overwritten",
            )
            .mend(mend.join("\n")),
        );
    }
    found
}

pub(super) fn leaked_addresses(facts: &Facts) -> Vec<Remark> {
    let Some(state) = &facts.state else { return Vec::new() };
    let mut found = Vec::new();
    for pod in &state.pods {
        let Some(gone) = &pod.gone else { continue };
        let addresses: Vec<String> = pod.addresses.iter().map(ToString::to_string).collect();
        found.push(
            warning(format!(
                "pod {} ({}) holds {} although its network namespace is not at {} any more: {gone}; a process may still live in it",
                pod.name,
                pod.attachment,
                addresses.join(" and "),
                pod.netns
            ))
            .because("the addresses cannot be given to another pod")
            .mend(format!(
                "lsns -t net    # shows who still lives in a network namespace that no runtime knows\n# when nobody needs it, as this disconnects whoever lives there; pontoond then collects what is left:\nip link delete dev {}",
                pod.host_end
            )),
        );
    }
    found
}

pub(super) fn pods_in_store(facts: &Facts) -> Vec<Remark> {
    let Some(state) = &facts.state else { return Vec::new() };
    let mut found = Vec::new();
    if !state.unknown.is_empty() {
        found.push(
            warning(format!(
                "the store has pods of this node that it does not know: {}",
                some_of(&state.unknown)
            ))
            .because("services send connections to pods that are not there")
            .mend("systemctl restart pontoond    # it writes the pods of this node anew"),
        );
    }
    if !state.unpublished.is_empty() {
        found.push(
            warning(format!(
                "pods of this node are not in the store: {}",
                some_of(&state.unpublished)
            ))
            .because("services and DNS do not know them")
            .mend("systemctl restart pontoond    # it writes the pods of this node anew"),
        );
    }
    found
}
