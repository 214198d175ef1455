//! An element of one of our maps and sets: a few dozen bytes that compare and hash cheaply, where the
//! kernel's form has hundreds.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;

use crate::frontend::Frontend;

mod codec;
pub(crate) use codec::read_affinity;

/// One element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// Where a new connection to a frontend goes.
    Way(Stage, Frontend, Way, Arc<str>),
    /// The set of endpoints behind a frontend.
    Endpoints(Scope, Frontend, u32),
    /// An endpoint in a slot of a set.
    Slot(u32, u32, SocketAddr),
    /// Clients of a frontend stay with their endpoint.
    Sticky(Frontend, u32),
    /// A range that may use a frontend.
    Source(Frontend, IpNetwork),
    /// A range of addresses.
    Range(RangeSet, IpNetwork),
}

/// Where in the table a frontend is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// At first.
    First,
    /// Once the source was found to be allowed.
    Allowed,
    /// From pods and from this node, where outsiders get this node's endpoints only.
    Inside,
    /// From elsewhere.
    Outside,
}

/// Which of a frontend's sets of endpoints is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The usual one.
    Usual,
    /// The one for who comes from outside.
    Outside,
}

/// What becomes of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// It goes to one of so many slots.
    Balance(Balance),
    /// It is refused.
    Reject,
    /// It is dropped.
    Drop,
    /// It goes to this node's endpoints if it comes from outside, to all otherwise.
    BySide,
    /// It is dropped unless it comes from a range that may.
    BySource,
}

/// How an endpoint is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Balance {
    /// Out of which set.
    pub scope: Scope,
    /// Whether a client that is remembered stays where it was.
    pub sticky: bool,
    /// How many slots there are; at least 1.
    pub slots: u32,
}

/// The sets that hold ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RangeSet {
    /// Service CIDRs: what is not allocated there is refused.
    Services,
    /// Pod CIDRs: who comes from there is inside.
    Pods,
    /// Pod CIDRs, and endpoints that are elsewhere: what goes there must come back through here.
    Away,
}

/// One of our maps and sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Map {
    /// What it holds.
    pub kind: MapKind,
    /// The family of its addresses.
    pub family: Family,
}

/// What a map or set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MapKind {
    /// Frontend → verdict.
    Way(Stage),
    /// Frontend → number of a set of endpoints.
    Endpoints(Scope),
    /// Number, slot → endpoint.
    Slots,
    /// Frontend → verdict that remembers the client.
    Sticky,
    /// Frontend, range.
    Sources,
    /// Ranges.
    Ranges(RangeSet),
    /// Client, frontend → endpoint; filled by packets.
    Affinity,
}

impl Map {
    /// All of them, each once.
    pub fn all() -> impl Iterator<Item = Self> {
        const KINDS: [MapKind; 13] = [
            MapKind::Way(Stage::First),
            MapKind::Way(Stage::Allowed),
            MapKind::Way(Stage::Inside),
            MapKind::Way(Stage::Outside),
            MapKind::Endpoints(Scope::Usual),
            MapKind::Endpoints(Scope::Outside),
            MapKind::Slots,
            MapKind::Sticky,
            MapKind::Sources,
            MapKind::Ranges(RangeSet::Services),
            MapKind::Ranges(RangeSet::Pods),
            MapKind::Ranges(RangeSet::Away),
            MapKind::Affinity,
        ];
        KINDS.into_iter().flat_map(|kind| {
            [Family::V4, Family::V6].into_iter().map(move |family| Self { kind, family })
        })
    }

    /// Its name in the kernel.
    #[must_use]
    pub const fn name(self) -> &'static str {
        let v4 = matches!(self.family, Family::V4);
        macro_rules! either {
            ($v4:literal, $v6:literal) => {
                if v4 { $v4 } else { $v6 }
            };
        }
        match self.kind {
            MapKind::Way(Stage::First) => either!("services4", "services6"),
            MapKind::Way(Stage::Allowed) => either!("allowed4", "allowed6"),
            MapKind::Way(Stage::Inside) => either!("inside4", "inside6"),
            MapKind::Way(Stage::Outside) => either!("outside4", "outside6"),
            MapKind::Endpoints(Scope::Usual) => either!("ids4", "ids6"),
            MapKind::Endpoints(Scope::Outside) => either!("outside_ids4", "outside_ids6"),
            MapKind::Slots => either!("backends4", "backends6"),
            MapKind::Sticky => either!("sticky4", "sticky6"),
            MapKind::Sources => either!("sources4", "sources6"),
            MapKind::Ranges(RangeSet::Services) => either!("service_ranges4", "service_ranges6"),
            MapKind::Ranges(RangeSet::Pods) => either!("pod_ranges4", "pod_ranges6"),
            MapKind::Ranges(RangeSet::Away) => either!("away4", "away6"),
            MapKind::Affinity => either!("affinity4", "affinity6"),
        }
    }
}

impl Entry {
    /// The map or set that it is in.
    #[must_use]
    pub fn map(&self) -> Map {
        let (kind, address) = match self {
            Self::Way(stage, at, ..) => (MapKind::Way(*stage), at.address),
            Self::Endpoints(scope, at, _) => (MapKind::Endpoints(*scope), at.address),
            Self::Slot(_, _, endpoint) => (MapKind::Slots, endpoint.ip()),
            Self::Sticky(at, _) => (MapKind::Sticky, at.address),
            Self::Source(at, _) => (MapKind::Sources, at.address),
            Self::Range(set, range) => (MapKind::Ranges(*set), range.ip()),
        };
        Map { kind, family: Family::of(address) }
    }

    /// The chain that it leads to, if that is one that is made when it is needed.
    #[must_use]
    pub fn chain(&self) -> Option<Chain> {
        match self {
            Self::Way(_, _, Way::Balance(balance), _) => Some(Chain::Balance(*balance)),
            Self::Sticky(_, seconds) => Some(Chain::Remember(*seconds)),
            _ => None,
        }
    }
}

/// A chain that is there while an element leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// Chooses an endpoint.
    Balance(Balance),
    /// Remembers a client's endpoint for so many seconds.
    Remember(u32),
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balance(Balance { scope, sticky, slots }) => {
                let what = if *sticky { "sticky" } else { "lb" };
                let scope = if *scope == Scope::Outside { "outside_" } else { "" };
                write!(f, "{scope}{what}{slots}")
            }
            Self::Remember(seconds) => write!(f, "remember{seconds}"),
        }
    }
}

impl std::str::FromStr for Chain {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let (scope, rest) = match name.strip_prefix("outside_") {
            Some(rest) => (Scope::Outside, rest),
            None => (Scope::Usual, name),
        };
        let balance = |sticky, number: &str| {
            let slots = number.parse().ok().filter(|slots| *slots > 0).ok_or(())?;
            Ok(Self::Balance(Balance { scope, sticky, slots }))
        };
        let chain = if let Some(number) = rest.strip_prefix("lb") {
            balance(false, number)
        } else if let Some(number) = rest.strip_prefix("sticky") {
            balance(true, number)
        } else if let Some(number) = name.strip_prefix("remember") {
            number.parse().map(Self::Remember).map_err(|_| ())
        } else {
            Err(())
        }?;
        // No second spelling, such as lb03.
        if chain.to_string() == name { Ok(chain) } else { Err(()) }
    }
}

/// The address of an entry that is not of its map's family is never made; for keys read from the
/// kernel the family is the map's.
pub(crate) fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
