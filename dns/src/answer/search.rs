//! The walk along a pod's search path, answered at its first step.
//!
//! A resolver with `ndots:5` asks for `db.example.com` first as
//! `db.example.com.default.svc.cluster.local`. Whoever asks so from namespace `default` will next ask
//! for the rest of the path, so the first answer gives what the walk would find, by a `CNAME`, as
//! CoreDNS's autopath does.

use std::net::IpAddr;

use super::local::{Local, Outcome};
use crate::wire::code::{Rcode, rtype};
use crate::wire::name::Labels;
use crate::zone::lookup::Found;

/// How many labels of the question are what the person typed; `None` where the question is not the
/// first of a walk from that client.
#[must_use]
pub fn typed(local: &Local<'_, '_>, client: IpAddr) -> Option<usize> {
    let name = &local.query.name;
    let apex = name.before(local.zone.shape().origin.wire())?;
    let typed = apex.checked_sub(2).filter(|typed| *typed > 0)?;
    if name.label(apex - 1) != b"svc" {
        return None;
    }
    let own = local.zone.namespace_of(client)?;
    (own == name.between(typed, typed + 1)).then_some(typed)
}

/// Walks along the path as far as it is in the cluster, for a name that does not exist. Nothing is
/// answered where the walk leads out of it, or to what takes more than addresses.
///
/// What was typed as a whole name of the cluster is taken for that before the host's domains are tried:
/// nobody has such names there, and ours need nobody outside.
pub fn walk(local: &Local<'_, '_>, typed: usize, out: &mut Vec<u8>) -> Outcome {
    if !matches!(local.query.rtype, rtype::A | rtype::AAAA) {
        return Outcome::Alias;
    }
    let name = &local.query.name;
    for suffix in [name.from(typed + 1), name.from(typed + 2), &[0]] {
        let mut wire = [0; crate::wire::name::LONGEST];
        let head = name.between(0, typed);
        let length = head.len() + suffix.len();
        wire[..head.len()].copy_from_slice(head);
        wire[head.len()..length].copy_from_slice(suffix);
        let Some(candidate) = Labels::read(&wire[..length]) else { continue };
        match local.zone.find(&candidate, local.query.rtype) {
            Found::Name(kind, _) => {
                let apex = typed + 2;
                return local.through(candidate.wire(), &kind, apex, out);
            }
            Found::Nothing(_) if suffix == [0] => {
                local.nothing(typed + 2, Rcode::NxDomain, out);
                return Outcome::Answered;
            }
            Found::Nothing(_) => {}
            Found::Elsewhere => return Outcome::Elsewhere,
        }
    }
    Outcome::Elsewhere
}
