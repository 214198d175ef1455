//! Chains and the hooks that packets enter them by.

use std::borrow::Cow;
use std::fmt;

use super::Name;

/// A list of rules. With a hook it is a base chain, which packets enter by themselves; without,
/// rules jump to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Its name, unique in its table.
    pub name: Name,
    /// Where packets enter it.
    pub hook: Option<Hook>,
    /// What `nft list` shows as its comment (needs Linux 5.10); at most 127 bytes.
    pub comment: Option<Name>,
}

impl Chain {
    /// A chain that rules jump to.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), hook: None, comment: None }
    }

    /// A chain that packets enter at `hook`.
    pub fn base(name: impl Into<Name>, hook: Hook) -> Self {
        Self { name: name.into(), hook: Some(hook), comment: None }
    }

    /// The same with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Name>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}

/// Where, in which order and with which outcome packets enter a base chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hook {
    /// What the chain may do.
    pub kind: ChainKind,
    /// The place in the packet's way.
    pub point: HookPoint,
    /// The order among chains of one place, lowest first; see [`priority`].
    pub priority: i32,
    /// What happens to packets that no rule decided on.
    pub policy: Policy,
    /// The device, for [`HookPoint::Ingress`] only.
    pub device: Option<Name>,
}

impl Hook {
    /// A hook with policy accept.
    pub const fn new(kind: ChainKind, point: HookPoint, priority: i32) -> Self {
        Self { kind, point, priority, policy: Policy::Accept, device: None }
    }

    /// The same with another policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same on one device.
    #[must_use]
    pub fn on_device(mut self, device: impl Into<Name>) -> Self {
        self.device = Some(device.into());
        self
    }
}

/// What a base chain may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainKind {
    /// Accept and drop.
    Filter,
    /// Rewrite addresses; sees the first packet of a connection only.
    Nat,
    /// Have the packet routed again where a rule changed what routing looks at.
    Route,
}

impl ChainKind {
    const ALL: [Self; 3] = [Self::Filter, Self::Nat, Self::Route];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Nat => "nat",
            Self::Route => "route",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A place in the way of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HookPoint {
    /// As it came in, before routing.
    Prerouting,
    /// Routed to this host.
    Input,
    /// Routed, or bridged, through this host.
    Forward,
    /// Made by this host.
    Output,
    /// About to leave.
    Postrouting,
    /// Straight from the device (families `netdev` and `inet`).
    Ingress,
}

impl HookPoint {
    const ALL: [Self; 6] = [
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Ingress,
    ];

    /// `NF_INET_*`; the `netdev` family counts ingress as 0.
    pub(super) fn number(self, family: super::Family) -> u32 {
        match self {
            Self::Prerouting => 0,
            Self::Input => 1,
            Self::Forward => 2,
            Self::Output => 3,
            Self::Postrouting => 4,
            Self::Ingress if family == super::Family::Netdev => 0,
            Self::Ingress => 5,
        }
    }

    pub(super) fn from_number(number: u32, family: super::Family) -> Option<Self> {
        if family == super::Family::Netdev {
            return (number == 0).then_some(Self::Ingress);
        }
        Self::ALL.into_iter().find(|point| point.number(family) == number)
    }
}

/// What happens at the end of a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The packet goes on.
    Accept,
    /// The packet is dropped.
    Drop,
}

/// The usual orders. Lower runs first.
pub mod priority {
    /// Before connection tracking.
    pub const RAW: i32 = -300;
    /// Where marks are set.
    pub const MANGLE: i32 = -150;
    /// Destination NAT, in prerouting and output.
    pub const DSTNAT: i32 = -100;
    /// Firewalls.
    pub const FILTER: i32 = 0;
    /// Source NAT, in postrouting.
    pub const SRCNAT: i32 = 100;
    /// Firewalls in the `bridge` family, which numbers its places otherwise.
    pub const BRIDGE_FILTER: i32 = -200;
}

/// A decision on a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It goes on to the next base chain.
    Accept,
    /// It is dropped.
    Drop,
    /// On to the next rule.
    Continue,
    /// Back to the rule after the jump, or to the base chain's policy.
    Return,
    /// Through another chain, and back.
    Jump(Name),
    /// Into another chain for good.
    Goto(Name),
}

impl Verdict {
    /// `jump` to a chain with a constant name.
    pub const fn jump(chain: &'static str) -> Self {
        Self::Jump(Cow::Borrowed(chain))
    }

    /// `goto` a chain with a constant name.
    pub const fn goto(chain: &'static str) -> Self {
        Self::Goto(Cow::Borrowed(chain))
    }

    /// `NF_*` or `NFT_*`.
    pub(super) fn code(&self) -> i32 {
        match self {
            Self::Drop => 0,
            Self::Accept => 1,
            Self::Continue => -1,
            Self::Jump(_) => -3,
            Self::Goto(_) => -4,
            Self::Return => -5,
        }
    }

    pub(super) fn chain(&self) -> Option<&str> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }

    pub(super) fn from_parts(code: i32, chain: Option<&str>) -> Option<Self> {
        Some(match (code, chain) {
            (0, _) => Self::Drop,
            (1, _) => Self::Accept,
            (-1, _) => Self::Continue,
            (-3, Some(chain)) => Self::Jump(chain.to_owned().into()),
            (-4, Some(chain)) => Self::Goto(chain.to_owned().into()),
            (-5, _) => Self::Return,
            _ => return None,
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Continue => f.write_str("continue"),
            Self::Return => f.write_str("return"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
        }
    }
}
