//! What the rules of other programs drop of the packets that Pontoon needs.

use std::collections::{BTreeMap, BTreeSet};

use pontoon_netlink::filter::Table;
use pontoon_netlink::nft::HookPoint;

use super::ways::{self, Traffic};
use crate::facts::Facts;
use crate::passage::fate::Cause;
use crate::passage::{Fate, fate};

/// What one rule or policy drops at one place of packets' way: more than one chain may lead to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drops<'f> {
    /// Its table.
    pub(super) table: &'f Table,
    /// The rule or policy.
    pub(super) cause: Cause,
    /// No rule can save the packets.
    pub(super) surely: bool,
    /// The place.
    pub(super) point: HookPoint,
    /// What is dropped.
    pub(super) traffic: BTreeSet<Traffic>,
}

/// Whose rule it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Firewalld,
    Ufw,
    Docker,
    /// Nobody's that we know.
    Other,
}

/// Everything that is dropped, by who drops it.
pub(super) fn all(facts: &Facts) -> Vec<Drops<'_>> {
    let all = ways::all(facts);
    let mut found = Vec::new();
    for table in facts.filters.iter().flatten() {
        let mut by_cause: BTreeMap<(HookPoint, Cause, bool), BTreeSet<Traffic>> = BTreeMap::new();
        for (traffic, packet) in &all {
            let point = traffic.point();
            let (cause, surely) = match fate(table, point, packet) {
                Fate::Passes => continue,
                Fate::Dropped(cause) => (cause, true),
                Fate::ProbablyDropped(cause) => (cause, false),
            };
            by_cause.entry((point, cause, surely)).or_default().insert(*traffic);
        }
        let drops =
            |((point, cause, surely), traffic)| Drops { table, cause, surely, point, traffic };
        found.extend(by_cause.into_iter().map(drops));
    }
    found
}

impl Drops<'_> {
    /// Whose it is, by the names that programs give to their chains.
    pub(super) fn owner(&self) -> Owner {
        let has_chain = |start: &str| self.table.chains.iter().any(|c| c.name.starts_with(start));
        let named = match &self.cause {
            Cause::Policy { chain } | Cause::Rule { chain, .. } => chain.as_str(),
        };
        if self.table.name.ends_with(" firewalld") {
            Owner::Firewalld
        } else if named.starts_with("ufw") || has_chain("ufw-") || has_chain("ufw6-") {
            Owner::Ufw
        } else if has_chain("DOCKER") {
            Owner::Docker
        } else {
            Owner::Other
        }
    }

    /// Whether it drops any traffic that is so.
    pub(super) fn any(&self, is_so: impl Fn(Traffic) -> bool) -> bool {
        self.traffic.iter().any(|traffic| is_so(*traffic))
    }

    /// What drops what, in words.
    pub(super) fn what(&self) -> String {
        let listing = if self.table.legacy { " (iptables-legacy)" } else { "" };
        let by = match &self.cause {
            Cause::Policy { chain } => format!("the policy of chain {chain}"),
            Cause::Rule { chain, number, .. } => format!("rule {number} of chain {chain}"),
        };
        // Who learns that packets are dropped does not wonder about the answers to them.
        let goes_without_saying = |traffic: &Traffic| {
            traffic.answers && self.traffic.contains(&Traffic { answers: false, ..*traffic })
        };
        let told = self.traffic.iter().filter(|traffic| !goes_without_saying(traffic));
        let told: Vec<String> = told.map(ToString::to_string).collect();
        let surely =
            if self.surely { "drops" } else { "drops, unless a rule that cannot be read accepts," };
        format!("{by} in table {}{listing} {surely} packets: {}", self.table.name, told.join("; "))
    }
}
