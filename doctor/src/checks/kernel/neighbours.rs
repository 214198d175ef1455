//! Whether the neighbour tables, which all network namespaces share, are large enough.

use crate::checks::remark::{Remark, fault, note, warning};
use crate::facts::Facts;
use crate::facts::kernel::NeighbourTable;

/// From this share of the limit on, in per cent.
const NEARLY_FULL: u64 = 80;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    facts.kernel.neighbours.iter().filter_map(|table| of_table(facts, table)).collect()
}

fn of_table(facts: &Facts, table: &NeighbourTable) -> Option<Remark> {
    let NeighbourTable { family, used, limit, overflows } = *table;
    let ipv4 = family == "ipv4";
    let peers = facts.setup.peers.iter().filter(|p| p.record.underlay.is_ipv4() == ipv4).count();
    let peers = u64::try_from(peers).unwrap_or(u64::MAX);
    let needed = used.max(peers);
    let setting = format!("net.{family}.neigh.default.gc_thresh3");
    let remark = if used >= limit {
        fault(format!("the {family} neighbour table is full: {used} entries, {setting} is {limit}"))
    } else if needed.saturating_mul(100) >= limit.saturating_mul(NEARLY_FULL) {
        warning(format!("{setting} is {limit}, for {used} entries now and {peers} nodes to reach"))
    } else if overflows > 0 {
        note(format!(
            "the {family} neighbour table was full {overflows} times since the machine started ({setting} is {limit})"
        ))
    } else {
        return None;
    };
    let better = needed.saturating_mul(4).max(limit.saturating_mul(2)).next_power_of_two();
    let set = |number: u8, value: u64| {
        format!("sysctl -w net.{family}.neigh.default.gc_thresh{number}={value}")
    };
    // The highest first: the kernel does not mind, but people do who see the others above it.
    let mend = [set(3, better), set(2, better / 2), set(1, better / 4)].join("\n");
    Some(
        remark
            .because(
                "when it is full, packets to hosts on the same link are dropped, and only the kernel's log tells (neighbour table overflow)",
            )
            .mend(format!("{mend}\n# and the same in a file below /etc/sysctl.d")),
    )
}
