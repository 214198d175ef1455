//! Any questions: names that exist, names near them, and any others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pontoon_dns::exchange::Transport;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::answer::{Book, OUTSIDE};
use super::any::{ADDRESSES, NAMESPACES, a_client};
use super::records::{ZONE, zones};
use crate::asked::Question;
use crate::asked::kind::{A, AAAA, ANY, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use crate::given::world::reverse;

const LABELS: [&str; 24] = [
    "svc",
    "pod",
    "n0",
    "n1",
    "s0",
    "s1",
    "_tcp",
    "_udp",
    "_http",
    "_dns",
    "h0",
    "db",
    "p0",
    "*",
    "10-244-0-1",
    "1-2-3-4",
    "fd00-244--0",
    "fd00-244-0--0",
    "x",
    "ns",
    "dns",
    "any",
    "test",
    "search",
];

/// A question for one of the names that there are then, changed in that way.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    name: Index,
    change: Change,
    pub(crate) rtype: u16,
    pub(crate) client: IpAddr,
    transport: Transport,
}

#[derive(Debug, Clone)]
enum Change {
    None,
    Without(Index),
    With(Index, &'static str),
    Instead(Index, &'static str),
    /// The first step of a walk from that namespace.
    Walking(&'static str),
    InCapitals,
    Other(Vec<&'static str>, bool),
}

pub(crate) fn an_ask() -> impl Strategy<Value = Ask> {
    let label = || select(LABELS.to_vec());
    let change = prop_oneof![
        6 => Just(Change::None),
        2 => any::<Index>().prop_map(Change::Without),
        2 => (any::<Index>(), label()).prop_map(|(at, label)| Change::With(at, label)),
        2 => (any::<Index>(), label()).prop_map(|(at, label)| Change::Instead(at, label)),
        2 => select(NAMESPACES.to_vec()).prop_map(Change::Walking),
        1 => Just(Change::InCapitals),
        2 => (prop::collection::vec(label(), 0..6), any::<bool>())
            .prop_map(|(labels, ours)| Change::Other(labels, ours)),
    ];
    let rtype = prop_oneof![
        6 => select(vec![A, AAAA]),
        3 => select(vec![SRV, PTR]),
        2 => select(vec![CNAME, TXT, SOA, NS, MX, ANY, 999]),
    ];
    let transport = select(vec![Transport::Tcp, Transport::Udp]);
    (any::<Index>(), change, rtype, a_client(), transport).prop_map(
        |(name, change, rtype, client, transport)| Ask { name, change, rtype, client, transport },
    )
}

/// All names that there are, and addresses that might have one.
pub(crate) fn names(book: &Book<'_>) -> Vec<String> {
    let records = book.records.all.iter();
    let said = records.flat_map(|record| [record.owner.clone(), last(&record.data)]);
    let outside = OUTSIDE.iter().map(|record| record.split(' ').next().unwrap().to_owned());
    let reversed = ADDRESSES.iter().map(|address| reverse(address));
    let mut all: BTreeSet<String> = said.chain(outside).chain(reversed).collect();
    all.extend(book.records.empty.iter().cloned());
    all.extend(zones());
    all.retain(|name| name.parse::<IpAddr>().is_err());
    all.into_iter().collect()
}

fn last(data: &str) -> String {
    data.rsplit(' ').next().unwrap_or_default().to_owned()
}

impl Ask {
    pub(crate) fn question(&self, names: &[String]) -> Question {
        let name = self.name.get(names);
        let mut labels: Vec<&str> = name.split('.').collect();
        let name = match &self.change {
            Change::None => name.clone(),
            Change::InCapitals => name.to_uppercase(),
            Change::Without(at) => {
                labels.remove(at.index(labels.len()));
                labels.join(".")
            }
            Change::With(at, label) => {
                labels.insert(at.index(labels.len()), label);
                labels.join(".")
            }
            Change::Instead(at, label) => {
                let at = at.index(labels.len());
                labels[at] = label;
                labels.join(".")
            }
            Change::Walking(namespace) => {
                let name = name.strip_suffix(&format!(".svc.{ZONE}")).unwrap_or(name);
                format!("{name}.{namespace}.svc.{ZONE}")
            }
            Change::Other(labels, true) => {
                labels.iter().copied().chain([ZONE]).collect::<Vec<_>>().join(".")
            }
            Change::Other(labels, false) => labels.join("."),
        };
        let question = Question::new(&name, self.rtype).over(self.transport);
        Question { client: self.client, ..question }
    }
}
