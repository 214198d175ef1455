//! Which nodes count as gone.
//!
//! A node says that it is there by a key under a lease. A key that vanishes speaks of its node; most
//! keys vanishing together speak of the control plane, and the nodes behind them go on working.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pontoon_model::name::NodeName;

/// Keys that vanish within this time of each other vanish together.
pub const TOGETHER: Duration = Duration::from_secs(30);

/// How long a registered node may take to show its first key.
pub const FIRST_SIGN: Duration = Duration::from_secs(30);

/// What was seen of each node, and which are gone by it.
#[derive(Debug)]
pub struct Liveness {
    local: NodeName,
    nodes: BTreeMap<NodeName, Sign>,
    gone: BTreeSet<NodeName>,
}

/// The last that was seen of a registered node's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// It is there.
    Alive,
    /// It never was, in the time that the node was registered.
    Awaited { since: Instant },
    /// It vanished, and that counts.
    Vanished { at: Instant },
    /// It vanished together with most others.
    Excused { at: Instant },
}

impl Liveness {
    /// For the node that asks, which is never gone.
    #[must_use]
    pub fn new(local: NodeName) -> Self {
        Self { local, nodes: BTreeMap::new(), gone: BTreeSet::new() }
    }

    /// Takes note of the nodes that are registered now and of those whose key is there, and says which
    /// are gone:
    ///
    /// * one whose key vanished, at once, unless more than half of the nodes that were alive vanished
    ///   within [`TOGETHER`]. Then none of these is gone, until its key was seen again or its
    ///   registration is removed; who counted as gone at the beginning of it comes back;
    /// * one whose key was not seen within [`FIRST_SIGN`] of its registration, or of our first look;
    /// * never the local node, which counts as alive where nodes are counted, and never one that is
    ///   not registered.
    pub fn update(
        &mut self,
        registered: &BTreeSet<NodeName>,
        alive: &BTreeSet<NodeName>,
        now: Instant,
    ) -> &BTreeSet<NodeName> {
        let mut vanished = false;
        self.nodes.retain(|name, _| registered.contains(name));
        for name in registered {
            let sign = match self.nodes.get(name) {
                _ if alive.contains(name) => Sign::Alive,
                None => Sign::Awaited { since: now },
                Some(Sign::Alive) => {
                    vanished = true;
                    Sign::Vanished { at: now }
                }
                Some(sign) => *sign,
            };
            self.nodes.insert(name.clone(), sign);
        }
        if vanished {
            self.excuse_most(now);
        }
        let others = self.nodes.iter().filter(|(name, _)| **name != self.local);
        let gone = others.filter(|(_, sign)| sign.is_gone(now));
        self.gone = gone.map(|(name, _)| name.clone()).collect();
        &self.gone
    }

    /// When to call [`Liveness::update`] again although no key changes.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let others = self.nodes.iter().filter(|(name, _)| **name != self.local);
        let waiting = others.filter(|(name, _)| !self.gone.contains(name));
        waiting.filter_map(|(_, sign)| sign.deadline()).min()
    }

    fn excuse_most(&mut self, now: Instant) {
        let vanished = self.nodes.values().filter(|sign| sign.vanished_lately(now)).count();
        let there = |(name, sign): &(&NodeName, &Sign)| {
            **sign == Sign::Alive || (**name == self.local && !sign.vanished_lately(now))
        };
        let there = self.nodes.iter().filter(there).count()
            + usize::from(!self.nodes.contains_key(&self.local));
        if vanished <= there {
            return;
        }
        for sign in self.nodes.values_mut() {
            match *sign {
                Sign::Vanished { at } if sign.vanished_lately(now) => *sign = Sign::Excused { at },
                _ => {}
            }
        }
    }
}

impl Sign {
    fn is_gone(self, now: Instant) -> bool {
        match self {
            Self::Vanished { .. } => true,
            Self::Awaited { .. } => self.deadline().is_some_and(|deadline| deadline <= now),
            Self::Alive | Self::Excused { .. } => false,
        }
    }

    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Awaited { since } => since.checked_add(FIRST_SIGN),
            Self::Alive | Self::Vanished { .. } | Self::Excused { .. } => None,
        }
    }

    fn vanished_lately(self, now: Instant) -> bool {
        match self {
            Self::Vanished { at } | Self::Excused { at } => {
                now.saturating_duration_since(at) <= TOGETHER
            }
            Self::Alive | Self::Awaited { .. } => false,
        }
    }
}
