//! What the kernel and the store hold against what they should. What is being mended at this moment is
//! no finding: a difference counts when it is there at every look.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use pontoon_doctor::facts::state::{Difference, Pod, State};
use pontoon_model::kernel::TABLES;
use pontoon_model::key::Key;
use pontoon_model::name::PodId;
use pontoon_netlink::nft::Nft;
use pontoon_netlink::{Netns, Op, Rtnl};
use pontoon_proxy::Proxy;
use tracing::debug;

use super::Doctor;
use crate::attach::record::{NetnsIdentity, Record};
use crate::firewall::keeper::FirewallKeeper;
use crate::names::{self, BRIDGE};
use crate::network::{Network, actual, plan};

/// How often it is looked; the controller tries again what failed after 2 s.
const LOOKS: usize = 4;
const BETWEEN: Duration = Duration::from_millis(800);

/// `None` when nothing is planned yet, or the kernel cannot be read.
pub(super) async fn compare(doctor: &Doctor) -> Option<State> {
    let mut lasting = look(doctor).await?;
    for _ in 1..LOOKS {
        if is_empty(&lasting) {
            break;
        }
        tokio::time::sleep(BETWEEN).await;
        lasting = common(lasting, &look(doctor).await?);
    }
    Some(lasting)
}

async fn look(doctor: &Doctor) -> Option<State> {
    let now = doctor.situation.borrow().clone();
    let planned = now.planned.filter(|_| now.networked)?;
    let (attacher, firewall) = (Arc::clone(&doctor.attacher), Arc::clone(&doctor.firewall));
    let looked = tokio::task::spawn_blocking(move || {
        // A pod's record is written before the kernel is touched: read behind it, it is there.
        let kernel = read(&planned, &firewall)?;
        Ok::<_, String>((kernel, attacher.records()))
    });
    let (mut state, records) = match looked.await {
        Ok(Ok((kernel, records))) => (kernel.state(&records), records),
        Ok(Err(error)) => {
            debug!(error, "cannot compare the kernel with the plan");
            return None;
        }
        Err(error) => {
            debug!(%error, "cannot compare the kernel with the plan");
            return None;
        }
    };
    if now.connected {
        let here: BTreeSet<&PodId> = records.iter().map(|record| &record.pod).collect();
        let stored: BTreeSet<PodId> =
            now.view.own_pods.keys().filter_map(|key| pod_of(key)).collect();
        let missing = |pod: &&PodId| !stored.contains(*pod);
        state.unpublished =
            here.iter().filter(|pod| missing(pod)).map(ToString::to_string).collect();
        state.unknown =
            stored.iter().filter(|pod| !here.contains(*pod)).map(ToString::to_string).collect();
    }
    Some(state)
}

/// What the kernel has.
struct Kernel {
    network: Vec<Difference>,
    tables: Vec<String>,
    dormant: Vec<String>,
    /// Permanent neighbours on the bridge.
    neighbours: Vec<IpAddr>,
}

fn read(planned: &Network, firewall: &FirewallKeeper) -> Result<Kernel, String> {
    let mut rtnl = Rtnl::open().map_err(|e| e.to_string())?;
    let found = actual::read(&mut rtnl).map_err(|e| e.to_string())?;
    let ops = plan::plan(planned, &found).map_err(|e| e.to_string())?;
    let network = ops
        .iter()
        .map(|op| Difference {
            op: op.to_string(),
            stale_neighbour: matches!(op, Op::DeleteNeighbour { .. } | Op::DeleteFdb(_)),
        })
        .collect();
    let differing = firewall.differing().map_err(|e| e.to_string())?;
    let mut tables: Vec<String> = differing.iter().map(|table| format!("table {table}")).collect();
    let mut proxy = Proxy::open(BRIDGE).map_err(|e| e.to_string())?;
    if !proxy.is_intact().map_err(|e| e.to_string())? {
        tables.push(format!("table {}", pontoon_proxy::layout::TABLE));
    }
    let dormant = Nft::open().map_err(|e| e.to_string())?.list_dormant_tables();
    let dormant = dormant.map_err(|e| e.to_string())?.into_iter();
    let dormant = dormant.filter(|table| TABLES.contains(&table.name.as_ref()));
    let bridge = names::bridge().map_err(|e| e.to_string())?;
    let neighbours = rtnl.neighbours(bridge).map_err(|e| e.to_string())?;
    let permanent = neighbours.into_iter().filter(|neighbour| neighbour.permanent);
    Ok(Kernel {
        network,
        tables,
        dormant: dormant.map(|table| table.to_string()).collect(),
        neighbours: permanent.map(|n| n.ip).collect(),
    })
}

impl Kernel {
    fn state(self, records: &[Record]) -> State {
        let known: BTreeSet<IpAddr> = records.iter().flat_map(Record::addresses).collect();
        let strays = self.neighbours.into_iter().filter(|ip| !known.contains(ip)).collect();
        let pods = records.iter().map(of_record).collect();
        let Self { network, tables, dormant, .. } = self;
        State { network, tables, dormant, pods, strays, ..State::default() }
    }
}

fn of_record(record: &Record) -> Pod {
    let path = &record.spec.netns;
    let gone = match Netns::open(path) {
        Ok(netns) => {
            let id = netns.id();
            (record.netns != NetnsIdentity { dev: id.dev, ino: id.ino })
                .then(|| "another namespace is there".to_owned())
        }
        Err(error) if error.is_gone() => Some("nothing is there".to_owned()),
        // It cannot be told.
        Err(_) => None,
    };
    Pod {
        name: record.pod.to_string(),
        attachment: record.id().to_string(),
        addresses: record.addresses().collect(),
        netns: path.display().to_string(),
        gone,
        host_end: record.attached.host_interface.name.to_string(),
        pod_end: record.attached.pod_interface.name.to_string(),
    }
}

fn pod_of(key: &str) -> Option<PodId> {
    match key.parse() {
        Ok(Key::Pod(_, pod)) => Some(pod),
        _ => None,
    }
}

fn is_empty(state: &State) -> bool {
    let State { network, tables, dormant, pods, strays, unknown, unpublished } = state;
    network.is_empty()
        && tables.is_empty()
        && dormant.is_empty()
        && pods.iter().all(|pod| pod.gone.is_none())
        && strays.is_empty()
        && unknown.is_empty()
        && unpublished.is_empty()
}

/// What both looks found.
fn common(before: State, after: &State) -> State {
    fn both<T: PartialEq>(before: Vec<T>, after: &[T]) -> Vec<T> {
        before.into_iter().filter(|item| after.contains(item)).collect()
    }
    State {
        network: both(before.network, &after.network),
        tables: both(before.tables, &after.tables),
        dormant: both(before.dormant, &after.dormant),
        pods: both(before.pods, &after.pods),
        strays: both(before.strays, &after.strays),
        unknown: both(before.unknown, &after.unknown),
        unpublished: both(before.unpublished, &after.unpublished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(op: &str) -> Difference {
        Difference { op: op.to_owned(), stale_neighbour: false }
    }

    #[test]
    fn what_is_mended_between_two_looks_does_not_count() {
        let before = State {
            network: vec![difference("a"), difference("b")],
            unknown: vec!["default/web".to_owned()],
            ..State::default()
        };
        let after = State { network: vec![difference("b"), difference("c")], ..State::default() };
        let lasting = common(before, &after);
        assert_eq!(lasting, State { network: vec![difference("b")], ..State::default() });
        assert!(!is_empty(&lasting) && is_empty(&State::default()));
    }

    #[test]
    fn every_expression_that_our_tables_use_is_tried_where_the_daemon_does_not_start() {
        let tried = pontoon_doctor::facts::features::tried();
        let tables = crate::firewall::ruleset::tables();
        let own = tables.iter().flat_map(|table| table.rules.clone());
        let layout = pontoon_proxy::layout::rules(BRIDGE);
        for rule in own.chain(layout) {
            for expr in &rule.exprs {
                assert!(tried.contains(&expr.name()), "{} is not tried", expr.name());
            }
        }
    }
}
