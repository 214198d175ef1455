//! What this node has to write into the store next: decided from what is there.

use std::collections::BTreeMap;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::key::Key;
use pontoon_model::name::NodeName;
use pontoon_model::node::NodeRecord;
use pontoon_model::subnet::SubnetRecord;
use pontoon_store::{Compare, Op, Revision, Txn};

use crate::config::ClusterSettings;
use crate::lease::{self, Identity, LeaseError, LeaseView};
use crate::view::ClusterView;

/// What the node wants the store to say.
#[derive(Debug)]
pub struct Want<'a> {
    /// Who it is.
    pub me: &'a Identity,
    /// What its configuration says of the cluster.
    pub cluster: &'a ClusterSettings,
    /// The cluster's configuration as it was before the store lost it.
    pub remembered: Option<&'a ClusterConfig>,
    /// Its record, once it knows its underlay.
    pub node: Option<&'a NodeRecord>,
    /// The subnets that it holds: in its kernel, whatever the store says.
    pub held: &'a [IpNetwork],
    /// How many subnets of a family it needs, when that is more than one.
    pub needed: &'a BTreeMap<Family, usize>,
}

/// The next thing to write.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing.
    Settled,
    /// The cluster has no configuration: give it one.
    CreateConfig(ClusterConfig),
    /// The node is new.
    CreateNode(NodeRecord),
    /// The node's record has changed since the revision.
    UpdateNode(NodeRecord, u64),
    /// Subnets to lease, all or none, while the node's record stands at the revision.
    Claim(Vec<IpNetwork>, u64),
}

/// Why the node cannot be part of the cluster as things are.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Refusal {
    /// The file and the cluster say different things.
    #[error(
        "this node's configuration disagrees with the cluster's: {}; change the file, or leave the keys out to follow the cluster",
        .0.join("; ")
    )]
    Disagrees(Vec<String>),
    /// The configuration in the store cannot be used.
    #[error("the cluster's configuration in the store cannot be used: {0}")]
    BadConfig(String),
    /// Another machine has the name.
    #[error(
        "node name {name} belongs to machine {theirs}, this is machine {mine}: give this host another name (node.name), or, if the other host is gone for good, run `pontoon node remove {name}` first"
    )]
    NameTaken {
        /// The name.
        name: NodeName,
        /// This host's machine id.
        mine: String,
        /// The holder's.
        theirs: String,
    },
    /// A subnet with our pods in it was given to another node.
    #[error(
        "subnet {subnet} of this node now belongs to node {owner}: pods in it must be moved; stop them, then restart pontoond"
    )]
    SubnetLost {
        /// The subnet.
        subnet: IpNetwork,
        /// Who has it.
        owner: NodeName,
    },
    /// No subnet is left.
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

impl Refusal {
    /// Whether a daemon that starts should stop for it: a person has to change something on this
    /// host first. The others may pass while the daemon waits.
    #[must_use]
    pub fn stops_start(&self) -> bool {
        matches!(self, Self::Disagrees(_) | Self::NameTaken { .. })
    }
}

/// Decides what to write next.
///
/// # Errors
/// When nothing that this node may write would help.
pub fn next(view: &ClusterView, want: &Want<'_>) -> Result<Step, Refusal> {
    let Some(config) = view.config.as_ref().map(|known| &known.value) else {
        if let Some(problem) = view.rejected.get("config") {
            return Err(Refusal::BadConfig(problem.clone()));
        }
        let base =
            want.remembered.cloned().unwrap_or_else(|| want.cluster.over(ClusterConfig::default()));
        return Ok(Step::CreateConfig(base));
    };
    let disagreements = want.cluster.disagreements(config);
    if !disagreements.is_empty() {
        return Err(Refusal::Disagrees(disagreements));
    }
    let Some(record) = want.node else { return Ok(Step::Settled) };
    let modified = match view.nodes.get(&want.me.name) {
        None => return Ok(Step::CreateNode(record.clone())),
        Some(known) if known.value.machine_id != want.me.machine_id => {
            return Err(Refusal::NameTaken {
                name: want.me.name.clone(),
                mine: want.me.machine_id.clone(),
                theirs: known.value.machine_id.clone(),
            });
        }
        Some(known) if known.value != *record => {
            return Ok(Step::UpdateNode(record.clone(), known.modified));
        }
        Some(known) => known.modified,
    };
    let claims = claims(view, config, want)?;
    if !claims.is_empty() {
        return Ok(Step::Claim(claims, modified));
    }
    match lost(view, want) {
        Some(refusal) => Err(refusal),
        None => Ok(Step::Settled),
    }
}

fn claims(
    view: &ClusterView,
    config: &ClusterConfig,
    want: &Want<'_>,
) -> Result<Vec<IpNetwork>, Refusal> {
    let mut taken = view.taken();
    let mut claims = Vec::new();
    let mut claim = |net: IpNetwork, taken: &mut BTreeMap<IpNetwork, SubnetRecord>| {
        taken.insert(net, want.me.subnet_record());
        claims.push(net);
    };
    // A store that was wiped gets back what is in use.
    for net in want.held {
        let free = !taken.keys().any(|other| cidr::overlap(*other, *net));
        if free && config.pod_cidrs.iter().any(|range| cidr::contains(*range, *net)) {
            claim(*net, &mut taken);
        }
    }
    for family in config.pod_cidrs.iter().map(|range| Family::of_network(*range)) {
        let needed = want.needed.get(&family).copied().unwrap_or(1);
        loop {
            let view = LeaseView { config, taken: &taken, held: want.held };
            let have = lease::owned(&view, want.me)
                .into_iter()
                .filter(|n| Family::of_network(*n) == family)
                .count();
            if have >= needed {
                break;
            }
            match lease::candidate(&view, want.me, family)? {
                Some(net) => claim(net, &mut taken),
                None => break,
            }
        }
    }
    Ok(claims)
}

fn lost(view: &ClusterView, want: &Want<'_>) -> Option<Refusal> {
    let mine = want.me.subnet_record();
    want.held.iter().find_map(|net| {
        let owner = view.owner(*net).filter(|owner| **owner != mine)?;
        Some(Refusal::SubnetLost { subnet: *net, owner: owner.node.clone() })
    })
}

impl Step {
    /// The transaction that carries the step out, if nobody else was quicker.
    ///
    /// # Errors
    /// When a value cannot be written as JSON, which no value of ours is.
    pub fn transaction(&self, me: &Identity) -> serde_json::Result<Option<Txn>> {
        let node_key = || Key::Node(me.name.clone()).to_string();
        Ok(Some(match self {
            Self::Settled => return Ok(None),
            Self::CreateConfig(config) => create(Key::Config, serde_json::to_vec(config)?),
            Self::CreateNode(record) => {
                create(Key::Node(me.name.clone()), serde_json::to_vec(record)?)
            }
            Self::UpdateNode(record, modified) => Txn::new()
                .when(Compare::ModRevision(node_key(), Revision(*modified)))
                .then(Op::put(node_key(), serde_json::to_vec(record)?)),
            Self::Claim(subnets, modified) => {
                let value = serde_json::to_vec(&me.subnet_record())?;
                let txn = Txn::new().when(Compare::ModRevision(node_key(), Revision(*modified)));
                subnets.iter().fold(txn, |txn, net| {
                    let key = Key::Subnet(*net).to_string();
                    txn.when(Compare::Absent(key.clone())).then(Op::put(key, value.clone()))
                })
            }
        }))
    }
}

fn create(key: Key, value: Vec<u8>) -> Txn {
    Txn::new().when(Compare::Absent(key.to_string())).then(Op::put(key.to_string(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Known;

    fn me() -> Identity {
        Identity { name: "me".parse().unwrap(), machine_id: "m-me".into() }
    }

    fn record(name: &str, machine: &str) -> NodeRecord {
        NodeRecord {
            name: name.parse().unwrap(),
            machine_id: machine.into(),
            underlay: "192.0.2.1".parse().unwrap(),
            addresses: vec!["192.0.2.1".parse().unwrap()],
            vxlan_mac: "02:00:00:00:00:01".parse().unwrap(),
            zone: None,
            version: "0".into(),
        }
    }

    fn known<T>(value: T) -> Known<T> {
        Known { value, created: 3, modified: 7 }
    }

    #[derive(Default)]
    struct Case {
        view: ClusterView,
        cluster: ClusterSettings,
        held: Vec<IpNetwork>,
        needed: BTreeMap<Family, usize>,
        remembered: Option<ClusterConfig>,
    }

    impl Case {
        fn joined() -> Self {
            let mut case = Self::default();
            case.view.config = Some(known(ClusterConfig::default()));
            case.view.nodes.insert("me".parse().unwrap(), known(record("me", "m-me")));
            case
        }

        fn own(mut self, net: &str, node: &str) -> Self {
            let owner =
                SubnetRecord { node: node.parse().unwrap(), machine_id: format!("m-{node}") };
            self.view.subnets.insert(net.parse().unwrap(), known(owner));
            self
        }

        fn hold(mut self, net: &str) -> Self {
            self.held.push(net.parse().unwrap());
            self
        }

        fn next(&self) -> Result<Step, Refusal> {
            let want = Want {
                me: &me(),
                cluster: &self.cluster,
                remembered: self.remembered.as_ref(),
                node: Some(&record("me", "m-me")),
                held: &self.held,
                needed: &self.needed,
            };
            next(&self.view, &want)
        }
    }

    #[test]
    fn the_first_daemon_founds_the_cluster() {
        let mut case = Case::default();
        case.cluster.backend = Some(pontoon_model::cluster::BackendKind::HostGw);
        let Ok(Step::CreateConfig(config)) = case.next() else { panic!() };
        assert_eq!(config.backend.kind, pontoon_model::cluster::BackendKind::HostGw);
    }

    #[test]
    fn a_wiped_store_gets_back_what_was_in_use() {
        let wiped = Case {
            remembered: Some(ClusterConfig { cluster_domain: "x.y".into(), ..Default::default() }),
            ..Case::default()
        };
        assert_eq!(wiped.next(), Ok(Step::CreateConfig(wiped.remembered.clone().unwrap())));
        let case = Case::joined().hold("10.244.7.0/24").hold("10.244.9.0/24");
        assert_eq!(case.next(), Ok(Step::Claim(case.held.clone(), 7)));
    }

    #[test]
    fn a_settled_node_writes_nothing() {
        let case = Case::joined().own("10.244.7.0/24", "me").hold("10.244.7.0/24");
        assert_eq!(case.next(), Ok(Step::Settled));
    }

    #[test]
    fn a_changed_record_is_written_over_the_one_that_was_seen() {
        let mut case = Case::joined();
        case.view.nodes.get_mut(&me().name).unwrap().value.underlay = "192.0.2.99".parse().unwrap();
        assert_eq!(case.next(), Ok(Step::UpdateNode(record("me", "m-me"), 7)));
    }

    #[test]
    fn a_full_node_claims_a_further_subnet() {
        let mut case = Case::joined().own("10.244.7.0/24", "me").hold("10.244.7.0/24");
        case.needed.insert(Family::V4, 2);
        let Ok(Step::Claim(nets, 7)) = case.next() else { panic!() };
        assert_eq!(nets.len(), 1);
        assert_ne!(nets[0].to_string(), "10.244.7.0/24");
    }

    #[test]
    fn refusals_say_what_to_do() {
        let mut twin = Case::joined();
        twin.view.nodes.insert("me".parse().unwrap(), known(record("me", "m-other")));
        let said = twin.next().unwrap_err();
        assert!(
            said.stops_start() && said.to_string().contains("pontoon node remove me"),
            "{said}"
        );

        let mut other = Case::joined();
        other.cluster.vxlan_port = Some(4789);
        let said = other.next().unwrap_err();
        assert!(said.stops_start() && said.to_string().contains("cluster.vxlan-port"), "{said}");

        let lost = Case::joined()
            .own("10.244.7.0/24", "thief")
            .own("10.244.8.0/24", "me")
            .hold("10.244.7.0/24");
        let said = lost.next().unwrap_err();
        assert!(
            !said.stops_start() && said.to_string().contains("belongs to node thief"),
            "{said}"
        );
    }
}
