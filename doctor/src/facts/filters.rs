//! The firewall rules of other programs.

use std::io;

use pontoon_model::kernel::TABLES;
use pontoon_netlink::filter::{Table, legacy};
use pontoon_netlink::nft::Nft;

use super::gaps::Gaps;

/// Reads them; `None`, with a note, when that is not allowed.
pub(super) fn gather(gaps: &mut Gaps) -> Option<Vec<Table>> {
    let checks = ["firewall", "firewalld", "ufw", "docker-forward"];
    let mut tables = gaps.noted("rules in nf_tables", nf_tables(), &checks)?;
    for family in legacy::Family::ALL {
        let what = match family {
            legacy::Family::Ipv4 => "rules of iptables-legacy",
            legacy::Family::Ipv6 => "rules of ip6tables-legacy",
        };
        tables.extend(gaps.noted(what, legacy::filter(family), &checks).flatten());
    }
    Some(tables)
}

fn nf_tables() -> io::Result<Vec<Table>> {
    let strangers = |table: &pontoon_netlink::nft::Table| !TABLES.contains(&table.name.as_ref());
    Nft::open()?.filters(strangers).map_err(io::Error::other)
}
