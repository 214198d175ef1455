//! What Pontoon has in nf_tables: who may send from where, what is masqueraded, host ports.
//!
//! Chains and rules are the same on every node and never change while the daemon runs; nodes, pods
//! and ports are elements of sets and maps.

mod dns;
pub mod elements;
pub mod keeper;
pub mod ruleset;

use std::collections::{HashMap, HashSet};

use pontoon_netlink::nft::{Chain, Element, Rule, Set, Table, TableInfo};

/// One of our tables.
#[derive(Debug, Clone)]
pub struct TableSpec {
    /// The table.
    pub table: Table,
    /// Its sets and maps.
    pub sets: Vec<Set>,
    /// Its chains.
    pub chains: Vec<Chain>,
    /// Its rules, in order within each chain.
    pub rules: Vec<Rule>,
}

impl TableSpec {
    /// Whether a table in the kernel has these sets, chains and rules to the letter, whatever is in the
    /// sets.
    #[must_use]
    pub fn is_intact(&self, found: &TableInfo) -> bool {
        let has_set =
            |set: &Set| found.set(&set.name).is_some_and(|known| known.set.as_ref() == Some(set));
        let has_chain = |chain: &Chain| {
            let rules = self.rules.iter().filter(|rule| rule.chain == chain.name);
            let wanted = rules.map(|rule| Some(rule.digest()));
            found.chain(&chain.name).is_some_and(|known| {
                known.chain == *chain && known.rules.iter().map(|rule| rule.digest).eq(wanted)
            })
        };
        found.sets.len() == self.sets.len()
            && found.chains.len() == self.chains.len()
            && self.sets.iter().all(has_set)
            && self.chains.iter().all(has_chain)
    }
}

/// One of our sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SetId {
    /// `inet pontoon pod_ranges4`
    PodRanges4,
    /// `inet pontoon pod_ranges6`
    PodRanges6,
    /// `inet pontoon nodes4`
    Nodes4,
    /// `inet pontoon nodes6`
    Nodes6,
    /// `inet pontoon hairpin4`
    Hairpin4,
    /// `inet pontoon hairpin6`
    Hairpin6,
    /// `inet pontoon host_ports4`
    HostPorts4,
    /// `inet pontoon host_ports6`
    HostPorts6,
    /// `inet pontoon host_ports_at4`
    HostPortsAt4,
    /// `inet pontoon host_ports_at6`
    HostPortsAt6,
    /// `inet pontoon dns4`
    Dns4,
    /// `inet pontoon dns6`
    Dns6,
    /// `bridge pontoon gateways`
    Gateways,
    /// `bridge pontoon senders`
    Senders,
    /// `bridge pontoon senders4`
    Senders4,
    /// `bridge pontoon senders6`
    Senders6,
}

impl SetId {
    /// Every set.
    pub const ALL: [Self; 16] = [
        Self::PodRanges4,
        Self::PodRanges6,
        Self::Nodes4,
        Self::Nodes6,
        Self::Hairpin4,
        Self::Hairpin6,
        Self::HostPorts4,
        Self::HostPorts6,
        Self::HostPortsAt4,
        Self::HostPortsAt6,
        Self::Dns4,
        Self::Dns6,
        Self::Gateways,
        Self::Senders,
        Self::Senders4,
        Self::Senders6,
    ];

    /// Its name in its table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PodRanges4 => "pod_ranges4",
            Self::PodRanges6 => "pod_ranges6",
            Self::Nodes4 => "nodes4",
            Self::Nodes6 => "nodes6",
            Self::Hairpin4 => "hairpin4",
            Self::Hairpin6 => "hairpin6",
            Self::HostPorts4 => "host_ports4",
            Self::HostPorts6 => "host_ports6",
            Self::HostPortsAt4 => "host_ports_at4",
            Self::HostPortsAt6 => "host_ports_at6",
            Self::Dns4 => "dns4",
            Self::Dns6 => "dns6",
            Self::Gateways => "gateways",
            Self::Senders => "senders",
            Self::Senders4 => "senders4",
            Self::Senders6 => "senders6",
        }
    }

    /// Its table.
    #[must_use]
    pub const fn table(self) -> Table {
        match self {
            Self::Gateways | Self::Senders | Self::Senders4 | Self::Senders6 => {
                ruleset::BRIDGE_TABLE
            }
            _ => ruleset::INET_TABLE,
        }
    }
}

/// What the sets hold, or are to hold.
pub type Elements = HashMap<SetId, HashSet<Element>>;

/// Elements of several sets, in no order.
pub type ElementList = Vec<(SetId, Element)>;

/// Puts a list's elements among others.
pub fn insert_all(elements: &mut Elements, list: ElementList) {
    for (set, element) in list {
        elements.entry(set).or_default().insert(element);
    }
}
