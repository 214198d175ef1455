//! How full connection tracking is.

use crate::checks::remark::{Remark, fault, note, warning};
use crate::facts::Facts;

/// Shares of the limit, in per cent.
const NEARLY_FULL: u64 = 80;
const FULL: u64 = 95;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let Some(conntrack) = facts.kernel.conntrack else { return Vec::new() };
    let (count, max, dropped) = (conntrack.count, conntrack.max, conntrack.dropped);
    // No limit.
    if max == 0 {
        return Vec::new();
    }
    let share = count.saturating_mul(100) / max;
    let what = format!("{count} of at most {max} connections are tracked");
    let remark = match share {
        FULL.. => fault(what),
        NEARLY_FULL.. => warning(what),
        _ if dropped > 0 => note(format!(
            "connection tracking had no room for {dropped} packets since the machine started; now {what}"
        )),
        _ => return Vec::new(),
    };
    let better = max.saturating_mul(2).next_power_of_two();
    vec![
        remark
            .because("when it is full, packets of new connections are dropped, on the whole host")
            .mend(format!(
                "sysctl -w net.netfilter.nf_conntrack_max={better}\n# and the same in a file below /etc/sysctl.d; conntrack -L shows whose they are"
            )),
    ]
}
