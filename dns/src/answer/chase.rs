//! Names that stand for others, followed to what those have (RFC 1034, section 3.6.2).

use std::collections::HashSet;

use hickory_proto::op::ResponseCode;

use super::compose::{self, Part};
use super::local::{Local, Outcome};
use super::outside::Outside;
use super::responder::Responder;
use crate::wire::code::rtype;
use crate::wire::name::Name;
use crate::wire::question::{HEADER, Query};
use crate::zone::lookup::Found;

/// How many names are followed one after the other, as in CoreDNS.
const LINKS: usize = 10;

/// What a name of ours leads to.
enum Step {
    /// To these records; the last may stand for another name.
    Records(Part),
    /// Out of the cluster.
    Leaves,
}

impl<O: Outside> Responder<O> {
    /// Follows a name, in the cluster and outside, until there are records of the type. A target that
    /// does not exist leaves the names that led there; one that nobody can say anything of is a failure.
    pub(super) async fn follow(&self, name: &Name, wanted: u16) -> Part {
        let mut whole =
            Part { rcode: ResponseCode::NoError, answers: Vec::new(), authorities: Vec::new() };
        let mut seen = HashSet::new();
        let mut next = name.clone();
        for link in 0..=LINKS {
            if !seen.insert(next.clone()) {
                break;
            }
            let part = match self.step(&next, wanted) {
                Step::Records(part) => part,
                Step::Leaves => Part::read(&self.outside.lookup(&next, wanted).await),
            };
            if part.is_failure() {
                whole.rcode = part.rcode;
                break;
            }
            let target = compose::dangling(&part.answers).filter(|_| wanted != rtype::CNAME);
            if part.answers.is_empty() && whole.answers.is_empty() {
                return part;
            }
            if link == LINKS && target.is_some() {
                break;
            }
            whole.answers.extend(part.answers);
            match target {
                Some(target) => next = target,
                None => break,
            }
        }
        whole
    }

    /// What the zone says of a name.
    fn step(&self, name: &Name, wanted: u16) -> Step {
        let zone = self.zone();
        let mut out = Vec::new();
        for rtype in [wanted, rtype::CNAME] {
            let message = ask(name, rtype);
            let Ok(query) = Query::parse(&message) else { return Step::Leaves };
            let local = Local {
                zone: &zone,
                query: &query,
                limit: usize::from(u16::MAX),
                recursion_available: true,
            };
            let found = zone.find(&query.name, rtype);
            if matches!(found, Found::Elsewhere) {
                if self.hosts.answer(&query, local.limit, &mut out) == Outcome::Answered {
                    return Step::Records(Part::read(&out));
                }
                return Step::Leaves;
            }
            if local.answer(&found, &mut out) == Outcome::Answered {
                return Step::Records(Part::read(&out));
            }
        }
        Step::Leaves
    }
}

/// A message that asks for a name.
#[must_use]
pub(super) fn ask(name: &Name, rtype: u16) -> Vec<u8> {
    let mut message = vec![0; HEADER];
    message[2] = 1;
    message[5] = 1;
    message.extend_from_slice(name.wire());
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&crate::wire::code::IN.to_be_bytes());
    message
}
