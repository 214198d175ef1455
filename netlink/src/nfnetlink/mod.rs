//! What nf_tables and conntrack share: one blocking `NETLINK_NETFILTER` socket, and the writer and reader of its
//! messages.
//!
//! The kernel executes an nfnetlink request inside `sendmsg`, so a blocking socket used from a blocking thread has nothing
//! to wait for, and an async one would only add wake-ups.
//!
//! Messages are written straight into one growing buffer. `netlink-packet-netfilter` builds a tree of attribute vectors
//! first: for 100,000 map elements that is 2.2 million allocations, and measured 12 to 15 times slower than this writer
//! (`tests/nft_speed.rs` measures both). The crate stays as an independent reader of our bytes in the tests.

mod ignore;
mod read;
mod socket;
mod write;

pub(crate) use self::ignore::ignore_sender;
pub(crate) use self::read::{Attribute, Attributes, Message, Messages};
pub(crate) use self::socket::{DumpEnd, Socket};
pub(crate) use self::write::{HEADERS, Header, MessageBuffer};
