//! Whether the largest packets of pods fit what carries them.

use pontoon_netlink::Link;

use crate::checks::remark::{Remark, fault, some_of, warning};
use crate::facts::Facts;

const WHY: &str = "small packets pass and large ones vanish: connections open and then hang";

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    let network = &facts.network;
    let Some(underlay) = underlay(facts) else { return Vec::new() };
    let overhead = if facts.setup.has_overlay() { facts.setup.overhead() } else { 0 };
    let room = underlay.mtu.saturating_sub(overhead);
    let set = facts.setup.mtu.filter(|mtu| *mtu > room);
    let mut found: Vec<Remark> =
        set.map(|mtu| set_too_large(facts, mtu, underlay, room)).into_iter().collect();
    let Some(bridge) = network.bridge() else { return found };
    let carrier = network.overlay().filter(|_| facts.setup.has_overlay());
    match carrier {
        Some(overlay) => {
            if overlay.mtu > room && set.is_none() {
                found.push(too_large(overlay, underlay, overhead, room));
            }
            if bridge.mtu > overlay.mtu {
                found.push(larger_than(bridge, overlay));
            }
            found.extend(paths(facts, overlay, underlay));
        }
        None if bridge.mtu > underlay.mtu && set.is_none() => {
            found.push(larger_than(bridge, underlay))
        }
        None => {}
    }
    found.extend(pods(facts, bridge));
    found
}

fn underlay(facts: &Facts) -> Option<&Link> {
    facts.network.link(&facts.setup.underlay.as_ref()?.dev)
}

fn set_too_large(facts: &Facts, mtu: u32, underlay: &Link, room: u32) -> Remark {
    let carried = if facts.setup.has_overlay() {
        format!("{} ({}) leaves for a packet of the overlay's", underlay.name, underlay.mtu)
    } else {
        format!("{} carries", underlay.name)
    };
    fault(format!("node.mtu is {mtu}, more than the {room} that {carried}"))
        .because(WHY)
        .mend(smaller(room))
}

fn smaller(room: u32) -> String {
    format!(
        "take node.mtu out of /etc/pontoon/pontoond.toml, or set it to at most {room}, then: systemctl restart pontoond"
    )
}

fn too_large(overlay: &Link, underlay: &Link, overhead: u32, room: u32) -> Remark {
    fault(format!(
        "{} has an MTU of {}; with {overhead} bytes around each packet that is more than the {} of {}",
        overlay.name, overlay.mtu, underlay.mtu, underlay.name
    ))
    .because(WHY)
    .mend(smaller(room))
}

fn larger_than(device: &Link, carrier: &Link) -> Remark {
    fault(format!(
        "{} has an MTU of {}, more than the {} of {}",
        device.name, device.mtu, carrier.mtu, carrier.name
    ))
    .because(WHY)
    .mend(format!("ip link set dev {} mtu {}", device.name, carrier.mtu))
}

/// Pods whose link differs from the bridge's MTU.
fn pods(facts: &Facts, bridge: &Link) -> Vec<Remark> {
    let of = |differs: fn(u32, u32) -> bool| -> Vec<&Link> {
        facts.network.ports().filter(|port| differs(port.mtu, bridge.mtu)).collect()
    };
    let tell = |ports: Vec<&Link>, remark: fn(String) -> Remark, why: &str| {
        let shown: Vec<String> =
            ports.iter().map(|port| format!("{} ({})", port.name, port.mtu)).collect();
        let mend: Vec<String> =
            ports.iter().flat_map(|port| both_ends(facts, port, bridge.mtu)).collect();
        let what = format!(
            "links of pods have another MTU than the {} of {}: {}",
            bridge.mtu,
            bridge.name,
            some_of(&shown)
        );
        (!ports.is_empty()).then(|| remark(what).because(why).mend(mend.join("\n")))
    };
    let larger = tell(of(|own, bridge| own > bridge), fault, WHY);
    let smaller = "what others send to these pods may be larger than their link takes";
    let smaller = tell(of(|own, bridge| own < bridge), warning, smaller);
    larger.into_iter().chain(smaller).collect()
}

/// Gives both ends of a pod's link an MTU: first the one that would send more than the other takes.
fn both_ends(facts: &Facts, port: &Link, mtu: u32) -> Vec<String> {
    let pods = facts.state.iter().flat_map(|state| &state.pods);
    let pod = pods.filter(|pod| pod.gone.is_none()).find(|pod| pod.host_end == port.name.as_str());
    let within = match pod {
        Some(pod) => {
            format!("nsenter --net={} ip link set dev {} mtu {mtu}", pod.netns, pod.pod_end)
        }
        None => format!("# and the same in the pod: ip link set dev eth0 mtu {mtu}"),
    };
    let host = format!("ip link set dev {} mtu {mtu}", port.name);
    if port.mtu > mtu { vec![within, host] } else { vec![host, within] }
}

/// Paths that were found to carry less than the underlay.
fn paths(facts: &Facts, overlay: &Link, underlay: &Link) -> Option<Remark> {
    let needed = overlay.mtu + facts.setup.overhead();
    let narrow: Vec<_> = facts
        .network
        .ways
        .iter()
        .filter_map(|way| Some((way, way.mtu?)))
        .filter(|(_, mtu)| *mtu < needed)
        .collect();
    let lowest = narrow.iter().map(|(_, mtu)| *mtu).min()?;
    let shown: Vec<String> = narrow
        .iter()
        .map(|(way, mtu)| format!("{} at {} ({mtu})", way.node, way.address))
        .collect();
    Some(
        warning(format!(
            "the way to some nodes carries less than the {} of {}: {}",
            underlay.mtu, underlay.name, some_of(&shown)
        ))
        .because("encapsulated packets are cut in pieces on the way, which is slow, or vanish")
        .mend(format!(
            "set node.mtu = {} in /etc/pontoon/pontoond.toml on every node, then: systemctl restart pontoond",
            lowest.saturating_sub(facts.setup.overhead())
        )),
    )
}
