//! From what is to what should be, in an order in which no packet that had a way loses it.

use std::collections::HashMap;
use std::hash::Hash;

use pontoon_netlink::{
    BridgeSettings, LinkChange, LinkName, NewBridge, NewVxlan, Op, VxlanSettings,
};

use super::{Device, DeviceKind, Network};

/// A device of another kind has the name of one of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "a {kind} device named {name} is in the way: it is not Pontoon's and stays; rename or delete it"
)]
pub struct InTheWay {
    /// The device.
    pub name: LinkName,
    /// What it is.
    pub kind: String,
}

/// What to do, in order: devices, addresses, what leads packets over them, and only then what is
/// no longer wanted.
///
/// # Errors
/// When a stranger's device has one of our names.
pub fn plan(desired: &Network, actual: &Network) -> Result<Vec<Op>, InTheWay> {
    let mut ops = Vec::new();
    let mut remade = Vec::new();
    for (name, device) in &desired.links {
        match actual.links.get(name) {
            Some(Device { kind: DeviceKind::Foreign(kind), .. }) => {
                return Err(InTheWay { name: *name, kind: kind.clone() });
            }
            Some(found) if same_make(&device.kind, &found.kind) => {
                ops.extend(mend(*name, device, found))
            }
            found => {
                if found.is_some() {
                    ops.push(Op::DeleteLink { dev: *name });
                }
                ops.push(create(*name, device));
                remade.push(*name);
            }
        }
    }
    // What hung on a device that is made anew went with the old one.
    let survives = |dev: &LinkName| !remade.contains(dev) && desired.links.contains_key(dev);
    let lost_route = |dev: &Option<LinkName>| dev.is_some_and(|dev| remade.contains(&dev));

    let current = |key: &(LinkName, _)| actual.addresses.get(key).filter(|_| survives(&key.0));
    ops.extend(changed(&desired.addresses, current).map(Op::ReplaceAddress));
    let current = |key: &(LinkName, _)| actual.fdb.get(key).filter(|_| survives(&key.0));
    ops.extend(changed(&desired.fdb, current).map(Op::ReplaceFdb));
    let current = |key: &(LinkName, _)| actual.neighbours.get(key).filter(|_| survives(&key.0));
    ops.extend(changed(&desired.neighbours, current).map(Op::ReplaceNeighbour));
    let current = |key: &_| actual.routes.get(key).filter(|r| !lost_route(&r.dev));
    ops.extend(changed(&desired.routes, current).map(Op::ReplaceRoute));
    ops.extend(desired.rules.difference(&actual.rules).cloned().map(Op::AddRule));

    ops.extend(actual.rules.difference(&desired.rules).cloned().map(Op::DeleteRule));
    ops.extend(
        stale(&actual.routes, &desired.routes).filter(|r| !lost_route(&r.dev)).map(Op::DeleteRoute),
    );
    ops.extend(
        stale(&actual.neighbours, &desired.neighbours)
            .filter(|n| survives(&n.dev))
            .map(|n| Op::DeleteNeighbour { dev: n.dev, ip: n.ip }),
    );
    ops.extend(stale(&actual.fdb, &desired.fdb).filter(|f| survives(&f.dev)).map(Op::DeleteFdb));
    ops.extend(
        stale(&actual.addresses, &desired.addresses)
            .filter(|a| survives(&a.dev))
            .map(Op::DeleteAddress),
    );
    for (name, device) in &actual.links {
        if !desired.links.contains_key(name) && !matches!(device.kind, DeviceKind::Foreign(_)) {
            ops.push(Op::DeleteLink { dev: *name });
        }
    }
    Ok(ops)
}

fn changed<'a, K: Eq + Hash + 'a, V: Clone + PartialEq + 'a>(
    desired: &'a HashMap<K, V>,
    current: impl Fn(&K) -> Option<&'a V> + 'a,
) -> impl Iterator<Item = V> + 'a {
    desired
        .iter()
        .filter(move |(key, value)| current(key) != Some(*value))
        .map(|(_, value)| value.clone())
}

fn stale<'a, K: Eq + Hash, V: Clone>(
    actual: &'a HashMap<K, V>,
    desired: &'a HashMap<K, V>,
) -> impl Iterator<Item = V> + 'a {
    actual.iter().filter(|(key, _)| !desired.contains_key(key)).map(|(_, value)| value.clone())
}

/// Whether the settings that are fixed at birth are the same.
fn same_make(wanted: &DeviceKind, found: &DeviceKind) -> bool {
    match (wanted, found) {
        (DeviceKind::Bridge(wanted), DeviceKind::Bridge(found)) => bridge_holds(wanted, found),
        (DeviceKind::Vxlan(wanted), DeviceKind::Vxlan(found)) => vxlan_holds(wanted, found),
        _ => false,
    }
}

fn bridge_holds(_: &BridgeSettings, _: &BridgeSettings) -> bool {
    // Deleting a bridge throws every pod off it: whatever an operator set on it stays.
    true
}

fn vxlan_holds(wanted: &VxlanSettings, found: &VxlanSettings) -> bool {
    wanted == found
}

fn mend(name: LinkName, wanted: &Device, found: &Device) -> Option<Op> {
    let change = LinkChange {
        mac: (wanted.mac != found.mac).then_some(wanted.mac),
        mtu: (wanted.mtu != found.mtu).then_some(wanted.mtu),
        up: (wanted.up != found.up).then_some(wanted.up),
        ..LinkChange::default()
    };
    (change != LinkChange::default()).then_some(Op::SetLink { dev: name, change })
}

fn create(name: LinkName, device: &Device) -> Op {
    match &device.kind {
        DeviceKind::Bridge(settings) => Op::CreateBridge(NewBridge {
            mac: Some(device.mac),
            mtu: Some(device.mtu),
            up: device.up,
            settings: settings.clone(),
            ..NewBridge::new(name)
        }),
        DeviceKind::Vxlan(settings) => Op::CreateVxlan(NewVxlan {
            mac: Some(device.mac),
            mtu: Some(device.mtu),
            up: device.up,
            no_link_local: true,
            ..NewVxlan::new(name, settings.clone())
        }),
        DeviceKind::Foreign(_) => Op::SetLink { dev: name, change: LinkChange::default() },
    }
}
