//! Where we answer ourselves: whoever asks there asks us again, round in a circle.

use std::net::{IpAddr, SocketAddr};

/// Our own places.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Addresses that are nobody else's, at any port.
    pub addresses: Vec<IpAddr>,
    /// Where we listen beside them; an unspecified address is every address of this host.
    pub sockets: Vec<SocketAddr>,
    /// Reads the addresses of this host. Without it, those of loopback alone are known.
    pub host: Option<fn() -> Vec<IpAddr>>,
}

impl Own {
    /// Those addresses, and nothing else.
    #[must_use]
    pub fn at(addresses: Vec<IpAddr>) -> Self {
        Self { addresses, ..Self::default() }
    }

    /// Whether whoever asks there asks us.
    #[must_use]
    pub fn has(&self, server: SocketAddr) -> bool {
        let ip = server.ip().to_canonical();
        let listens = |own: &SocketAddr| {
            let any = own.ip().is_unspecified() && own.is_ipv4() == ip.is_ipv4();
            own.port() == server.port() && (own.ip() == ip || any && self.is_here(ip))
        };
        self.addresses.contains(&ip) || self.sockets.iter().any(listens)
    }

    fn is_here(&self, ip: IpAddr) -> bool {
        // 127.0.0.53 is systemd-resolved's, which keeps the others from listening there.
        ip == IpAddr::from([127, 0, 0, 1])
            || ip == IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)
            || self.host.is_some_and(|read| read().contains(&ip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(own: &Own, server: &str) -> bool {
        own.has(server.parse().unwrap())
    }

    #[test]
    fn an_address_of_the_cluster_is_ours_at_any_port() {
        let own = Own::at(vec![IpAddr::from([10, 96, 0, 10])]);
        assert!(has(&own, "10.96.0.10:53") && has(&own, "[::ffff:10.96.0.10]:99"));
        assert!(!has(&own, "10.96.0.11:53"));
    }

    #[test]
    fn beside_where_we_listen_others_may_answer() {
        let sockets = vec!["192.0.2.1:53".parse().unwrap()];
        let own = Own { sockets, ..Own::default() };
        assert!(has(&own, "192.0.2.1:53"));
        assert!(!has(&own, "192.0.2.1:5353") && !has(&own, "192.0.2.2:53"));
        assert!(!has(&own, "127.0.0.1:53"));
    }

    #[test]
    fn an_unspecified_address_is_every_one_of_the_host_in_its_family() {
        let host = || vec![IpAddr::from([192, 0, 2, 1]), "2001:db8::1".parse().unwrap()];
        let sockets = vec!["0.0.0.0:53".parse().unwrap()];
        let own = Own { sockets, host: Some(host), ..Own::default() };
        assert!(has(&own, "192.0.2.1:53") && has(&own, "127.0.0.1:53"));
        for other in ["192.0.2.1:5353", "192.0.2.2:53", "[2001:db8::1]:53", "127.0.0.53:53"] {
            assert!(!has(&own, other), "{other}");
        }
        let sockets = vec!["[::]:53".parse().unwrap()];
        let own = Own { sockets, ..own };
        assert!(has(&own, "[2001:db8::1]:53") && has(&own, "[::1]:53"));
        assert!(!has(&own, "192.0.2.1:53"));
    }
}
