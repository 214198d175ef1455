//! Which of a zone's names a question asks for.

use std::net::IpAddr;

use super::Zone;
use super::entry::{Addresses, Entry};
use super::located::Located;
use super::names;
use super::shape::PodNames;
use crate::wire::code::rtype as types;
use crate::wire::name::{Labels, Reverse, reverse};

/// What a name is.
#[derive(Debug)]
pub enum Found<'z> {
    /// No name of ours: others know.
    Elsewhere,
    /// There is no such name, in the zone that begins at that label of the question.
    Nothing(usize),
    /// The name exists and has records of these types only.
    Name(Kind<'z>, usize),
}

/// The records of a name.
#[derive(Debug)]
pub enum Kind<'z> {
    /// None: there are only names below it.
    Empty,
    /// Addresses, as records.
    Addresses(Addresses<'z>),
    /// An address by itself.
    Address(IpAddr),
    /// A service: addresses and ports, or the name it stands for.
    Service(&'z Entry),
    /// A port of a service.
    Port(Located<'z>),
    /// `PTR` records.
    Pointers(&'z [u8]),
    /// The zone itself.
    Apex,
    /// The version of the specification.
    Version,
    /// The cluster's DNS.
    Server,
}

impl Zone {
    /// Finds the name of a question.
    #[must_use]
    pub fn find(&self, name: &Labels, rtype: u16) -> Found<'_> {
        if let Some(before) = name.before(self.shape.origin.wire()) {
            return self.find_in_cluster(name, before);
        }
        let labels = name.count();
        if labels >= 2 && name.label(labels - 1) == b"arpa" {
            match name.label(labels - 2) {
                b"in-addr" => return self.find_reverse(name, rtype, labels - 2, false),
                b"ip6" => return self.find_reverse(name, rtype, labels - 2, true),
                _ => {}
            }
        }
        Found::Elsewhere
    }

    fn find_in_cluster(&self, name: &Labels, apex: usize) -> Found<'_> {
        let exists = |kind| Found::Name(kind, apex);
        let nothing = Found::Nothing(apex);
        if apex == 0 {
            return exists(Kind::Apex);
        }
        let label = |back: usize| name.label(apex - back);
        match label(1) {
            b"svc" | b"pod" if apex == 1 => exists(Kind::Empty),
            b"svc" | b"pod" if apex == 2 => {
                // The label with its length is how namespaces are known.
                if self.namespaces.exists(name.between(0, 1)) {
                    exists(Kind::Empty)
                } else {
                    nothing
                }
            }
            b"svc" => match self.find_service(name, apex) {
                Some(kind) => exists(kind),
                None => nothing,
            },
            b"pod" if apex == 3 => match self.find_pod(name) {
                Some(kind) => exists(kind),
                None => nothing,
            },
            b"dns-version" if apex == 1 => exists(Kind::Version),
            b"dns" if apex == 1 => exists(Kind::Empty),
            b"dns" if apex == 2 && label(2) == b"ns" => exists(Kind::Server),
            _ => nothing,
        }
    }

    fn find_service(&self, name: &Labels, apex: usize) -> Option<Kind<'_>> {
        let key = name.between(apex - 3, apex - 1);
        let Some(entry) = self.services.get(key) else {
            let alias = self.aliases.get(key).filter(|_| apex == 3)?;
            return Some(Kind::Addresses(alias.addresses()));
        };
        if !entry.exists() {
            return None;
        }
        match apex - 3 {
            0 => Some(Kind::Service(entry)),
            1 => match entry.endpoint(name.label(0)) {
                Some(addresses) => Some(Kind::Addresses(addresses)),
                None => entry.has_port_of(name.label(0)).then_some(Kind::Empty),
            },
            2 => entry.port(name.label(0), name.label(1)).map(Kind::Port),
            _ => None,
        }
    }

    /// `10-244-1-7.default.pod`
    fn find_pod(&self, name: &Labels) -> Option<Kind<'_>> {
        let namespace = name.between(1, 2);
        let address = names::undashed(name.label(0))?;
        let is_there = match self.shape.pods {
            PodNames::Disabled => false,
            PodNames::Insecure => self.namespaces.exists(namespace),
            PodNames::Verified => self.namespace_of(address) == Some(namespace),
        };
        is_there.then_some(Kind::Address(address))
    }

    fn find_reverse(&self, name: &Labels, rtype: u16, arpa: usize, v6: bool) -> Found<'_> {
        let read = |from: usize| reverse((from..arpa).map(|index| name.label(index)), v6);
        let said = read(0);
        let zone = self.shape.reverse_zone(arpa, |labels| match read(arpa - labels)? {
            Reverse::Network(address, _) | Reverse::Address(address) => {
                (address.is_ipv6() == v6).then_some(address)
            }
        });
        match (said, zone) {
            (Some(Reverse::Address(address)), _) => match (self.pointers.of(address), zone) {
                (Some(records), Some(labels)) => {
                    Found::Name(Kind::Pointers(records), arpa - labels)
                }
                // Endpoints may be anywhere; of what else such a name has, others know.
                (Some(records), None) if rtype == types::PTR => {
                    Found::Name(Kind::Pointers(records), 0)
                }
                (None, Some(labels)) => Found::Nothing(arpa - labels),
                (_, None) => Found::Elsewhere,
            },
            (_, None) => Found::Elsewhere,
            (_, Some(labels)) if labels == arpa => Found::Name(Kind::Apex, 0),
            (Some(Reverse::Network(address, prefix)), Some(labels)) => {
                if self.pointers.any_in(address, prefix) {
                    Found::Name(Kind::Empty, arpa - labels)
                } else {
                    Found::Nothing(arpa - labels)
                }
            }
            (None, Some(labels)) => Found::Nothing(arpa - labels),
        }
    }
}
