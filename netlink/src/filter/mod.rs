//! Firewall rules, whoever made them, as far as they say which packets pass: for reading only.
//!
//! Rules of nf_tables ([`Nft::filters`](crate::nft::Nft::filters)) and of the older xtables
//! ([`legacy`]) come as the same tests of a packet. What cannot be read is kept as such: who judges
//! a packet by these rules knows where it has to guess.

pub mod legacy;
pub(crate) mod xt;

use crate::nft::{CmpOp, HookPoint};

/// A table of chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// As its program's tools show it, such as `ip filter`.
    pub name: String,
    /// It is one of xtables, which `iptables-legacy` shows and `nft` does not.
    pub legacy: bool,
    /// It sees IPv4 packets.
    pub ipv4: bool,
    /// It sees IPv6 packets.
    pub ipv6: bool,
    /// Its chains.
    pub chains: Vec<Chain>,
    /// The sets that its rules look into.
    pub sets: Vec<Set>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets enter it; `None` when only other chains lead there.
    pub base: Option<Base>,
    /// The rules in order.
    pub rules: Vec<Rule>,
}

/// Where packets enter a chain, and what becomes of those that get to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The place in a packet's way.
    pub point: HookPoint,
    /// Lower runs first.
    pub priority: i32,
    /// The policy is to drop.
    pub drops: bool,
}

/// A rule: when a packet passes all tests, the action is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What the packet must be.
    pub tests: Vec<Test>,
    /// What becomes of it.
    pub action: Action,
}

/// Something that a packet must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The field's first bytes, as many as the value has, compare so with it.
    Compare {
        /// What is looked at.
        field: Field,
        /// What counts of it, if not all.
        mask: Option<Vec<u8>>,
        /// How.
        op: CmpOp,
        /// With what.
        value: Vec<u8>,
    },
    /// The field lies between these, both included.
    Between {
        /// What is looked at.
        field: Field,
        /// The lowest.
        from: Vec<u8>,
        /// The highest.
        to: Vec<u8>,
        /// It must not lie there.
        negated: bool,
    },
    /// The fields are in a set of the table.
    Among {
        /// What is looked at.
        key: Vec<Field>,
        /// The set's name.
        set: String,
        /// They must not be there.
        negated: bool,
    },
    /// Something that is not read here, by its kernel's name.
    Unreadable(String),
}

/// Something about a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The name of the device it came by, 16 bytes.
    InName,
    /// The name of the device it leaves by, 16 bytes.
    OutName,
    /// The number of the device it came by, host order.
    InIndex,
    /// The number of the device it leaves by, host order.
    OutIndex,
    /// The EtherType.
    Ethertype,
    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    Family,
    /// The transport protocol.
    Protocol,
    /// The mark, host order.
    Mark,
    /// The connection's state, the bits of [`ct_state_bits`](crate::nft::m::ct_state_bits), host order.
    State,
    /// What was done to the connection, of the bits those of
    /// [`ct_status_bits`](crate::nft::m::ct_status_bits) alone, host order.
    Status,
    /// The kinds of the source address as routing knows them, a bit each, host order: bit 1 of unicast
    /// ones, 2 of the host's own, 3 of broadcast, 5 of multicast ones (`RTN_*`).
    SourceKind,
    /// The same of the destination.
    DestinationKind,
    /// Bytes of the IP header.
    Network {
        /// Where, in bytes.
        offset: usize,
        /// How many.
        length: usize,
    },
    /// Bytes of the transport header.
    Transport {
        /// Where, in bytes.
        offset: usize,
        /// How many.
        length: usize,
    },
    /// Something that is not read here, by its kernel's name.
    Other(String),
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It passes this table.
    Accept,
    /// It is dropped.
    Drop,
    /// It is dropped, and its sender is told.
    Reject,
    /// Back to the chain before, or to the policy.
    Return,
    /// Through another chain, and back.
    Jump(String),
    /// Into another chain for good.
    Goto(String),
    /// The next rule.
    Continue,
    /// What a map of the table says for these fields; the next rule when it says nothing.
    ByMap {
        /// What is looked up.
        key: Vec<Field>,
        /// The map's name.
        map: String,
    },
    /// Something that is not read here and may end the packet's way, by its kernel's name.
    Unreadable(String),
}

/// A set or a map from keys to actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Its elements; `None` when there are too many to be read, or they cannot be.
    pub elements: Option<Vec<Element>>,
}

/// An element of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The lowest and the highest key, in a concatenation for each field by itself; `None` stands
    /// for every key that no other element has.
    pub keys: Option<(Vec<u8>, Vec<u8>)>,
    /// What a map says.
    pub action: Option<Action>,
}

impl Table {
    /// The chain of this name.
    #[must_use]
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// The set of this name.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == name)
    }
}

impl Rule {
    /// The sets that it looks into.
    pub fn sets(&self) -> impl Iterator<Item = &str> {
        let tested = self.tests.iter().filter_map(|test| match test {
            Test::Among { set, .. } => Some(set.as_str()),
            _ => None,
        });
        let mapped = match &self.action {
            Action::ByMap { map, .. } => Some(map.as_str()),
            _ => None,
        };
        tested.chain(mapped)
    }
}

impl Field {
    /// Its length in bytes, where it has one.
    #[must_use]
    pub const fn length(&self) -> Option<usize> {
        match self {
            Self::InName | Self::OutName => Some(16),
            Self::InIndex | Self::OutIndex | Self::Mark | Self::State | Self::Status => Some(4),
            Self::Ethertype | Self::SourceKind | Self::DestinationKind => Some(2),
            Self::Family | Self::Protocol => Some(1),
            Self::Network { length, .. } | Self::Transport { length, .. } => Some(*length),
            Self::Other(_) => None,
        }
    }
}
