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
        /// It tells the sender.
        rejects: bool,
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
        let walk = Walk { table, packet };
        let ends = walk.through(chain, 0, 0);
        let doubtful = ends.may_accept || ends.may_fall && !base.drops;
        let cause = match ends.likely {
            End::Accepted => None,
            End::Dropped(cause) => Some(cause),
            End::Fallen => base.drops.then(|| Cause::Policy { chain: chain.name.clone() }),
        };
        match cause {
            Some(cause) if doubtful => probably = probably.or(Some(cause)),
            Some(cause) => return Fate::Dropped(cause),
            None => {}
        }
    }
    probably.map_or(Fate::Passes, Fate::ProbablyDropped)
}

#[derive(PartialEq, Eq)]
enum End {
    Accepted,
    Dropped(Cause),
    /// It came to the chain's end.
    Fallen,
}

/// How a chain may end for the packet.
struct Ends {
    /// When no rule matches that cannot be read.
    likely: End,
    /// Otherwise it may be accepted.
    may_accept: bool,
    /// Otherwise it may come out of the chain.
    may_fall: bool,
}

impl Ends {
    fn can_accept(&self) -> bool {
        self.may_accept || self.likely == End::Accepted
    }

    fn can_fall(&self) -> bool {
        self.may_fall || self.likely == End::Fallen
    }
}

struct Walk<'a> {
    table: &'a Table,
    packet: &'a Packet,
}

impl Walk<'_> {
    /// From a rule of a chain on.
    fn through(&self, chain: &Chain, first: usize, depth: usize) -> Ends {
        let (mut may_accept, mut may_fall) = (false, false);
        let mut likely = End::Fallen;
        if depth > DEPTH {
            return Ends { likely, may_accept, may_fall };
        }
        for (index, rule) in chain.rules.iter().enumerate().skip(first) {
            let answer = matching::all(&rule.tests, self.packet, self.table);
            if answer == Answer::No {
                continue;
            }
            let sure = answer == Answer::Yes;
            let (action, sure) = match self.looked_up(&rule.action) {
                Some(action) => (action, sure),
                None => (rule.action.clone(), false),
            };
            match action {
                Action::Accept if sure => {
                    likely = End::Accepted;
                    break;
                }
                Action::Accept | Action::Unreadable(_) | Action::ByMap { .. } => may_accept = true,
                Action::Drop | Action::Reject if sure => {
                    let rejects = action == Action::Reject;
                    let (chain, number) = (chain.name.clone(), index + 1);
                    likely = End::Dropped(Cause::Rule { chain, number, rejects });
                    break;
                }
                Action::Return if sure => break,
                Action::Return => may_fall = true,
                Action::Jump(name) => {
                    let ends = self.go_to(&name, depth);
                    if !sure {
                        may_accept |= ends.can_accept();
                        continue;
                    }
                    may_accept |= ends.may_accept;
                    if ends.likely == End::Fallen {
                        continue;
                    }
                    if ends.may_fall {
                        let rest = self.through(chain, index + 1, depth);
                        may_accept |= rest.can_accept();
                        may_fall |= rest.can_fall();
                    }
                    likely = ends.likely;
                    break;
                }
                Action::Goto(name) => {
                    let ends = self.go_to(&name, depth);
                    if sure {
                        may_accept |= ends.may_accept;
                        may_fall |= ends.may_fall;
                        likely = ends.likely;
                        break;
                    }
                    may_accept |= ends.can_accept();
                    may_fall |= ends.can_fall();
                }
                Action::Drop | Action::Reject | Action::Continue => {}
            }
        }
        Ends { likely, may_accept, may_fall }
    }

    fn go_to(&self, name: &str, depth: usize) -> Ends {
        match self.table.chain(name) {
            Some(chain) => self.through(chain, 0, depth + 1),
            None => Ends { likely: End::Fallen, may_accept: false, may_fall: false },
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
