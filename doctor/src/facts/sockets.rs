//! Who listens at the ports that Pontoon needs.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use pontoon_netlink::{Link, LinkKind};

use super::gaps::Gaps;
use super::network::Network;
use super::root::Root;
use super::setup::Setup;

/// A socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// How.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// Whose it is.
    pub owner: Owner,
}

/// How a socket is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// By datagrams.
    Udp,
    /// By connections.
    Tcp,
}

/// Whose a socket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// The kernel's own, such as a VXLAN device's.
    Kernel,
    /// A program's.
    Program {
        /// Its name.
        name: String,
        /// Its process.
        pid: u32,
    },
    /// Of somebody's program that does not show its files to us.
    User(u32),
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kernel => f.write_str("the kernel"),
            Self::Program { name, pid } => write!(f, "{name} (process {pid})"),
            Self::User(uid) => write!(f, "a program of user {uid}"),
        }
    }
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

const FILES: [(Transport, &str); 4] = [
    (Transport::Udp, "proc/net/udp"),
    (Transport::Udp, "proc/net/udp6"),
    (Transport::Tcp, "proc/net/tcp"),
    (Transport::Tcp, "proc/net/tcp6"),
];
/// The first process: systemd, where that is in use.
pub const INIT: u32 = 1;
/// `TCP_LISTEN`, and `TCP_CLOSE` for a datagram socket that is not connected.
const LISTENING: [(Transport, &str); 2] = [(Transport::Tcp, "0A"), (Transport::Udp, "07")];

/// Reads them.
pub(super) fn gather(
    root: &Root,
    setup: &Setup,
    network: &Network,
    gaps: &mut Gaps,
) -> Vec<Socket> {
    let mut ports: Vec<u16> = setup.dns.iter().map(SocketAddr::port).collect();
    ports.push(setup.config.backend.vxlan_port);
    let mut found = Vec::new();
    for (transport, file) in FILES {
        let checks = ["vxlan-port", "dns-port"];
        let text = gaps.noted(&format!("/{file}"), root.read(file), &checks).flatten();
        let lines = text.iter().flat_map(|text| text.lines().skip(1));
        found.extend(
            lines
                .filter_map(|line| entry(transport, line))
                .filter(|e| ports.contains(&e.address.port())),
        );
    }
    let wanted = found.iter().map(|entry| entry.inode).collect();
    let owners = owners(root, wanted);
    let socket = |entry: Entry| Socket {
        transport: entry.transport,
        address: entry.address,
        owner: match owners.get(&entry.inode) {
            Some((pid, name)) => Owner::Program { name: name.clone(), pid: *pid },
            None if is_tunnels(network, &entry) => Owner::Kernel,
            None => Owner::User(entry.uid),
        },
    };
    found.into_iter().map(socket).collect()
}

struct Entry {
    transport: Transport,
    address: SocketAddr,
    uid: u32,
    inode: u64,
}

/// A line such as `  12: 0100007F:0035 00000000:0000 07 … 1000 0 4711 …`.
fn entry(transport: Transport, line: &str) -> Option<Entry> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let state = words.get(3)?;
    if !LISTENING.contains(&(transport, *state)) {
        return None;
    }
    Some(Entry {
        transport,
        address: address(words.get(1)?)?,
        uid: words.get(7)?.parse().ok()?,
        inode: words.get(9)?.parse().ok()?,
    })
}

/// Words of four bytes in the host's order, in hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::new();
    for at in (0..ip.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The kernel's sockets look like those of a program of root's that nobody has open. Where a VXLAN
/// device is up, the port is its own: no program can have it beside.
fn is_tunnels(network: &Network, entry: &Entry) -> bool {
    let port = entry.address.port();
    let has_port = |link: &Link| matches!(&link.kind, LinkKind::Vxlan(v) if v.port == port);
    let is_root = entry.transport == Transport::Udp && entry.uid == 0;
    is_root && network.links.iter().any(|link| link.up && has_port(link))
}

/// Who has these sockets open, as far as that is shown.
fn owners(root: &Root, wanted: Vec<u64>) -> BTreeMap<u64, (u32, String)> {
    let mut owners = BTreeMap::new();
    if wanted.is_empty() {
        return owners;
    }
    let targets: BTreeMap<String, u64> =
        wanted.into_iter().map(|inode| (format!("socket:[{inode}]"), inode)).collect();
    let processes = root.list("proc").unwrap_or_default();
    for pid in processes.iter().filter_map(|name| name.parse::<u32>().ok()) {
        // Processes come and go, and some do not show their files.
        let Ok(files) = fs::read_dir(root.path(format!("proc/{pid}/fd"))) else { continue };
        for file in files.flatten() {
            let target = fs::read_link(file.path()).ok();
            let inode = target.and_then(|target| targets.get(target.to_str()?));
            if let Some(inode) = inode {
                let name = root.value(format!("proc/{pid}/comm")).unwrap_or_default();
                // systemd keeps sockets for those that they are of.
                let owner = owners.entry(*inode).or_insert_with(|| (pid, name.clone()));
                if owner.0 == INIT {
                    *owner = (pid, name);
                }
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_shows_them() {
        let ne = |a: u32| format!("{:08X}", u32::from_ne_bytes(a.to_be_bytes()));
        let v4 = format!("{}:0035", ne(0x0a60_000a));
        assert_eq!(address(&v4), Some("10.96.0.10:53".parse().unwrap()));
        let v6 = format!("{}{}{}{}:2118", ne(0xfd00_0010), ne(0x0096_0000), ne(0), ne(10));
        assert_eq!(address(&v6), Some("[fd00:10:96::a]:8472".parse().unwrap()));
        assert_eq!(address("0:1:2"), None);
        assert_eq!(address("zz:1"), None);
    }
}
