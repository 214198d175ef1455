//! The way of a packet through a table's chains.

use pontoon_netlink::filter::{Action, Chain, Table};
use pontoon_netlink::nft::HookPoint;

use super::matching::{self, Answer};
use super::packet::Packet;

/// Chains that lead to chains, at most: the kernel's own limit (`NFT_JUMP_STACK_SIZE`).
const DEPTH: usize = 16;

/// What becomes of a packet in one base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It passes, unless a rule that cannot be read drops it.
    Passes,
    /// It is dropped.
    Dropped(Cause),
    /// It is dropped, unless a rule that cannot be read accepts it.
    ProbablyDropped(Cause),
}

/// What drops a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The policy of a base chain.
    Policy {
        /// The chain.
        chain: String,
    },
    /// A rule.
    Rule {
        /// Its chain.
        chain: String,
        /// Its place there, from 1.
        number: usize,
    },
}

/// The fate of a packet in each base chain of a table at a place in its way. Rules that cannot be
/// read are taken for such that do not match, but it is noted when one of them accepts.
#[must_use]
pub fn fate(table: &Table, point: HookPoint, packet: &Packet) -> Fate {
    let sees = if packet.source.is_ipv4() { table.ipv4 } else { table.ipv6 };
    if !sees {
        return Fate::Passes;
    }
    let mut probably = None;
    for chain in &table.chains {
        let Some(base) = chain.base.filter(|base| base.point == point) else { continue };
        let mut walk = Walk { table, packet, policy_drops: base.drops, maybe_accepted: false };
        let policy = || Cause::Policy { chain: chain.name.clone() };
        let cause = match walk.through(chain, 0) {
            End::Accepted => None,
            End::Dropped(cause) => Some(cause),
            End::Fallen => base.drops.then(policy),
        };
        match cause {
            Some(cause) if walk.maybe_accepted => probably = probably.or(Some(cause)),
            Some(cause) => return Fate::Dropped(cause),
            None => {}
        }
    }
    probably.map_or(Fate::Passes, Fate::ProbablyDropped)
}

enum End {
    Accepted,
    Dropped(Cause),
    /// It came to the chain's end.
    Fallen,
}

struct Walk<'a> {
    table: &'a Table,
    packet: &'a Packet,
    /// What falls out of the base chain is dropped.
    policy_drops: bool,
    /// A rule that cannot be read may have accepted it.
    maybe_accepted: bool,
}

impl Walk<'_> {
    fn through(&mut self, chain: &Chain, depth: usize) -> End {
        if depth > DEPTH {
            return End::Fallen;
        }
        for (index, rule) in chain.rules.iter().enumerate() {
            let answer = matching::all(&rule.tests, self.packet, self.table);
            if answer == Answer::No {
                continue;
            }
            let sure = answer == Answer::Yes;
            let (action, sure) = match self.looked_up(&rule.action) {
                Some(action) => (action, sure),
                None => (rule.action.clone(), false),
            };
            let cause = || Cause::Rule { chain: chain.name.clone(), number: index + 1 };
            match action {
                Action::Accept if sure => return End::Accepted,
                Action::Accept | Action::Unreadable(_) | Action::ByMap { .. } => {
                    self.maybe_accepted = true;
                }
                Action::Drop if sure => return End::Dropped(cause()),
                Action::Return if sure => return End::Fallen,
                Action::Return => self.may_fall(depth),
                Action::Jump(name) if !sure => drop(self.may_go_to(&name, depth)),
                Action::Goto(name) if !sure => {
                    if matches!(self.may_go_to(&name, depth), End::Fallen) {
                        self.may_fall(depth);
                    }
                }
                Action::Jump(name) => match self.go_to(&name, depth) {
                    End::Fallen => {}
                    end => return end,
                },
                Action::Goto(name) => return self.go_to(&name, depth),
                Action::Drop | Action::Continue => {}
            }
        }
        End::Fallen
    }

    fn go_to(&mut self, name: &str, depth: usize) -> End {
        match self.table.chain(name) {
            Some(chain) => self.through(chain, depth + 1),
            None => End::Fallen,
        }
    }

    /// It matters only whether the packet would be accepted there.
    fn may_go_to(&mut self, name: &str, depth: usize) -> End {
        let end = self.go_to(name, depth);
        if matches!(end, End::Accepted) {
            self.maybe_accepted = true;
        }
        end
    }

    /// It may leave this chain here. What the chains before do with it then is not followed: they may
    /// accept it, unless it comes straight to a policy that drops.
    fn may_fall(&mut self, depth: usize) {
        if depth > 0 || !self.policy_drops {
            self.maybe_accepted = true;
        }
    }

    /// The action itself, or what a map has in its place; `None` when that cannot be told.
    fn looked_up(&self, action: &Action) -> Option<Action> {
        let Action::ByMap { key, map } = action else { return Some(action.clone()) };
        let key = matching::key_of(key, self.packet)?;
        let elements = self.table.set(map)?.elements.as_ref()?;
        match matching::find(elements, &key) {
            Some(element) => element.action.clone(),
            None => Some(Action::Continue),
        }
    }
}
