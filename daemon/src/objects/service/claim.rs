//! What a service holds alone in the whole cluster: keys `cluster-ips/` and `node-ports/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use pontoon_model::key::Key;
use pontoon_model::service::{Service, ServiceId};
use pontoon_store::KeyValue;

/// Something that one service at the most holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Claim {
    ClusterIp(IpAddr),
    /// Whatever the protocol: a service has one number for TCP and UDP.
    NodePort(u16),
}

impl Claim {
    pub(super) fn key(self) -> String {
        match self {
            Self::ClusterIp(ip) => Key::ClusterIp(ip).to_string(),
            Self::NodePort(port) => Key::NodePort(port).to_string(),
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        match key.parse() {
            Ok(Key::ClusterIp(ip)) => Some(Self::ClusterIp(ip)),
            Ok(Key::NodePort(port)) => Some(Self::NodePort(port)),
            _ => None,
        }
    }

    /// Everything that a service with allocations holds.
    pub(crate) fn all_of(service: &Service) -> BTreeSet<Self> {
        let ips = service.cluster_ips.iter().copied().map(Self::ClusterIp);
        let ports = service.ports.iter().filter_map(|port| port.node_port);
        ips.chain(ports.chain(service.health_check_node_port).map(Self::NodePort)).collect()
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterIp(ip) => write!(f, "cluster IP {ip}"),
            Self::NodePort(port) => write!(f, "node port {port}"),
        }
    }
}

/// Whom a claim was found with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    /// The service in question.
    Itself,
    Other(String),
}

/// What the store has said of claims, so far. It may have changed since; the transaction decides.
#[derive(Debug, Default)]
pub(super) struct Holders {
    known: BTreeMap<Claim, Holder>,
}

impl Holders {
    pub(super) fn of(&self, claim: Claim) -> Option<&Holder> {
        self.known.get(&claim)
    }

    pub(super) fn is_free(&self, claim: Claim) -> bool {
        !matches!(self.known.get(&claim), Some(Holder::Other(_)))
    }

    pub(super) fn learn(&mut self, claim: Claim, found: Option<&KeyValue>, me: &ServiceId) {
        let holder = match found {
            None => Holder::Nobody,
            Some(item) if item.value == me.to_string().as_bytes() => Holder::Itself,
            Some(item) => Holder::Other(String::from_utf8_lossy(&item.value).into_owned()),
        };
        self.known.insert(claim, holder);
    }

    /// Takes in listings of all claims.
    pub(super) fn learn_all(&mut self, items: &[KeyValue], me: &ServiceId) {
        self.known.clear();
        for item in items {
            if let Some(claim) = Claim::of_key(&item.key) {
                self.learn(claim, Some(item), me);
            }
        }
    }

    pub(super) fn own(&self) -> BTreeSet<Claim> {
        let own = self.known.iter().filter(|(_, holder)| **holder == Holder::Itself);
        own.map(|(claim, _)| *claim).collect()
    }
}
