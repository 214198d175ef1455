//! The host's upstreams, as its resolver configuration says, followed as it changes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::PORT;
use super::own::Own;

/// Where systemd-resolved writes whom it asks itself.
pub const SYSTEMD: &str = "/run/systemd/resolve/resolv.conf";
/// Where systemd-resolved answers on the host; it is reached from no other network namespace, and
/// asking it means to have everything cached twice.
const STUBS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54))];
/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(3);

/// The files, and how they were when last read.
#[derive(Debug)]
pub struct ResolvConf {
    path: PathBuf,
    systemd: PathBuf,
    own: Own,
    looked: Option<Duration>,
    seen: [Option<Stamp>; 2],
}

/// What tells one version of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl ResolvConf {
    /// Files that have not been read yet. Where we answer ourselves nobody is asked: questions would go
    /// round in a circle.
    #[must_use]
    pub fn new(path: PathBuf, systemd: PathBuf, own: Own) -> Self {
        Self { path, systemd, own, looked: None, seen: [None; 2] }
    }

    /// The file that is read first.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whom to ask, when that may have changed since it was asked for last. `now` is the time since any
    /// fixed moment.
    pub fn changed(&mut self, now: Duration) -> Option<Vec<SocketAddr>> {
        if self.looked.is_some_and(|looked| now.saturating_sub(looked) < EVERY) {
            return None;
        }
        let first = self.looked.replace(now).is_none();
        let seen = [&self.path, &self.systemd].map(|path| stamp(path));
        if seen == self.seen && !first {
            return None;
        }
        self.seen = seen;
        let main = std::fs::read_to_string(&self.path).unwrap_or_default();
        let systemd = std::fs::read_to_string(&self.systemd).ok();
        Some(choose(&main, systemd.as_deref(), &self.own))
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(path).ok()?;
    let modified = (data.mtime(), data.mtime_nsec());
    Some(Stamp { inode: data.ino(), size: data.size(), modified })
}

/// The upstreams that the host's file names, or systemd-resolved's where the host's names nobody else.
fn choose(main: &str, systemd: Option<&str>, own: &Own) -> Vec<SocketAddr> {
    let named = name_servers(main);
    let behind = systemd.map(name_servers).unwrap_or_default();
    let only_stub = !named.is_empty() && named.iter().all(|server| STUBS.contains(&server.ip()));
    let mut chosen = if only_stub && !behind.is_empty() { behind } else { named };
    chosen.retain(|server| !own.has(*server));
    let mut once = Vec::with_capacity(chosen.len());
    for server in chosen {
        if !once.contains(&server) {
            once.push(server);
        }
    }
    once
}

/// The addresses behind `nameserver` (resolv.conf(5)); what is none is passed over, as the C library
/// does.
fn name_servers(text: &str) -> Vec<SocketAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().filter(|word| *word == "nameserver")?;
        server(words.next()?)
    });
    servers.collect()
}

fn server(text: &str) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, PORT));
    }
    // `fe80::1%eth0`: the C library knows the interface's number. Nothing is asked over the network,
    // since what is before the sign is an address.
    let (address, _) = text.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    (text, PORT).to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(main: &str, systemd: Option<&str>, skip: &[&str]) -> Vec<String> {
        let skip: Vec<IpAddr> = skip.iter().map(|ip| ip.parse().unwrap()).collect();
        choose(main, systemd, &Own::at(skip)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn name_servers_are_read_in_order_and_once() {
        let text = "# generated\nsearch a.example\nnameserver 10.0.0.1\n nameserver\tfd00::1 # two\n\
                    nameserver bad\nnameserver\nnameservers 10.0.0.9\nnameserver 10.0.0.1\n";
        assert_eq!(chosen(text, None, &[]), ["10.0.0.1:53", "[fd00::1]:53"]);
    }

    #[test]
    fn an_interface_behind_an_address_is_kept() {
        assert_eq!(chosen("nameserver fe80::1%lo", None, &[]), ["[fe80::1%1]:53"]);
        assert!(chosen("nameserver fe80::1%nonesuch0", None, &[]).is_empty());
    }

    #[test]
    fn systemds_own_address_gives_way_to_whom_it_asks() {
        let stub = "nameserver 127.0.0.53\noptions edns0\n";
        assert_eq!(chosen(stub, Some("nameserver 10.0.0.1"), &[]), ["10.0.0.1:53"]);
        assert_eq!(chosen(stub, Some("# none"), &[]), ["127.0.0.53:53"]);
        assert_eq!(chosen(stub, None, &[]), ["127.0.0.53:53"]);
        let both = "nameserver 127.0.0.53\nnameserver 10.0.0.2";
        assert_eq!(
            chosen(both, Some("nameserver 10.0.0.1"), &[]),
            ["127.0.0.53:53", "10.0.0.2:53"]
        );
    }

    #[test]
    fn our_own_addresses_are_never_upstreams() {
        let text = "nameserver 10.96.0.10\nnameserver 10.0.0.1";
        assert_eq!(chosen(text, None, &["10.96.0.10"]), ["10.0.0.1:53"]);
        assert!(chosen("nameserver 10.96.0.10", None, &["10.96.0.10"]).is_empty());
        let sockets = vec!["0.0.0.0:53".parse().unwrap()];
        let own = Own { sockets, host: Some(|| vec![[192, 0, 2, 1].into()]), ..Own::default() };
        let file = "nameserver 192.0.2.1\nnameserver 127.0.0.1\nnameserver 10.0.0.1";
        assert_eq!(choose(file, None, &own), ["10.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn a_changed_file_is_read_again_but_not_more_often_than_needed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let mut file = ResolvConf::new(path.clone(), folder.path().join("none"), Own::default());
        assert_eq!(file.changed(Duration::ZERO), Some(Vec::new()), "no file");
        std::fs::write(&path, "nameserver 10.0.0.1").unwrap();
        assert_eq!(file.changed(Duration::from_secs(1)), None, "too soon");
        let first = file.changed(Duration::from_secs(3)).unwrap();
        assert_eq!(first, ["10.0.0.1:53".parse().unwrap()]);
        assert_eq!(file.changed(Duration::from_secs(6)), None, "nothing new");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.changed(Duration::from_secs(9)), Some(Vec::new()));
    }
}
