//! The kernel operations of an attachment, as data.

use std::net::IpAddr;

use pontoon_model::cidr::{self, Family};
use pontoon_model::name::PodId;
use pontoon_netlink::{
    Address, BridgePort, FdbEntry, FdbKind, LinkChange, LinkName, LinkNameError, Neighbour, Netns,
    NewVeth, Op, Route, VethPeer,
};

use super::record::Record;
use crate::names::to_kernel;

/// How the bridge treats a pod's port. Addresses are known beforehand, so nothing is learnt and
/// nothing is flooded; a packet that was rewritten may leave by the port that it came in by
/// (a pod that reaches itself, with bridge-nf-call-iptables on).
pub const PORT: BridgePort = BridgePort {
    hairpin: Some(true),
    learning: Some(false),
    flood: Some(false),
    mcast_flood: Some(false),
    bcast_flood: Some(false),
    isolated: Some(false),
    locked: None,
    neigh_suppress: None,
};

/// The names of an attachment's devices.
#[derive(Debug, Clone, Copy)]
pub struct Devices {
    /// The host's end.
    pub host: LinkName,
    /// The bridge.
    pub bridge: LinkName,
    /// The pod's end.
    pub pod: LinkName,
    /// The pod's loopback.
    pub loopback: LinkName,
}

impl Devices {
    /// The devices of a record.
    ///
    /// # Errors
    /// When a name is none that the kernel takes.
    pub fn of(record: &Record) -> Result<Self, LinkNameError> {
        let attached = &record.attached;
        Ok(Self {
            host: LinkName::try_new(attached.host_interface.name.as_str())?,
            bridge: LinkName::try_new(attached.bridge.name.as_str())?,
            pod: LinkName::try_new(attached.pod_interface.name.as_str())?,
            loopback: LinkName::try_new("lo")?,
        })
    }
}

/// On the host: the pair, and where the bridge and the host find the pod, so that the first packet
/// needs no asking.
#[must_use]
pub fn host_side(record: &Record, devices: &Devices, netns: &Netns) -> Vec<Op> {
    let attached = &record.attached;
    let pod_mac = to_kernel(attached.pod_interface.mac);
    let mut ops = vec![
        Op::CreateVeth(NewVeth {
            mac: Some(to_kernel(attached.host_interface.mac)),
            mtu: Some(attached.mtu),
            master: Some(devices.bridge),
            up: true,
            alias: Some(alias(&record.pod)),
            port: Some(PORT),
            no_link_local: true,
            // veth has no queueing discipline and no lock to share out; a queue for each CPU is
            // only time to make (a third of the attach on two CPUs).
            queues: Some(1),
            peer: VethPeer {
                name: devices.pod,
                mac: Some(pod_mac),
                mtu: Some(attached.mtu),
                netns: Some(netns.clone()),
            },
            ..NewVeth::new(devices.host, devices.pod)
        }),
        Op::ReplaceFdb(FdbEntry { dev: devices.host, mac: pod_mac, kind: FdbKind::Static }),
    ];
    ops.extend(neighbours(record, devices.bridge).map(Op::ReplaceNeighbour));
    ops
}

/// Where the host finds the pod's addresses.
pub fn neighbours(record: &Record, bridge: LinkName) -> impl Iterator<Item = Neighbour> + '_ {
    let mac = to_kernel(record.attached.pod_interface.mac);
    record.addresses().map(move |ip| Neighbour::permanent(bridge, ip, mac))
}

/// In the pod: addresses that are usable at once, and the gateway as the way to everything.
#[must_use]
pub fn pod_side(record: &Record, devices: &Devices) -> Vec<Op> {
    let gateway_mac = to_kernel(record.attached.bridge.mac);
    let mut ops = vec![Op::SetLink { dev: devices.loopback, change: LinkChange::up() }];
    let each = &record.attached.addresses;
    ops.extend(each.iter().map(|a| Op::ReplaceAddress(Address::new(devices.pod, a.address))));
    ops.push(Op::SetLink { dev: devices.pod, change: LinkChange::up() });
    for gateway in each.iter().map(|a| a.gateway) {
        ops.push(Op::ReplaceNeighbour(Neighbour::permanent(devices.pod, gateway, gateway_mac)));
        let route = Route { onlink: true, ..Route::default_via(gateway, devices.pod) };
        ops.push(Op::ReplaceRoute(route));
    }
    ops
}

/// On the host, what does not go with the pair by itself.
#[must_use]
pub fn leftovers(addresses: impl IntoIterator<Item = IpAddr>, bridge: LinkName) -> Vec<Op> {
    addresses.into_iter().map(|ip| Op::DeleteNeighbour { dev: bridge, ip }).collect()
}

/// Both ends' MTU, the pod's first, so that it sends nothing too large for the host.
#[must_use]
pub fn mtu(dev: LinkName, mtu: u32) -> Op {
    Op::SetLink { dev, change: LinkChange { mtu: Some(mtu), ..LinkChange::default() } }
}

/// The default route's destination for an address.
#[must_use]
pub fn is_default_of(route: &Route, gateway: IpAddr) -> bool {
    route.gateway == Some(gateway)
        && route.dst.prefix() == 0
        && Family::of_network(route.dst) == Family::of(gateway)
}

/// Whether an address is a pod's own, as it is attached.
#[must_use]
pub fn is_pod_address(address: &Address, ip: IpAddr) -> bool {
    address.net == cidr::host(ip)
}

/// What `ip link` shows beside the host's end: whose it is.
fn alias(pod: &PodId) -> String {
    let mut text = format!("pontoon {pod}");
    text.truncate(255);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attach::record::tests::sample;

    #[test]
    fn a_pod_is_told_everything_that_it_would_ask() {
        let record = sample("a", "10.244.1.2/32");
        let devices = Devices::of(&record).unwrap();
        let said: Vec<String> =
            pod_side(&record, &devices).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "link set lo up",
                "addr replace 10.244.1.2/32 dev eth0",
                "link set eth0 up",
                "neigh replace 10.244.1.1 lladdr 02:00:00:00:00:01 dev eth0 nud permanent",
                "route replace default via 10.244.1.1 dev eth0 onlink proto 4",
            ]
        );
    }
}
