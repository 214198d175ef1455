//! Datagrams in batches: many with one call, each with the address it came to or leaves from.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `receive` | `recvmmsg` into buffers that stay |
//! | `send` | `sendmmsg` |
//! | `name` | addresses as the kernel has them |
//! | `control` | at which address of ours: `IP_PKTINFO` |

mod control;
mod name;
mod receive;
mod send;

use std::net::{IpAddr, SocketAddr};

pub use receive::{Datagram, Inbox, Wait};
pub use send::{Outgoing, send};

/// How many datagrams one call moves.
pub const BATCH: usize = 32;

/// An address of this host that a datagram came to, or leaves from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Local {
    /// The address.
    pub address: IpAddr,
    /// The interface's index; 0 where it does not matter, which is everywhere but with link-local
    /// addresses.
    pub interface: u32,
}

/// Who is at the other end.
pub type Peer = SocketAddr;

#[cfg(test)]
mod tests;
