//! What is wrong with the node and its cluster: the facts that only the daemon knows, for the checks of
//! [`pontoon_doctor`].
//!
//! | module | its one job |
//! | --- | --- |
//! | `setup` | what Pontoon is set up as |
//! | `state` | what the kernel and the store hold against what they should |
//! | `store` | whether the store is well |

mod setup;
mod state;
mod store;

use std::sync::Arc;

use pontoon_doctor::facts::HELD;
use pontoon_doctor::facts::cluster::Cluster;
use pontoon_doctor::facts::daemon::Daemon;
use pontoon_doctor::{CHECKS, Examiner, Facts, Report, Root, examine};
use pontoon_store::Store;
use tokio::sync::{Mutex, watch};

use crate::attach::Attacher;
use crate::config::Settings;
use crate::firewall::keeper::FirewallKeeper;
use crate::lease::Identity;
use crate::situation::Situation;

/// What an examination needs of the daemon.
pub struct Doctor {
    /// Who the node is.
    pub me: Identity,
    /// What a person set.
    pub settings: Settings,
    /// The store.
    pub store: Arc<dyn Store>,
    /// The pods.
    pub attacher: Arc<Attacher>,
    /// Our tables.
    pub firewall: Arc<FirewallKeeper>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// What the daemon complains of.
    pub problems: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// Who asks while somebody else's examination goes on waits for its end.
    pub turn: Mutex<()>,
}

impl Doctor {
    /// Looks at everything. Nothing is changed.
    pub async fn examine(&self) -> Report {
        let _turn = self.turn.lock().await;
        let setup = setup::of(&self.me, &self.settings, &self.situation.borrow());
        let gathering = tokio::task::spawn_blocking(move || Facts::gather(&Root::default(), setup));
        let (gathered, store, state) =
            tokio::join!(gathering, store::ask(self), state::compare(self));
        let mut facts = gathered.unwrap_or_else(|error| {
            let mut facts = Facts::default();
            let checks: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
            facts.gaps.note("this host", error, &checks);
            facts
        });
        if store.etcd && store.clock_ahead.is_none() {
            let why =
                if store.away.is_some() { "the store does not answer" } else { "it does not tell" };
            facts.gaps.note("the store's clock", why, &["clock"]);
        }
        if state.is_none() {
            let why = "pontoond has planned nothing yet, or cannot read the kernel";
            facts.gaps.note(HELD.0, why, HELD.1);
        }
        facts.store = Some(store);
        facts.state = state;
        facts.cluster = Some(self.cluster());
        facts.daemon = Daemon {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            problems: (self.problems)(),
            ..Daemon::default()
        };
        examine(&facts, Examiner::Daemon, env!("CARGO_PKG_VERSION"))
    }

    fn cluster(&self) -> Cluster {
        let view = Arc::clone(&self.situation.borrow().view);
        Cluster {
            me: self.me.name.to_string(),
            machine_id: self.me.machine_id.clone(),
            nodes: view.nodes.values().map(|known| known.value.clone()).collect(),
            alive: view.alive.keys().map(ToString::to_string).collect(),
        }
    }
}
