//! What comes of a packet, in words.

use std::net::{IpAddr, SocketAddr};

use pontoon_netlink::nft::Reject;

/// What the sender of a refused packet hears.
pub(crate) const fn told(how: Reject) -> &'static str {
    match how {
        Reject::TcpReset => "reject with a TCP reset",
        Reject::PortUnreachable => "reject: port unreachable",
        Reject::HostUnreachable => "reject: host unreachable",
        Reject::AdminProhibited => "reject: prohibited",
        Reject::NoRoute => "reject: no route",
        Reject::Icmp(_) => "reject",
    }
}

/// An address with its port, if it has one.
pub(crate) fn socket(address: IpAddr, port: u16) -> String {
    if port == 0 {
        return address.to_string();
    }
    SocketAddr::new(address, port).to_string()
}
