//! Where a service is reached.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use pontoon_model::cidr::Family;
use pontoon_model::service::Protocol;
use pontoon_netlink::nft::Value;

/// An address, protocol and port at which a service is reached: a cluster IP, an address of this node
/// with a node port, an external or a load balancer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frontend {
    /// The address.
    pub address: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

impl Frontend {
    /// The family of its address.
    #[must_use]
    pub fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Its address and port.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// The key of the maps: `ip daddr . meta l4proto . th dport`.
    pub(crate) fn key(self) -> Value {
        Value::new().ip(self.address).proto(self.protocol.number()).port(self.port)
    }
}

impl fmt::Display for Frontend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.socket(), self.protocol)
    }
}
