//! Where what a service is to hold comes from.

use std::collections::BTreeSet;

use pontoon_model::api::{Code, Failure};
use pontoon_model::cidr::Family;
use pontoon_model::cluster::ClusterConfig;
use rand::Rng;

use super::claim::{Claim, Holder, Holders};
use super::pick;

/// One thing that a service is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// It has it already.
    Kept(Claim),
    /// Somebody wrote it, at this path.
    Fixed(Claim, String),
    /// Whatever is free.
    Any(Pool),
}

/// From where things are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pool {
    ClusterIp(Family),
    NodePort,
}

/// Turns wants into claims, as far as is known whose they are.
pub(super) struct Chooser<'a, R> {
    pub(super) config: &'a ClusterConfig,
    pub(super) holders: &'a Holders,
    /// What the service has been given so far, and what it names.
    pub(super) own: BTreeSet<Claim>,
    pub(super) rng: &'a mut R,
}

impl<R: Rng> Chooser<'_, R> {
    pub(super) fn choose(&mut self, want: &Want) -> Result<Claim, Failure> {
        let claim = match want {
            Want::Kept(claim) => self.unless_held(*claim, None)?,
            Want::Fixed(claim, path) => self.unless_held(*claim, Some(path))?,
            Want::Any(pool) => self.any(*pool).ok_or_else(|| self.exhausted(*pool))?,
        };
        self.own.insert(claim);
        Ok(claim)
    }

    fn unless_held(&self, claim: Claim, path: Option<&str>) -> Result<Claim, Failure> {
        let Some(Holder::Other(other)) = self.holders.of(claim) else { return Ok(claim) };
        let at = path.map(|path| format!("{path}: ")).unwrap_or_default();
        Err(Failure::new(
            Code::Conflict,
            format!("{at}{claim} is held by service {other}"),
            "choose another, or leave the field out and get one that is free",
        ))
    }

    fn any(&mut self, pool: Pool) -> Option<Claim> {
        let (own, holders) = (&self.own, self.holders);
        let is_free = |claim: Claim| !own.contains(&claim) && holders.is_free(claim);
        match pool {
            Pool::ClusterIp(family) => {
                let mut ranges = self.config.service_cidrs.iter().copied();
                let range = ranges.find(|range| Family::of_network(*range) == family)?;
                let dns = self.config.dns_addresses();
                let is_free = |ip| !dns.contains(&ip) && is_free(Claim::ClusterIp(ip));
                pick::address(range, is_free, self.rng).map(Claim::ClusterIp)
            }
            Pool::NodePort => {
                let is_free = |port| is_free(Claim::NodePort(port));
                pick::port(self.config.node_port_range, is_free, self.rng).map(Claim::NodePort)
            }
        }
    }

    fn exhausted(&self, pool: Pool) -> Failure {
        let (what, cure) = match pool {
            Pool::ClusterIp(family) => (
                format!("no {family} cluster IP is free in the cluster's service CIDR"),
                "delete services that are not needed; cluster.service-cidrs is the range",
            ),
            Pool::NodePort => (
                format!("no node port is free in {}", self.config.node_port_range),
                "delete services that are not needed; cluster.node-port-range is the range",
            ),
        };
        Failure::new(Code::Conflict, what, cure)
    }
}
