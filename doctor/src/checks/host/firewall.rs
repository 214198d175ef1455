//! Rules of other programs that drop what Pontoon needs, told by whose they are.

use pontoon_netlink::nft::HookPoint;

use super::drops::{self, Drops, Owner};
use super::mends;
use crate::checks::remark::{Remark, fault, warning};
use crate::facts::Facts;

pub(in crate::checks) fn check(facts: &Facts) -> Vec<Remark> {
    of(facts, Owner::Other, |drops| mends::other(drops, &facts.setup))
}

pub(in crate::checks) fn docker(facts: &Facts) -> Vec<Remark> {
    of(facts, Owner::Docker, |drops| {
        if drops.point == HookPoint::Forward {
            mends::docker(drops)
        } else {
            mends::other(drops, &facts.setup)
        }
    })
}

pub(in crate::checks) fn firewalld(facts: &Facts) -> Vec<Remark> {
    let mut found = of(facts, Owner::Firewalld, |drops| mends::firewalld(drops, &facts.setup));
    if facts.filters.is_none() && facts.host.services.contains("firewalld") {
        found.push(unread("firewalld runs").mend("sudo pontoon doctor --check firewalld"));
    }
    found
}

pub(in crate::checks) fn ufw(facts: &Facts) -> Vec<Remark> {
    let mut found = of(facts, Owner::Ufw, |drops| mends::ufw(drops, &facts.setup));
    if facts.filters.is_none() && facts.host.ufw {
        found.push(unread("ufw is enabled").mend("sudo pontoon doctor --check ufw"));
    }
    found
}

fn unread(what: &str) -> Remark {
    warning(format!("{what}, and its rules cannot be read by this user"))
        .because("by its defaults it drops pods' packets")
}

fn of(facts: &Facts, owner: Owner, mend: impl Fn(&Drops<'_>) -> String) -> Vec<Remark> {
    let all = drops::all(facts);
    let own = all.iter().filter(|drops| drops.owner() == owner);
    own.map(|drops| {
        let remark = if drops.surely { fault(drops.what()) } else { warning(drops.what()) };
        remark
            .because("a packet must pass every program's rules: Pontoon cannot accept what another drops")
            .mend(mend(drops))
    })
    .collect()
}
