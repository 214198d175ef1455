//! Whether the strict reverse-path filter drops what comes in by another way than answers leave by.

use pontoon_model::kernel::{BRIDGE, VXLAN};

use crate::checks::remark::{Remark, fault, in_setting, some_of};
use crate::facts::Facts;

const STRICT: i64 = 1;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let mut found = Vec::new();
    for dev in [BRIDGE, VXLAN].into_iter().filter(|dev| facts.network.link(dev).is_some()) {
        if in_force(facts, dev) == Some(STRICT) {
            found.push(
                strict(dev, &format!("net.ipv4.conf.{dev}.rp_filter is 1 (strict)"))
                    .because("answers to pods that come by another way are dropped without a word"),
            );
        }
    }
    let Some(underlay) = &facts.setup.underlay else { return found };
    let dev = underlay.dev.as_str();
    if in_force(facts, dev) != Some(STRICT) {
        return found;
    }
    let elsewhere: Vec<String> = facts
        .network
        .ways
        .iter()
        .filter(|way| way.address.is_ipv4() && way.dev.as_str() != dev)
        .map(|way| format!("{} ({} by {})", way.node, way.address, way.dev))
        .collect();
    if !elsewhere.is_empty() {
        let what = format!(
            "net.ipv4.conf.{dev}.rp_filter is 1 (strict), and the way back to some nodes leaves by another interface: {}",
            some_of(&elsewhere)
        );
        found.push(
            strict(dev, &what)
                .because(format!("what these nodes send to {dev} is dropped without a word")),
        );
    }
    found
}

/// The kernel takes the larger of the setting for all interfaces and of the interface's own.
fn in_force(facts: &Facts, dev: &str) -> Option<i64> {
    let setting = |of: &str| facts.kernel.settings.number(&format!("net/ipv4/conf/{of}/rp_filter"));
    Some(setting("all")?.max(setting(dev)?))
}

fn strict(dev: &str, what: &str) -> Remark {
    fault(what).mend(format!("sysctl -w net.ipv4.conf.{}.rp_filter=2", in_setting(dev)))
}
