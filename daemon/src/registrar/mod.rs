//! Keeps what the store says of this node true: its record, its subnets, its pods.

pub mod step;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::node::NodeRecord;
use pontoon_store::Store;
use pontoon_store::backoff::Backoff;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::config::ClusterSettings;
use crate::lease::Identity;
use crate::view::ClusterView;
use step::{Refusal, Step, Want};

/// What the registrar looks at; whoever learns something new sends a new one.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The cluster as the store has it.
    pub view: Arc<ClusterView>,
    /// Whether that is the store's own word, not a snapshot's.
    pub connected: bool,
    /// The node's record, once its underlay is known.
    pub node: Option<NodeRecord>,
    /// The subnets that the node holds.
    pub held: Vec<IpNetwork>,
    /// How many subnets of a family the node needs.
    pub needed: BTreeMap<Family, usize>,
    /// The cluster's configuration as last known.
    pub remembered: Option<ClusterConfig>,
}

/// What stands in the way of the node's registration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obstacle {
    /// In words; `None` when nothing does.
    pub problem: Option<String>,
    /// Whether a daemon that starts should stop for it.
    pub fatal: bool,
}

/// A view that does not follow our own write within this time is worked with as it is.
const VIEW_TIMEOUT: Duration = Duration::from_secs(5);
/// The time in which the view shows what somebody else wrote before us; it may do so already.
const QUICKER_TIMEOUT: Duration = Duration::from_millis(250);

/// Writes what has to be written, for ever.
pub async fn run(
    store: Arc<dyn Store>,
    me: Identity,
    mut cluster: ClusterSettings,
    mut inputs: watch::Receiver<Input>,
    obstacles: watch::Sender<Obstacle>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        let input = inputs.borrow_and_update().clone();
        let outcome = if input.connected {
            advance(&*store, &me, &cluster, &input, &mut inputs).await
        } else {
            Ok(Progress::Settled)
        };
        match outcome {
            Ok(Progress::Settled) => {
                tell(&obstacles, Obstacle::default());
                backoff.reset();
                if input.connected && input.view.nodes.contains_key(&me.name) {
                    // What a node's file says of the cluster matters when it joins. The cluster may
                    // be changed later, and then this node follows.
                    cluster = ClusterSettings::default();
                }
                if inputs.changed().await.is_err() {
                    return;
                }
            }
            Ok(Progress::Wrote) => backoff.reset(),
            Err(obstacle) => {
                tell(&obstacles, obstacle);
                let _ = tokio::time::timeout(backoff.delay(), inputs.changed()).await;
            }
        }
    }
}

enum Progress {
    Settled,
    Wrote,
}

async fn advance(
    store: &dyn Store,
    me: &Identity,
    cluster: &ClusterSettings,
    input: &Input,
    inputs: &mut watch::Receiver<Input>,
) -> Result<Progress, Obstacle> {
    let want = Want {
        me,
        cluster,
        remembered: input.remembered.as_ref(),
        node: input.node.as_ref(),
        held: &input.held,
        needed: &input.needed,
    };
    let step = step::next(&input.view, &want).map_err(|refusal| refused(&refusal))?;
    let store_failed =
        |error: &dyn std::fmt::Display| Obstacle { problem: Some(error.to_string()), fatal: false };
    let Some(txn) = step.transaction(me).map_err(|e| store_failed(&e))? else {
        return Ok(Progress::Settled);
    };
    let outcome = store.txn(txn).await.map_err(|e| store_failed(&e))?;
    if outcome.succeeded {
        announce(&step);
    }
    // The next step is decided from a view that holds this one, or whoever was quicker.
    if outcome.succeeded {
        let seen = inputs.wait_for(|i| i.view.revision >= outcome.revision.0 || !i.connected);
        let _ = tokio::time::timeout(VIEW_TIMEOUT, seen).await;
    } else {
        // The revision of a refusal may be a stranger's in the same etcd, and never come.
        let _ = tokio::time::timeout(QUICKER_TIMEOUT, inputs.changed()).await;
    }
    Ok(Progress::Wrote)
}

fn refused(refusal: &Refusal) -> Obstacle {
    Obstacle { problem: Some(refusal.to_string()), fatal: refusal.stops_start() }
}

fn announce(step: &Step) {
    match step {
        Step::Settled => {}
        Step::CreateConfig(config) => {
            let config = serde_json::to_string(config).unwrap_or_default();
            info!(config, "founded the cluster");
        }
        Step::CreateNode(record) => info!(underlay = %record.underlay, "joined the cluster"),
        Step::UpdateNode(record, _) => {
            info!(underlay = %record.underlay, "updated this node's record")
        }
        Step::Claim(subnets, _) => {
            let subnets: Vec<String> = subnets.iter().map(ToString::to_string).collect();
            info!(subnets = subnets.join(" "), "leased");
        }
    }
}

fn tell(obstacles: &watch::Sender<Obstacle>, obstacle: Obstacle) {
    obstacles.send_if_modified(|current| {
        if *current == obstacle {
            return false;
        }
        if let Some(problem) = &obstacle.problem {
            warn!(problem, "cannot register this node");
        }
        *current = obstacle;
        true
    });
}
