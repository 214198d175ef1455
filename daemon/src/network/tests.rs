//! A planner is right when carrying out its plan leaves nothing to plan, from wherever it began.

use std::net::IpAddr;

use pontoon_netlink::{FdbEntry, FdbKind, LinkName, MacAddr, Neighbour, Op, Route, VxlanSettings};
use proptest::prelude::*;

use super::plan::{InTheWay, plan};
use super::{Device, DeviceKind, Network};

/// Carries out operations as the kernel would, and as strictly.
fn carry_out(network: &mut Network, op: &Op) -> Result<(), String> {
    let there = |network: &Network, dev: &LinkName| {
        let known = network.links.contains_key(dev) || dev.as_str() == "eth0";
        if known { Ok(()) } else { Err(format!("{op}: no device {dev}")) }
    };
    let gone = |found: bool| if found { Ok(()) } else { Err(format!("{op}: not there")) };
    match op {
        Op::CreateBridge(new) => {
            add_link(network, new.name, DeviceKind::Bridge(new.settings.clone()), new.mac, new.mtu)?
        }
        Op::CreateVxlan(new) => {
            add_link(network, new.name, DeviceKind::Vxlan(new.settings.clone()), new.mac, new.mtu)?
        }
        Op::SetLink { dev, change } => {
            let device = network.links.get_mut(dev).ok_or_else(|| format!("{op}: no device"))?;
            device.mtu = change.mtu.unwrap_or(device.mtu);
            device.mac = change.mac.unwrap_or(device.mac);
            device.up = change.up.unwrap_or(device.up);
        }
        Op::DeleteLink { dev } => {
            gone(network.links.remove(dev).is_some())?;
            network.addresses.retain(|(on, _), _| on != dev);
            network.routes.retain(|_, route| route.dev != Some(*dev));
            network.neighbours.retain(|(on, _), _| on != dev);
            network.fdb.retain(|(on, _), _| on != dev);
        }
        Op::ReplaceAddress(address) => {
            there(network, &address.dev)?;
            network.address(address.clone());
        }
        Op::DeleteAddress(address) => {
            gone(network.addresses.remove(&(address.dev, address.net)).is_some())?
        }
        Op::ReplaceRoute(route) => {
            if let Some(dev) = &route.dev {
                there(network, dev)?;
            }
            network.route(route.clone());
        }
        Op::DeleteRoute(route) => {
            let found = network.routes.iter().find(|(_, r)| *r == route).map(|(key, _)| *key);
            gone(found.and_then(|key| network.routes.remove(&key)).is_some())?;
        }
        Op::ReplaceNeighbour(neighbour) => {
            there(network, &neighbour.dev)?;
            network.neighbour(neighbour.clone());
        }
        Op::DeleteNeighbour { dev, ip } => gone(network.neighbours.remove(&(*dev, *ip)).is_some())?,
        Op::ReplaceFdb(entry) => {
            there(network, &entry.dev)?;
            network.forward(entry.clone());
        }
        Op::DeleteFdb(entry) => gone(network.fdb.remove(&(entry.dev, entry.mac)).is_some())?,
        Op::AddRule(rule) => gone(network.rules.insert(rule.clone()))?,
        Op::DeleteRule(rule) => gone(network.rules.remove(rule))?,
        other => return Err(format!("{other}: not an operation of the network's planner")),
    }
    Ok(())
}

fn add_link(
    network: &mut Network,
    name: LinkName,
    kind: DeviceKind,
    mac: Option<MacAddr>,
    mtu: Option<u32>,
) -> Result<(), String> {
    let device =
        Device { kind, mac: mac.unwrap_or(MacAddr([0; 6])), mtu: mtu.unwrap_or(1500), up: true };
    match network.links.insert(name, device) {
        None => Ok(()),
        Some(_) => Err(format!("{name} exists")),
    }
}

fn name(text: &str) -> LinkName {
    LinkName::try_new(text).unwrap()
}

fn any_network() -> impl Strategy<Value = Network> {
    let vxlan = prop::option::of((1u32..3, 1400u32..1402));
    let peers = prop::collection::btree_map(0u8..6, (0u8..3, prop::bool::ANY), 0..6);
    (vxlan, 1400u32..1402, peers).prop_map(|(vxlan, mtu, peers)| {
        let mut network = Network::default();
        let mac = MacAddr([2, 0, 0, 0, 0, 1]);
        let bridge = Device { kind: DeviceKind::Bridge(Default::default()), mac, mtu, up: true };
        network.links.insert(name("pontoon0"), bridge);
        if let Some((vni, mtu)) = vxlan {
            let kind = DeviceKind::Vxlan(VxlanSettings::new(vni, 8472));
            network.links.insert(name("pontoon-vxlan"), Device { kind, mac, mtu, up: true });
        }
        for (peer, (address, overlay)) in peers {
            let dst = format!("10.244.{peer}.0/24").parse().unwrap();
            let gateway: IpAddr = IpAddr::from([192, 0, 2, address]);
            if overlay && vxlan.is_some() {
                let dev = name("pontoon-vxlan");
                let mac = MacAddr([2, 0, 0, 0, 1, peer]);
                network.forward(FdbEntry { dev, mac, kind: FdbKind::Remote(gateway) });
                network.neighbour(Neighbour::permanent(dev, IpAddr::from([10, 244, peer, 0]), mac));
                network.route(Route {
                    onlink: true,
                    ..Route::via(dst, IpAddr::from([10, 244, peer, 0]), dev)
                });
            } else {
                network.route(Route::via(dst, gateway, name("eth0")));
            }
        }
        network
    })
}

proptest! {
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_plan(from in any_network(), to in any_network()) {
        let mut kernel = from.clone();
        for op in plan(&to, &from).unwrap() {
            carry_out(&mut kernel, &op).map_err(TestCaseError::fail)?;
        }
        prop_assert_eq!(&kernel, &to);
        prop_assert_eq!(plan(&to, &kernel).unwrap(), []);
    }

    #[test]
    fn nothing_is_left_when_nothing_is_wanted(from in any_network()) {
        let mut kernel = from.clone();
        for op in plan(&Network::default(), &from).unwrap() {
            // The kernel takes routes along with their device; asking for them first is no error.
            let _ = carry_out(&mut kernel, &op);
        }
        prop_assert_eq!(kernel, Network::default());
    }

    /// A peer that is in both plans keeps its route through every step, unless the device under it
    /// has to be made anew.
    #[test]
    fn no_route_that_stays_is_ever_missing(from in any_network(), to in any_network()) {
        prop_assume!(from.links.get(&name("pontoon-vxlan")).map(|d| &d.kind) == to.links.get(&name("pontoon-vxlan")).map(|d| &d.kind));
        let mut kernel = from.clone();
        for op in plan(&to, &from).unwrap() {
            carry_out(&mut kernel, &op).map_err(TestCaseError::fail)?;
            for key in from.routes.keys().filter(|key| to.routes.contains_key(key)) {
                prop_assert!(kernel.routes.contains_key(key), "{op} took {key:?} away");
            }
        }
    }
}

#[test]
fn a_strangers_device_stays() {
    let mut desired = Network::default();
    let mac = MacAddr([2, 0, 0, 0, 0, 1]);
    let device = |kind| Device { kind, mac, mtu: 1500, up: true };
    desired.links.insert(name("pontoon0"), device(DeviceKind::Bridge(Default::default())));
    let mut actual = Network::default();
    actual.links.insert(name("pontoon0"), device(DeviceKind::Foreign("dummy".into())));
    assert_eq!(
        plan(&desired, &actual),
        Err(InTheWay { name: name("pontoon0"), kind: "dummy".into() })
    );
    assert_eq!(plan(&Network::default(), &actual), Ok(vec![]));
}
