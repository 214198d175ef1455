//! The kernel's network as typed operations.
//!
//! A controller plans a list of [`Op`] values, [`Rtnl`] carries them out in batches, and the
//! dumps of [`Rtnl`] read the same types back, so that a plan is the difference of two lists.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`link`], [`address`], [`route`], [`rule`], [`neighbour`] | the nouns: what is configured and what is dumped |
//! | [`op`] | one change each, as data |
//! | [`rtnl`] | the connection: batches, dumps, errors |
//! | [`monitor`] | what changes in the kernel, as a stream |
//! | [`netns`], [`sysctl`] | network namespaces and their settings |
//! | [`nft`] | nf_tables: tables, sets, maps and rules, in transactions |
//! | [`filter`] | the firewall rules of all programs, as far as they say what passes; for reading only |
//! | [`conntrack`] | tracked connections: listed and forgotten |
//! | [`ethtool`] | drivers of devices, and what they compute |
//! | [`datagrams`] | datagrams in batches, by one call |

pub mod address;
pub mod conntrack;
pub mod datagrams;
pub mod ethtool;
pub mod filter;
pub mod link;
mod mac;
pub mod memory;
pub mod monitor;
mod name;
pub mod neighbour;
pub mod netns;
mod nfnetlink;
pub mod nft;
pub mod op;
pub mod route;
pub mod rtnl;
pub mod rule;
pub mod sysctl;
mod transport;
mod wire;

pub use address::{Address, AddressInfo, Scope};
pub use link::{BridgePort, BridgeSettings, Link, LinkKind, VxlanSettings};
pub use mac::{MacAddr, MacError};
pub use monitor::{Change, Event, Monitor, Watch};
pub use name::{LinkName, LinkNameError};
pub use neighbour::{FdbEntry, FdbKind, Neighbour};
pub use netns::{Netns, NetnsError, NetnsId};
pub use op::{LinkChange, Master, NewBridge, NewVeth, NewVxlan, Op, VethPeer};
pub use route::{Route, RouteFilter, RouteKind, RouteLookup};
pub use rtnl::{BatchError, OpError, OpFailure, Rtnl, RtnlError};
pub use rule::{Rule, RuleAction};
pub use sysctl::{Sysctl, SysctlError};
