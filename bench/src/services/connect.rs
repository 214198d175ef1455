//! New connections: through a virtual address, and to the endpoints themselves.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pontoon_lab::{Host, Netns, Pod};
use socket2::{Domain, Protocol, Socket, Type};

use super::dataset::Service;
use crate::flow::{self, Path};
use crate::report::{Better, Row, median};

const ROUNDS: usize = 100;
const CONNECTIONS: usize = 500;
/// Servers behind one virtual address.
const SERVERS: usize = 3;
/// Where the servers of new connections listen, and those of an established one.
const PORTS: [u16; 2] = [8080, 8081];
/// Virtual addresses that no data set has.
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 96, 250, 1), Ipv4Addr::new(10, 96, 250, 2)];
/// What a new connection may take longer through a virtual address, µs.
const ALLOWANCE: f64 = 2.0;
const TICK: Duration = Duration::from_millis(50);

/// A client and its servers on one node.
#[derive(Debug)]
pub(super) struct Site {
    client: Pod,
    servers: Vec<Pod>,
    _acceptors: Vec<Acceptor>,
}

impl Site {
    /// Makes the pods on a host whose daemon runs.
    pub(super) fn build(host: &Host) -> Result<Self> {
        // Connections that were reset would be remembered for 10 s each.
        host.netns().set_sysctl("net.netfilter.nf_conntrack_tcp_timeout_close", "1")?;
        let client = host.add_pod("client")?;
        let servers: Vec<_> =
            (0..SERVERS).map(|n| host.add_pod(&format!("server-{n}"))).collect::<Result<_>>()?;
        let acceptors =
            servers.iter().map(|pod| Acceptor::start(pod.netns())).collect::<Result<_>>()?;
        Ok(Self { client, servers, _acceptors: acceptors })
    }

    /// What leads to its servers: a service of all of them, and one of the first.
    pub(super) fn services(&self) -> Result<[Service; 2]> {
        let all = self.servers.iter().map(address).collect::<Result<Vec<_>>>()?;
        let first = all.first().copied().into_iter().collect();
        let service = |name: &str, number: usize, endpoints| Service {
            namespace: "bench".into(),
            name: name.into(),
            cluster_ip: ADDRESSES[number],
            port: 80,
            target: PORTS[number],
            endpoints,
        };
        Ok([service("all", 0, all), service("first", 1, first)])
    }

    fn direct(&self) -> Result<Vec<SocketAddr>> {
        self.servers.iter().map(|pod| Ok((address(pod)?, PORTS[0]).into())).collect()
    }

    /// Connects many times, to one target after the other.
    fn burst(&self, targets: &[SocketAddr]) -> Result<Burst> {
        self.client.netns().run(|| {
            let mut samples = Vec::with_capacity(CONNECTIONS);
            let began = Instant::now();
            for target in targets.iter().cycle().take(CONNECTIONS) {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
                // Reset on close: no port is held for a minute.
                socket.set_linger(Some(Duration::ZERO))?;
                let asked = Instant::now();
                socket
                    .connect(&(*target).into())
                    .with_context(|| format!("cannot connect to {target}"))?;
                samples.push(asked.elapsed().as_secs_f64() * 1e6);
            }
            let rate = CONNECTIONS as f64 / began.elapsed().as_secs_f64();
            Ok(Burst { median: median(&samples), rate })
        })?
    }
}

fn address(pod: &Pod) -> Result<Ipv4Addr> {
    match pod.v4()? {
        std::net::IpAddr::V4(address) => Ok(address),
        std::net::IpAddr::V6(address) => anyhow::bail!("{address} is not IPv4"),
    }
}

/// What many connections took.
#[derive(Debug, Clone, Copy)]
struct Burst {
    /// From SYN to the answer, µs.
    median: f64,
    /// Connections a second.
    rate: f64,
}

/// Compares new connections at a site whose node has many services with those to the servers'
/// own addresses, and with those at a site whose node has few.
pub(super) fn new_connections(many: &Site, few: &Site) -> Result<Vec<Row>> {
    let row = |name: &str, unit, peer: &str, better, target| Row {
        name: name.into(),
        unit,
        ours: Vec::new(),
        peer: peer.into(),
        theirs: Vec::new(),
        better,
        target,
    };
    let name = "new connection, VIP among 10,000";
    let mut time =
        row(&format!("{name}, p50"), "µs", "pod's own address + 2 µs", Better::Lower, 1.0);
    let mut rate = row(name, "1/s", "pod's own address", Better::Higher, 0.95);
    let mut flat = row(name, "1/s", "VIP among 10", Better::Higher, 0.98);
    let virtual_address = [SocketAddr::from((ADDRESSES[0], 80))];
    let direct = many.direct()?;
    let ways: [(&Site, &[SocketAddr]); 3] =
        [(many, &virtual_address), (many, &direct), (few, &virtual_address)];
    for round in 0..=ROUNDS {
        let mut bursts = [None; 3];
        for turn in 0..ways.len() {
            // Which goes first changes, so that none always meets the warmer machine.
            let way = (round + turn) % ways.len();
            let (site, targets) = ways[way];
            bursts[way] = Some(site.burst(targets)?);
        }
        if let (1.., [Some(ours), Some(direct), Some(few)]) = (round, bursts) {
            time.ours.push(ours.median);
            time.theirs.push(direct.median + ALLOWANCE);
            rate.ours.push(ours.rate);
            rate.theirs.push(direct.rate);
            flat.ours.push(ours.rate);
            flat.theirs.push(few.rate);
        }
    }
    Ok(vec![time, rate, flat])
}

/// Compares an established connection through a virtual address with one to the pod itself.
pub(super) fn established(site: &Site) -> Result<Vec<Row>> {
    let server = site.servers.first().context("a site without servers")?;
    let at = SocketAddr::from((address(server)?, PORTS[1]));
    let direct = Path { from: site.client.netns(), to: server.netns(), at, through: None };
    let through = Path { through: Some((ADDRESSES[1], 80).into()), ..direct };
    flow::compare("established through a VIP", &through, "pod's own address", &direct, 0.98)
}

/// Takes connections and lets them go, until dropped.
#[derive(Debug)]
struct Acceptor {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    fn start(netns: &Netns) -> Result<Self> {
        let open = || -> std::io::Result<Socket> {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            socket.set_read_timeout(Some(TICK))?;
            socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORTS[0])).into())?;
            socket.listen(4096)?;
            Ok(socket)
        };
        let socket = netns.run(open)?.context("a server cannot listen")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                // The client may be gone again, or nobody came within a tick.
                drop(socket.accept());
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}
