//! What attaching a pod costs, by hand: `cargo run --release -p pontoon-netlink --example attach_cost`.
//!
//! Compares ways to lay out the same work, in turn, several rounds. Needs root, or
//! `unshare -Urn`. Each pod is a fresh namespace with IPv4 and IPv6; the making and deleting of
//! the namespaces is not counted.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use ipnetwork::IpNetwork;
use pontoon_netlink::{
    Address, BridgePort, FdbEntry, FdbKind, LinkChange, LinkName, MacAddr, Neighbour, Netns,
    NewBridge, NewVeth, Op, Route, Rtnl, VethPeer,
};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PODS: u16 = 40;
const ROUNDS: u16 = 8;
const GROUP: u32 = 77;

/// How the work is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    name: &'static str,
    /// One system call an operation in place of one a batch.
    one_by_one: bool,
    /// The host's end is set up when it is made, not afterwards.
    up_at_once: bool,
    /// The host's end gets no IPv6 link-local address.
    no_link_local: bool,
    /// The pod's addresses are set before its device is up.
    address_first: bool,
    /// One queue an end in place of one a CPU.
    one_queue: bool,
}

const BEST: Layout = Layout {
    name: "batched, host end made up, no link-local, one queue",
    one_by_one: false,
    up_at_once: true,
    no_link_local: true,
    address_first: false,
    one_queue: true,
};

const LAYOUTS: [Layout; 6] = [
    BEST,
    Layout { name: "… one system call an operation", one_by_one: true, ..BEST },
    Layout { name: "… host end set up afterwards", up_at_once: false, ..BEST },
    Layout { name: "… host end with a link-local address", no_link_local: false, ..BEST },
    Layout { name: "… a queue for each CPU", one_queue: false, ..BEST },
    Layout { name: "… pod's addresses before its device is up", address_first: true, ..BEST },
];

struct Pod {
    netns: Netns,
    number: u16,
}

fn name(text: &str) -> Result<LinkName> {
    Ok(LinkName::try_new(text)?)
}

impl Pod {
    fn addresses(&self) -> [IpAddr; 2] {
        let [high, low] = self.number.to_be_bytes();
        [
            Ipv4Addr::new(10, 244, 1 + high, low).into(),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 1, self.number).into(),
        ]
    }

    fn mac(&self) -> MacAddr {
        let [high, low] = self.number.to_be_bytes();
        MacAddr([2, 0, 0, 0, high, low])
    }

    fn host_ops(&self, layout: Layout) -> Result<Vec<Op>> {
        let (bridge, veth) = (name("pontoon0")?, name(&format!("pv{}", self.number))?);
        let port = BridgePort {
            hairpin: Some(true),
            learning: Some(false),
            flood: Some(false),
            mcast_flood: Some(false),
            ..BridgePort::default()
        };
        let mut ops = vec![Op::CreateVeth(NewVeth {
            mtu: Some(1450),
            master: Some(bridge),
            up: layout.up_at_once,
            group: Some(GROUP),
            alias: Some("pontoon:default/web".into()),
            port: Some(port),
            no_link_local: layout.no_link_local,
            queues: layout.one_queue.then_some(1),
            peer: VethPeer {
                name: name("eth0")?,
                mac: Some(self.mac()),
                mtu: Some(1450),
                netns: Some(self.netns.clone()),
            },
            ..NewVeth::new(veth, name("eth0")?)
        })];
        if !layout.up_at_once {
            ops.push(Op::SetLink { dev: veth, change: LinkChange::up() });
        }
        let mac = self.mac();
        ops.push(Op::ReplaceFdb(FdbEntry { dev: veth, mac, kind: FdbKind::Static }));
        let neighbour = |ip| Op::ReplaceNeighbour(Neighbour::permanent(bridge, ip, mac));
        ops.extend(self.addresses().map(neighbour));
        Ok(ops)
    }

    fn pod_ops(&self, layout: Layout) -> Result<Vec<Op>> {
        let dev = name("eth0")?;
        let up = |dev| Op::SetLink { dev, change: LinkChange::up() };
        let gateways: [IpAddr; 2] = [
            Ipv4Addr::new(10, 244, 0, 1).into(),
            Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into(),
        ];
        let mut ops = vec![up(name("lo")?), up(dev)];
        let addresses =
            self.addresses().map(|ip| Op::AddAddress(Address::new(dev, IpNetwork::from(ip))));
        if layout.address_first {
            ops.splice(1..1, addresses);
        } else {
            ops.extend(addresses);
        }
        for gateway in gateways {
            let route = Route { onlink: true, ..Route::default_via(gateway, dev) };
            ops.push(Op::AddRoute(route));
        }
        Ok(ops)
    }

    /// The time on the host's side, for entering the pod's namespace, and on the pod's side.
    fn attach(&self, host: &mut Rtnl, layout: Layout) -> Result<[Duration; 3]> {
        let (host_ops, pod_ops) = (self.host_ops(layout)?, self.pod_ops(layout)?);
        let start = Instant::now();
        execute(host, &host_ops, layout)?;
        let host_done = Instant::now();
        let mut pod = Rtnl::open_in(&self.netns)?;
        let opened = Instant::now();
        execute(&mut pod, &pod_ops, layout)?;
        Ok([host_done - start, opened - host_done, opened.elapsed()])
    }
}

fn execute(rtnl: &mut Rtnl, ops: &[Op], layout: Layout) -> Result<()> {
    if layout.one_by_one {
        for op in ops {
            rtnl.execute(std::slice::from_ref(op))?;
        }
    } else {
        rtnl.execute(ops)?;
    }
    Ok(())
}

/// Attaches pods on so many threads, and deletes them.
fn round(node: &Netns, layout: Layout, threads: usize) -> Result<(Vec<[Duration; 3]>, Duration)> {
    let pods = (1..=PODS)
        .map(|number| Ok(Pod { netns: Netns::create()?, number }))
        .collect::<Result<Vec<_>>>()?;
    let shares: Vec<_> = pods.chunks(pods.len().div_ceil(threads)).collect();
    let barrier = Barrier::new(shares.len() + 1);
    let (times, wall) = std::thread::scope(|scope| -> Result<_> {
        let workers: Vec<_> = shares
            .into_iter()
            .map(|pods| {
                let barrier = &barrier;
                scope.spawn(move || -> Result<Vec<_>> {
                    let mut host = Rtnl::open_in(node)?;
                    barrier.wait();
                    pods.iter().map(|pod| pod.attach(&mut host, layout)).collect()
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        let mut times = Vec::new();
        for worker in workers {
            times.extend(worker.join().map_err(|_| "a thread panicked")??);
        }
        Ok((times, start.elapsed()))
    })?;
    Rtnl::open_in(node)?.execute(&[Op::DeleteLinkGroup { group: GROUP }])?;
    drop(pods);
    // The kernel takes the namespaces down behind our back.
    std::thread::sleep(Duration::from_millis(1500));
    Ok((times, wall))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn report(layout: Layout, threads: usize, times: &[[Duration; 3]], wall: Duration) {
    let part =
        |n: usize| median(times.iter().map(|t| t.get(n).copied().unwrap_or_default()).collect());
    let whole = median(times.iter().map(|t| t.iter().sum()).collect());
    let micros = |d: Duration| d.as_micros();
    println!(
        "{:>8} {:>8} {:>8} {:>8} {:>8.0}  {}{}",
        micros(whole),
        micros(part(0)),
        micros(part(1)),
        micros(part(2)),
        times.len() as f64 / wall.as_secs_f64(),
        layout.name,
        if threads > 1 { format!(" ({threads} threads)") } else { String::new() },
    );
}

fn main() -> Result<()> {
    let node = Netns::create()?;
    let bridge = name("pontoon0")?;
    let net = |text: &str| -> Result<IpNetwork> { Ok(text.parse()?) };
    Rtnl::open_in(&node)?.execute(&[
        Op::CreateBridge(NewBridge {
            mac: Some(MacAddr([2, 0, 0, 0, 0, 0])),
            ..NewBridge::new(bridge)
        }),
        Op::AddAddress(Address::new(bridge, net("10.244.0.1/16")?)),
        Op::AddAddress(Address::new(bridge, net("fd00::1/64")?)),
    ])?;
    println!("medians in µs a pod, {PODS} pods, {ROUNDS} rounds in turn");
    println!("{:>8} {:>8} {:>8} {:>8} {:>8}", "attach", "host", "enter", "pod", "pods/s");
    let runs: Vec<_> = LAYOUTS.map(|l| (l, 1)).into_iter().chain([(BEST, 4), (BEST, 20)]).collect();
    let mut all: Vec<_> = runs.iter().map(|_| (Vec::new(), Duration::ZERO)).collect();
    for number in 0..ROUNDS {
        for place in 0..runs.len() {
            // Each comes after another one in each round: what a run leaves behind to be cleaned
            // up burdens the next.
            let stride = usize::from(2 * number + 1);
            let place = (place * stride + usize::from(number)) % runs.len();
            let (Some((layout, threads)), Some((times, wall))) =
                (runs.get(place), all.get_mut(place))
            else {
                continue;
            };
            let (more, took) = round(&node, *layout, *threads)?;
            times.extend(more);
            *wall += took;
        }
    }
    for ((layout, threads), (times, wall)) in runs.iter().zip(&all) {
        report(*layout, *threads, times, *wall);
    }
    Ok(())
}
