//! nf_tables over nfnetlink: tables, chains, sets, maps and rules, changed in transactions and read
//! back.
//!
//! ```no_run
//! use ipnetwork::IpNetwork;
//! use pontoon_netlink::nft::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let table = Table::new(Family::Inet, "pontoon");
//! let hook = Hook::new(ChainKind::Nat, HookPoint::Postrouting, priority::SRCNAT);
//! let pods: IpNetwork = "10.244.0.0/16".parse()?;
//!
//! let mut batch = Batch::new();
//! batch.add_table(&table);
//! batch.add_chain(&table, &Chain::base("postrouting", hook));
//! batch.add_rule(
//!     &table,
//!     &Rule::new("postrouting")
//!         .with(m::nfproto(NfProto::Ipv4))
//!         .with(m::saddr(pods))
//!         .with(m::daddr_not(pods))
//!         .with(m::masquerade(nat_flags::FULLY_RANDOM))
//!         .with_comment("what leaves the cluster"),
//! );
//! Nft::open()?.commit(&batch)?;
//! # Ok(())
//! # }
//! ```
//!
//! A restart compares what it wants with what the kernel has ([`Nft::list_table`]) and writes only
//! the difference. Tables, chains, sets and elements are read back as they were written and compare
//! with `==`; rules compare by their [digest](Rule::digest).

mod batch;
mod chain;
mod connection;
mod decode;
mod describe;
mod destroy;
mod element;
mod encode;
mod error;
mod expr;
mod list;
mod listener;
mod monitor;
mod others;
mod rule;
mod set;
mod table;
mod trace;
mod uapi;
mod userdata;
mod value;

pub use self::batch::Batch;
pub use self::chain::{Chain, ChainKind, Hook, HookPoint, Policy, Verdict, priority};
pub use self::connection::{Generation, Nft};
pub use self::element::{Element, ElementData, ElementKey, lies_between};
pub use self::error::{CommitError, ListError, Refusal};
pub use self::expr::*;
pub use self::list::{ChainInfo, RuleInfo, SetInfo, TableInfo};
pub use self::listener::Port;
pub use self::monitor::{Event, Monitor};
pub use self::rule::Rule;
pub use self::set::{DataType, FieldType, Set};
pub use self::table::{Family, Name, Table};
pub use self::trace::{Headers, Sighting, TraceEvent, Traces};
pub use self::value::{Value, proto};

#[cfg(test)]
mod tests;
