//! The addresses of this host, as they are now.

use std::net::IpAddr;

use nix::ifaddrs::getifaddrs;
use tracing::debug;

/// All of them; none where the kernel does not say.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let found = match getifaddrs() {
        Ok(found) => found,
        Err(error) => {
            debug!(%error, "the addresses of this host are not known");
            return Vec::new();
        }
    };
    let ip = |socket: nix::sys::socket::SockaddrStorage| {
        let v4 = socket.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| socket.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    found.filter_map(|one| one.address.and_then(ip)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_one_of_them() {
        assert!(addresses().contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
