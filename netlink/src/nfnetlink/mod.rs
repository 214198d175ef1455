//! What nf_tables and conntrack share: one blocking `NETLINK_NETFILTER` socket, and the writer and
//! reader of its messages.
//!
//! The kernel executes an nfnetlink request inside `sendmsg`, so a blocking socket used from a
//! blocking thread has nothing to wait for, and an async one would only add wake-ups.
//!
//! Messages are written straight into one growing buffer: 100,000 map elements take 2 to 10 ms. By
//! way of the attribute trees of `netlink-packet-netfilter` they take 34 to 53 ms and an allocation
//! for every attribute (`tests/nfnetlink/nft_speed.rs` measures both).

mod ignore;
mod read;
mod socket;
mod write;

pub(crate) use self::ignore::ignore_sender;
pub(crate) use self::read::{Attribute, Attributes, Message, Messages};
pub(crate) use self::socket::{DumpEnd, Socket};
pub(crate) use self::write::{HEADERS, Header, MessageBuffer};

#[cfg(test)]
mod tests;
