//! Who listens, as `/proc/net` tells.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pontoon_model::trace::Transport;

/// `TCP_LISTEN` in include/net/tcp_states.h.
const LISTEN: u8 = 10;
/// What a UDP socket is in that nobody has connected (`TCP_CLOSE`).
const UNCONNECTED: u8 = 7;

/// Whether anybody in the calling thread's network namespace listens at that address; `None` where the
/// kernel does not tell.
pub(super) fn listens(transport: Transport, address: IpAddr, port: u16) -> Option<bool> {
    let (names, state) = match transport {
        Transport::Tcp => (["tcp", "tcp6"], LISTEN),
        Transport::Udp => (["udp", "udp6"], UNCONNECTED),
        Transport::Sctp | Transport::Icmp => return None,
    };
    let mut told = false;
    for name in names {
        // Without IPv6 there is no second file.
        let Ok(text) = fs::read_to_string(format!("/proc/thread-self/net/{name}")) else {
            continue;
        };
        told = true;
        if text.lines().skip(1).any(|line| is_at(line, state, address, port)) {
            return Some(true);
        }
    }
    told.then_some(false)
}

/// Whether a line is of a socket that takes what comes there: `sl local_address rem_address st …`.
fn is_at(line: &str, state: u8, address: IpAddr, port: u16) -> bool {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (Some(local), Some(_), Some(st)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let Some((ip, number)) = local.split_once(':') else { return false };
    let is = u8::from_str_radix(st, 16) == Ok(state) && u16::from_str_radix(number, 16) == Ok(port);
    is && match (read(ip), address) {
        (Some(IpAddr::V6(bound)), IpAddr::V4(wanted)) => {
            bound.is_unspecified() || bound == wanted.to_ipv6_mapped()
        }
        (Some(bound), wanted) => {
            bound == wanted || (bound.is_unspecified() && bound.is_ipv4() == wanted.is_ipv4())
        }
        (None, _) => false,
    }
}

/// An address as words of 32 bits in the host's byte order.
fn read(hex: &str) -> Option<IpAddr> {
    let words: Vec<u32> = (0..hex.len() / 8)
        .map(|word| u32::from_str_radix(hex.get(word * 8..word * 8 + 8)?, 16).ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_ne_bytes).collect();
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|b| Ipv4Addr::from(b).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|b| Ipv6Addr::from(b).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn a_socket_that_is_open_is_found_and_others_are_not() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = tcp.local_addr().unwrap();
        assert_eq!(listens(Transport::Tcp, at.ip(), at.port()), Some(true));
        assert_eq!(listens(Transport::Tcp, [127, 0, 0, 2].into(), at.port()), Some(false));
        let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        assert_eq!(listens(Transport::Udp, [192, 0, 2, 1].into(), port), Some(true));
        drop(tcp);
        assert_eq!(listens(Transport::Tcp, at.ip(), at.port()), Some(false));
        assert_eq!(listens(Transport::Sctp, at.ip(), at.port()), None);
    }

    #[test]
    fn a_socket_of_both_families_takes_either() {
        let line = "   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0";
        assert!(is_at(line, LISTEN, [10, 244, 1, 2].into(), 8080));
        assert!(is_at(line, LISTEN, "fd00::1".parse().unwrap(), 8080));
        assert!(!is_at(line, LISTEN, [10, 244, 1, 2].into(), 8081));
        for broken in ["", "x", " 0: 1:1", " 0: zz:zz 0:0 0A"] {
            assert!(!is_at(broken, LISTEN, [10, 244, 1, 2].into(), 8080), "{broken}");
        }
    }
}
