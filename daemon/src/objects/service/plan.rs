//! What to write for a service: pure, from what somebody wrote, what is stored and what is known of
//! others.

use std::collections::BTreeSet;

use pontoon_model::api::Failure;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::Key;
use pontoon_model::manifest::ServiceManifest;
use pontoon_model::service::ServiceId;
use pontoon_store::{Compare, MAX_OPS, Op, Revision, Txn};
use rand::Rng;
use serde_json::Value;

use super::claim::{Claim, Holder, Holders};
use super::document::{self, Given};
use super::node_ports::PortWant;
use super::want::{Chooser, Want};
use super::{addresses, node_ports};
use crate::objects::failure::invalid;
use crate::objects::stamp::Birth;

/// A service as the store has it.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) revision: Revision,
    pub(super) document: Value,
    /// `None` when the document cannot be used.
    pub(super) manifest: Option<ServiceManifest>,
    /// What it holds.
    pub(super) claims: BTreeSet<Claim>,
}

/// What to write.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) document: Value,
    pub(super) claims: BTreeSet<Claim>,
    /// What it held and holds no more.
    pub(super) released: BTreeSet<Claim>,
}

pub(super) fn plan(
    new: &ServiceManifest,
    stored: Option<&Stored>,
    config: &ClusterConfig,
    holders: &Holders,
    birth: &Birth,
    rng: &mut impl Rng,
) -> Result<Plan, Failure> {
    let old = stored.and_then(|stored| stored.manifest.as_ref());
    let layout = addresses::lay_out(new, old, config)?;
    let node_ports = node_ports::lay_out(new, old, config.node_port_range)?;

    let ip_wants = layout.as_ref().map(|layout| layout.wants.as_slice()).unwrap_or_default();
    let port_wants = node_ports.ports.iter().filter_map(|want| match want {
        PortWant::Own(want) => Some(want),
        PortWant::As(_) => None,
    });
    let named = ip_wants.iter().chain(port_wants).chain(&node_ports.health_check);
    let named = named.filter_map(|want| match want {
        Want::Kept(claim) | Want::Fixed(claim, _) => Some(*claim),
        Want::Any(_) => None,
    });
    let mut chooser = Chooser { config, holders, own: named.collect(), rng };
    let mut given = Given::default();
    if let Some(layout) = &layout {
        given.headless = layout.headless;
        given.families = Some((layout.policy, layout.families.clone()));
        for want in &layout.wants {
            if let Claim::ClusterIp(ip) = chooser.choose(want)? {
                given.ips.push(ip);
            }
        }
    }
    for want in &node_ports.ports {
        let number = match want {
            PortWant::As(twin) => given.node_ports.get(*twin).copied(),
            PortWant::Own(want) => number_of(chooser.choose(want)?),
        };
        given.node_ports.extend(number);
    }
    if let Some(want) = &node_ports.health_check {
        given.health_check = number_of(chooser.choose(want)?);
    }
    if let Some(number) = given.health_check.filter(|number| given.node_ports.contains(number)) {
        let problem =
            format!("{number} is the nodePort of one of the service's ports: choose another");
        return Err(invalid("spec.healthCheckNodePort", problem));
    }
    let claims = chooser.own;
    let before = stored.map(|stored| &stored.claims);
    let released = before.into_iter().flatten().filter(|claim| !claims.contains(claim)).copied();
    Ok(Plan {
        document: document::fill(new, &given, stored.map(|stored| &stored.document), birth),
        released: released.collect(),
        claims,
    })
}

fn number_of(claim: Claim) -> Option<u16> {
    match claim {
        Claim::NodePort(number) => Some(number),
        Claim::ClusterIp(_) => None,
    }
}

impl Plan {
    /// The transaction that carries it out, if all is as it was known. If it is not, the transaction
    /// reads the service and then each of [`Plan::claims`].
    pub(super) fn transaction(
        &self,
        id: &ServiceId,
        stored: Option<&Stored>,
        holders: &Holders,
    ) -> Result<Txn, Failure> {
        let key = Key::Service(id.clone()).to_string();
        let value = self.document.to_string().into_bytes();
        let mut txn = Txn::new()
            .when(match stored {
                Some(stored) => Compare::ModRevision(key.clone(), stored.revision),
                None => Compare::Absent(key.clone()),
            })
            .then(Op::put(key.clone(), value))
            .otherwise(Op::Get(key));
        let holder = id.to_string().into_bytes();
        for claim in &self.claims {
            let key = claim.key();
            txn = txn.otherwise(Op::Get(key.clone()));
            let kept = stored.is_some_and(|stored| stored.claims.contains(claim));
            let is_held = match holders.of(*claim) {
                Some(known) => *known == Holder::Itself,
                None => kept,
            };
            txn = if is_held {
                txn.when(Compare::Value(key, holder.clone()))
            } else {
                txn.when(Compare::Absent(key.clone())).then(Op::put(key, holder.clone()))
            };
        }
        let txn = self.released.iter().fold(txn, |txn, claim| txn.then(Op::Delete(claim.key())));
        if txn.compares.len() > MAX_OPS || txn.success.len() > MAX_OPS {
            let problem = format!(
                "{} node ports and addresses are given or freed at once: at most {} are, so make several services of it",
                self.claims.len() + self.released.len(),
                MAX_OPS - 1
            );
            return Err(invalid("spec.ports", problem));
        }
        Ok(txn)
    }
}
