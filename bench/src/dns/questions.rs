//! What is asked: of every kind of answer as much as a cluster asks for.

use std::fmt::{self, Write};

use crate::services::dataset::{Service, Size};

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    /// The other family of a name that there is.
    OtherFamily,
    Missing,
    Ports,
    Name,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::Address, Self::OtherFamily, Self::Missing, Self::Ports, Self::Name];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "A",
            Self::OtherFamily => "AAAA, no such record",
            Self::Missing => "A, no such name",
            Self::Ports => "SRV",
            Self::Name => "PTR",
        })
    }
}

/// What a cluster asks for: 35% A, 20% AAAA of names that have none, 30% names that there are not, 10%
/// SRV, 5% PTR.
pub(super) const MIX: [Kind; 20] = {
    use Kind::{Address as A, Missing as X, Name as P, OtherFamily as Q, Ports as S};
    [A, X, Q, A, X, S, A, X, Q, A, X, P, A, X, Q, A, X, S, A, Q]
};

/// A question that has an answer only in a server that knows all.
pub(super) fn first(size: Size) -> String {
    question(Kind::Address, &size.service(size.services - 1))
}

/// A list for dnsperf, a question a line, of as many services as there are in no order that helps a
/// cache.
pub(super) fn list(size: Size, kinds: &[Kind]) -> String {
    let mut list = String::new();
    for index in 0..size.services * 2 {
        // A stride that is prime to the number of services meets each of them.
        let service = size.service(index * 7919 % size.services);
        let _ = writeln!(list, "{}", question(kinds[index % kinds.len()], &service));
    }
    list
}

fn question(kind: Kind, service: &Service) -> String {
    let Service { name, namespace, .. } = service;
    let parent = format!("{namespace}.svc.cluster.local");
    match kind {
        Kind::Address => format!("{name}.{parent} A"),
        Kind::OtherFamily => format!("{name}.{parent} AAAA"),
        Kind::Missing => format!("missing-{name}.{parent} A"),
        Kind::Ports => format!("_http._tcp.{name}.{parent} SRV"),
        Kind::Name => {
            let [a, b, c, d] = service.cluster_ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa PTR")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_mix_is_as_it_says() {
        let share = |kind| MIX.iter().filter(|k| **k == kind).count() * 5;
        assert_eq!(Kind::ALL.map(share), [35, 20, 30, 10, 5]);
    }

    #[test]
    fn every_service_is_asked_for() {
        let size = Size { services: 100, endpoints: 2 };
        let list = list(size, &[Kind::Address]);
        assert_eq!(list.lines().collect::<HashSet<_>>().len(), 100);
        assert!(list.contains(&first(size)));
    }
}
