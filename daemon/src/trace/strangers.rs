//! What the chains of other programs do with a packet.

use std::net::IpAddr;

use pontoon_doctor::passage::fate::Cause;
use pontoon_doctor::passage::{Device, Fate, Packet, Tracking, fate};
use pontoon_model::kernel::TABLES;
use pontoon_model::trace::PassedRule;
use pontoon_netlink::LinkName;
use pontoon_netlink::Rtnl;
use pontoon_netlink::filter::{Base, Table, legacy};
use pontoon_netlink::nft::{self, HookPoint, Nft, Reject, priority};
use pontoon_trace::host::Others;
use pontoon_trace::packet;
use pontoon_trace::rules::End;

/// Their tables; `None` when they cannot be read.
pub(super) fn read() -> Option<Vec<Table>> {
    let theirs = |table: &nft::Table| !TABLES.contains(&table.name.as_ref());
    let mut tables = Nft::open().ok()?.filters(theirs).ok()?;
    for family in legacy::Family::ALL {
        // A kernel without xtables has no such rules.
        tables.extend(legacy::filter(family).ok().flatten());
    }
    Some(tables)
}

/// What becomes of a packet at a place of its way, as it was before our rules there and as it is behind
/// them.
pub(super) fn others(
    tables: &[Table],
    rtnl: &Rtnl,
    point: HookPoint,
    before: &packet::Packet,
    after: &packet::Packet,
) -> Others {
    let rewriting = match point {
        HookPoint::Prerouting | HookPoint::Output => priority::DSTNAT,
        _ => priority::SRCNAT,
    };
    let mut probably = None;
    for table in tables {
        for (packet, sooner) in [(before, true), (after, false)] {
            let chains = part(table, &|base| (base.priority < rewriting) == sooner);
            let (cause, sure) = match fate(&chains, point, &judged(packet, rtnl)) {
                Fate::Passes => continue,
                Fate::Dropped(cause) => (cause, true),
                Fate::ProbablyDropped(cause) => (cause, false),
            };
            let end = match cause {
                // Which word the sender is told makes no difference here.
                Cause::Rule { rejects: true, .. } => End::Refused(Reject::PortUnreachable),
                Cause::Rule { .. } | Cause::Policy { .. } => End::Dropped,
            };
            let found = Others { rules: vec![rule(table, &cause)], end, doubtful: !sure };
            if sure {
                return found;
            }
            probably = probably.or(Some(found));
        }
    }
    probably.unwrap_or(Others { rules: Vec::new(), end: End::Passed, doubtful: false })
}

/// The table with these base chains alone; others lead nowhere by themselves.
fn part(table: &Table, wanted: &dyn Fn(&Base) -> bool) -> Table {
    let mut part = table.clone();
    for chain in &mut part.chains {
        chain.base = chain.base.filter(wanted);
    }
    part
}

fn judged(packet: &packet::Packet, rtnl: &Rtnl) -> Packet {
    let device = |name: &Option<String>| {
        let name = name.as_ref()?;
        let index = LinkName::try_new(name).ok().and_then(|name| rtnl.link_index(name).ok()?);
        Some(Device { name: name.clone(), index: index.unwrap_or(0) })
    };
    let (source, destination): (IpAddr, IpAddr) = (packet.source, packet.destination);
    Packet {
        input: device(&packet.input),
        output: device(&packet.output),
        source,
        destination,
        protocol: packet.protocol,
        ports: packet.ports,
        tracking: match (packet.untracked, packet.answers) {
            (true, _) => Tracking::Untracked,
            (false, true) => Tracking::Answer,
            (false, false) => Tracking::New,
        },
        dnat: packet.dnat,
        snat: packet.snat,
    }
}

fn rule(table: &Table, cause: &Cause) -> PassedRule {
    let (chain, rule, rejects) = match cause {
        Cause::Policy { chain } => (chain.clone(), "its policy".to_owned(), false),
        Cause::Rule { chain, number, rejects } => {
            (chain.clone(), format!("rule {number}"), *rejects)
        }
    };
    PassedRule {
        table: table.name.clone(),
        chain,
        rule,
        verdict: if rejects { "reject" } else { "drop" }.to_owned(),
        comment: table.legacy.then(|| "of iptables-legacy".to_owned()),
    }
}
