//! Whether the host passes packets on. The daemon switches it on; others may switch it off again.

use pontoon_model::cidr::Family;
use pontoon_model::kernel::{BRIDGE, VXLAN};

use crate::checks::remark::{Remark, fault, in_setting, warning};
use crate::facts::Facts;

const WHY: &str =
    "packets between pods of different nodes, and from pods to the outside, are dropped";

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    // Before the daemon was here it need not be on.
    if facts.network.bridge().is_none() {
        return Vec::new();
    }
    let off = |setting: &str| facts.kernel.settings.number(setting) == Some(0);
    let mut found = Vec::new();
    if facts.setup.has_family(Family::V4) {
        if off("net/ipv4/ip_forward") {
            found.push(switched_off("net.ipv4.ip_forward"));
        } else {
            let underlay = facts.setup.underlay.as_ref().map(|underlay| underlay.dev.as_str());
            for dev in [Some(BRIDGE), Some(VXLAN), underlay].into_iter().flatten() {
                if off(&format!("net/ipv4/conf/{dev}/forwarding")) {
                    found.push(switched_off(&format!(
                        "net.ipv4.conf.{}.forwarding",
                        in_setting(dev)
                    )));
                }
            }
        }
    }
    if facts.setup.has_family(Family::V6) && off("net/ipv6/conf/all/forwarding") {
        found.push(switched_off("net.ipv6.conf.all.forwarding"));
    }
    found
}

fn switched_off(setting: &str) -> Remark {
    fault(format!("{setting} is 0: this host does not forward")).because(WHY).mend(format!(
        "sysctl -w {setting}=1\n# and see what sets it to 0: grep -r forward /etc/sysctl.conf /etc/sysctl.d"
    ))
}

/// `RTPROT_RA`
const ROUTER_ADVERTISEMENT: u8 = 9;

/// A host that forwards does not listen to routers unless told to, and forgets its default route.
pub(in crate::checks) fn router_advertisements(facts: &Facts) -> Vec<Remark> {
    let Some(underlay) = &facts.setup.underlay else { return Vec::new() };
    let dev = &underlay.dev;
    let settings = &facts.kernel.settings;
    let forwards = settings.number("net/ipv6/conf/all/forwarding") == Some(1);
    let deaf = settings.number(&format!("net/ipv6/conf/{dev}/accept_ra")) == Some(1);
    let advertised = facts.network.routes.iter().any(|route| {
        route.protocol == ROUTER_ADVERTISEMENT && route.dev.is_some_and(|d| d.as_str() == dev)
    });
    if !(forwards && deaf && advertised) {
        return Vec::new();
    }
    vec![
        warning(format!("net.ipv6.conf.{dev}.accept_ra is 1 on a host that forwards"))
            .because(format!(
                "the kernel ignores router advertisements then: the IPv6 routes by {dev} that came from them end when their time is over"
            ))
            .mend(format!("sysctl -w net.ipv6.conf.{}.accept_ra=2", in_setting(dev))),
    ]
}
