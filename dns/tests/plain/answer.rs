//! What a question gets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pontoon_dns::zone::shape::PodNames;

use super::objects::Objects;
use super::records::{Manner, Plain, Records, ZONE, zones};
use crate::asked::kind::{A, AAAA, ANY, CNAME, NS, PTR, SRV};

/// The names outside, as in [`OUTSIDE`].
pub(crate) const OUTSIDE: [&str; 4] = [
    "out.test 300 A 192.0.2.1",
    "out.test 300 AAAA 2001:db8::1",
    "back.test 300 CNAME s0.n0.svc.cluster.local",
    "deep.search 300 A 192.0.2.2",
];
/// The host's own search domain.
pub(crate) const SEARCH: &str = "search";
/// What is said where everything is asked for (RFC 8482).
const LITTLE: u16 = 13;

/// An answer: the code, records of all sections that matter, as text without their TTLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) exists: bool,
    pub(crate) records: BTreeSet<String>,
    pub(crate) additional: BTreeSet<String>,
    /// The zone that denies it.
    pub(crate) denied_by: Option<String>,
}

/// All that is asked.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) records: Records,
    pub(crate) manner: Manner,
}

/// A name, one step on.
enum Step {
    /// These records; none where there are other types only.
    Has(Vec<Plain>),
    Nowhere,
}

pub(crate) fn written(record: &Plain) -> String {
    let kind = match record.rtype {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        13 => "HINFO",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        other => panic!("nobody writes type {other}"),
    };
    format!("{} {kind} {}", record.owner, record.data)
}

fn is_within(name: &str, parent: &str) -> bool {
    name == parent || name.strip_suffix(parent).is_some_and(|head| head.ends_with('.'))
}

impl<'a> Book<'a> {
    pub(crate) fn of(objects: &'a Objects, manner: Manner) -> Self {
        Self { objects, records: Records::of(objects, manner), manner }
    }

    fn zone_of(&self, name: &str) -> Option<String> {
        zones().into_iter().find(|zone| is_within(name, zone))
    }

    /// What the client gets; `None` where it is none of our names, and others are asked.
    pub(crate) fn answer(&self, asked: &str, rtype: u16, client: IpAddr) -> Option<Answer> {
        let zone = match self.zone_of(asked) {
            Some(zone) => zone,
            None if rtype == PTR && self.has(asked, PTR) => String::new(),
            None => return None,
        };
        let none = BTreeSet::new;
        let mut answer =
            Answer { exists: true, records: none(), additional: none(), denied_by: None };
        match self.look(asked, rtype) {
            Step::Has(found) if found.is_empty() => answer.denied_by = Some(zone),
            Step::Has(found) => {
                answer.additional = self.additional(&found, rtype);
                answer.records = self.followed(found, rtype).iter().map(written).collect();
            }
            Step::Nowhere => {
                let walked = self.walked(asked, rtype, client);
                answer.exists = walked.is_some();
                answer.records = walked.iter().flatten().map(written).collect();
                // Also where the walk led elsewhere: it is our name that was asked for.
                answer.denied_by = answer.records.is_empty().then_some(zone);
            }
        }
        Some(answer)
    }

    fn has(&self, name: &str, rtype: u16) -> bool {
        self.records.all.iter().any(|record| record.owner == name && record.rtype == rtype)
    }

    /// One name, in the cluster or outside, without following others.
    fn look(&self, asked: &str, rtype: u16) -> Step {
        let name = self.plainly(asked);
        let mut here: Vec<Plain> =
            self.records.all.iter().filter(|record| record.owner == name).cloned().collect();
        here.extend(self.insecure(&name));
        here.iter_mut().for_each(|record| record.owner = asked.to_owned());
        let mut exists = !here.is_empty() || self.records.empty.contains(&name);
        if self.zone_of(&name).is_none() {
            if rtype != PTR {
                here.clear();
            }
            here.extend(OUTSIDE.map(outside).into_iter().filter(|record| record.owner == name));
            exists = !here.is_empty();
        } else {
            let owners = || self.records.all.iter().map(|record| &record.owner);
            exists |= owners().chain(&self.records.empty).any(|owner| is_within(owner, &name));
        }
        if !exists {
            return Step::Nowhere;
        }
        if rtype == ANY && self.zone_of(&name).is_some() {
            here.truncate(1);
            here.iter_mut().for_each(|record| {
                (record.rtype, record.data) = (LITTLE, "rfc8482 ".to_owned());
            });
            return Step::Has(here);
        }
        here.retain(|record| record.rtype == rtype || record.rtype == CNAME);
        Step::Has(here)
    }

    /// The name of a pod says an address, however that is written.
    fn plainly(&self, name: &str) -> String {
        match name.strip_suffix(&format!(".pod.{ZONE}")).and_then(|rest| rest.split_once('.')) {
            Some((label, namespace)) if !namespace.contains('.') => match said(label) {
                Some(address) => {
                    format!("{}.{namespace}.pod.{ZONE}", super::behind::dashed(address))
                }
                None => name.to_owned(),
            },
            _ => name.to_owned(),
        }
    }

    fn insecure(&self, name: &str) -> Option<Plain> {
        let rest = name.strip_suffix(&format!(".pod.{ZONE}"))?;
        let (label, namespace) = rest.split_once('.')?;
        let address = said(label)?;
        let namespaces = self.objects.all_namespaces();
        let rtype = if address.is_ipv4() { A } else { AAAA };
        let insecure = self.manner.pods == PodNames::Insecure && namespaces.contains(namespace);
        insecure.then(|| Plain { owner: name.to_owned(), rtype, data: address.to_string() })
    }

    /// These records, and what the name has that the last one stands for.
    fn followed(&self, mut found: Vec<Plain>, rtype: u16) -> Vec<Plain> {
        let mut seen = BTreeSet::from([found[0].owner.clone()]);
        while let Some(Plain { rtype: CNAME, data, .. }) = found.last().cloned() {
            if rtype == CNAME || !seen.insert(data.clone()) {
                break;
            }
            match self.look(&data, rtype) {
                // At most ten names are followed one after the other.
                Step::Has(more) if more.iter().any(|one| one.rtype == CNAME) && seen.len() > 10 => {
                    break;
                }
                Step::Has(more) if !more.is_empty() => found.extend(more),
                Step::Has(_) | Step::Nowhere => break,
            }
        }
        found
    }

    /// The addresses of what the answers point at.
    fn additional(&self, found: &[Plain], rtype: u16) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        if matches!(rtype, SRV | NS) && found[0].rtype == rtype {
            for record in found {
                let target = record.data.rsplit(' ').next().unwrap();
                let of = |r: &&Plain| r.owner == target && matches!(r.rtype, A | AAAA);
                all.extend(self.records.all.iter().filter(of).map(written));
            }
        }
        all
    }

    /// What a pod's walk along its search path comes to.
    fn walked(&self, asked: &str, rtype: u16, client: IpAddr) -> Option<Vec<Plain>> {
        let namespace = self.objects.namespace_at(client).filter(|_| self.manner.autopath)?;
        let typed = asked.strip_suffix(&format!(".{namespace}.svc.{ZONE}"))?;
        for suffix in [&format!(".svc.{ZONE}"), &format!(".{ZONE}"), &format!(".{SEARCH}"), ""] {
            let name = format!("{typed}{suffix}");
            let Step::Has(found) = self.look(&name, rtype) else { continue };
            if found.is_empty() {
                return Some(found);
            }
            let first = Plain { owner: asked.to_owned(), rtype: CNAME, data: name };
            return Some([vec![first], self.followed(found, rtype)].concat());
        }
        None
    }
}

fn outside(text: &str) -> Plain {
    let words: Vec<&str> = text.split(' ').collect();
    let rtype = match words[2] {
        "A" => A,
        "AAAA" => AAAA,
        _ => CNAME,
    };
    Plain { owner: words[0].to_owned(), rtype, data: words[3].to_owned() }
}

/// The address that a label says.
fn said(label: &str) -> Option<IpAddr> {
    let v4 = label.replace('-', ".").parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4);
    let v6 = || label.replace('-', ":").parse::<std::net::Ipv6Addr>().ok().map(IpAddr::V6);
    v4.or_else(v6)
}
