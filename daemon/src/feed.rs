//! Follows the store once, and hands each part of the daemon what concerns it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pontoon_model::key::{ALIVE, ENDPOINT_SLICES, Key, NAMESPACES, NODES, PODS, SERVICES, TRACES};
use pontoon_model::name::NodeName;
use pontoon_store::{Event, KeyValue, Mirror, Revision, Store, Update};
use tokio::sync::{broadcast, mpsc};

/// What is kept for a watch that is slow; it lists again when it missed something.
const KEPT: usize = 256;

/// What the parts read from.
#[derive(Debug)]
pub struct Feeds {
    /// For the controller: the cluster, its nodes and subnets, and this node's pods.
    pub topology: mpsc::UnboundedReceiver<Update>,
    /// For services and names: services, endpoint slices, namespaces, all pods, nodes and who is alive, and the cluster's
    /// configuration, by which a wiped store is known.
    pub services: mpsc::UnboundedReceiver<Update>,
    /// For whoever looks for packets: which, and what others see of them.
    pub traces: mpsc::UnboundedReceiver<KeyValue>,
    /// For whoever watches over the API: everything.
    pub changes: Changes,
    /// What was heard.
    pub figures: Arc<Figures>,
}

/// What was heard of the store, and what of it waits.
#[derive(Debug)]
pub struct Figures {
    /// Since when nothing was heard; `None` while the store is followed.
    lost: Mutex<Option<Instant>>,
    revision: AtomicU64,
    /// Updates that wait for the controller.
    pub topology: AtomicU64,
    /// Updates that wait for the services.
    pub services: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            lost: Mutex::new(Some(Instant::now())),
            revision: AtomicU64::default(),
            topology: AtomicU64::default(),
            services: AtomicU64::default(),
        }
    }
}

impl Figures {
    fn hear(&self, update: &Update) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        match update {
            Update::Lost { .. } => drop(lost.get_or_insert_with(Instant::now)),
            Update::Snapshot { revision, .. }
            | Update::Changes { revision, .. }
            | Update::Progress { revision } => {
                *lost = None;
                self.revision.store(revision.0, Ordering::Relaxed);
            }
        }
    }

    /// Whether the store is followed.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// How old the knowledge of the store is; nothing while it is followed.
    #[must_use]
    pub fn staleness(&self) -> Duration {
        let lost = *self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The last revision that was heard of.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Relaxed)
    }

    /// How many updates wait, by the part of the daemon that they wait for.
    #[must_use]
    pub fn waiting(&self) -> [(&'static str, u64); 2] {
        [("controller", &self.topology), ("services", &self.services)]
            .map(|(part, waiting)| (part, waiting.load(Ordering::Relaxed)))
    }
}

/// Tells everything that happens in the store to whoever listens.
#[derive(Debug, Clone)]
pub struct Changes(broadcast::Sender<Notice>);

/// Something happened in the store.
#[derive(Debug, Clone)]
pub enum Notice {
    /// These changes, which lead to this revision.
    Changes {
        /// The revision.
        revision: Revision,
        /// The changes, oldest first.
        events: Arc<[Event]>,
    },
    /// Nothing up to this revision.
    Progress(Revision),
    /// More than can be told, perhaps: list again.
    Relist,
}

impl Changes {
    /// One that has told nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    /// Listens from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.0.subscribe()
    }

    /// Tells what there is to tell of an update. When nobody listens it costs nothing.
    pub fn tell(&self, update: &Update) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let notice = match update {
            Update::Snapshot { .. } => Notice::Relist,
            Update::Changes { revision, events } => {
                Notice::Changes { revision: *revision, events: events.as_slice().into() }
            }
            Update::Progress { revision } => Notice::Progress(*revision),
            Update::Lost { .. } => return,
        };
        // The last listener may just have gone.
        let _ = self.0.send(notice);
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}

/// Begins to follow the store. Must be called within a tokio runtime.
#[must_use]
pub fn follow(store: Arc<dyn Store>, me: &NodeName) -> Feeds {
    let (to_topology, topology) = mpsc::unbounded_channel();
    let (to_services, services) = mpsc::unbounded_channel();
    let (to_traces, traces) = mpsc::unbounded_channel();
    let (changes, figures) = (Changes::new(), Arc::new(Figures::default()));
    let (to_watches, heard) = (changes.clone(), Arc::clone(&figures));
    let splitter = Splitter { own_pods: format!("{PODS}{me}/") };
    tokio::spawn(async move {
        let mut mirror = Mirror::follow(store, "");
        while let Some(update) = mirror.next().await {
            heard.hear(&update);
            to_watches.tell(&update);
            // Nobody need look for packets.
            of_traces(&update).for_each(|item| drop(to_traces.send(item.clone())));
            let (for_topology, for_services) = splitter.split(update);
            // Services first: nobody waits longer for routes than for the next packet.
            heard.services.fetch_add(u64::from(for_services.is_some()), Ordering::Relaxed);
            heard.topology.fetch_add(u64::from(for_topology.is_some()), Ordering::Relaxed);
            let wanted = for_services.is_none_or(|update| to_services.send(update).is_ok())
                | for_topology.is_none_or(|update| to_topology.send(update).is_ok());
            if !wanted {
                return;
            }
        }
    });
    Feeds { topology, services, traces, changes, figures }
}

struct Splitter {
    own_pods: String,
}

impl Splitter {
    fn is_topology(&self, key: &str) -> bool {
        if key.starts_with(PODS) {
            return key.starts_with(&self.own_pods);
        }
        // Unknown kinds and broken keys go there too: it is the one that reports them.
        !matches!(
            key.parse(),
            Ok(Key::Service(_)
                | Key::EndpointSlice(_)
                | Key::Namespace(_)
                | Key::ClusterIp(_)
                | Key::NodePort(_)
                | Key::Trace(_)
                | Key::Sights(..))
        )
    }

    /// What of an update goes where; nothing where it holds nothing for that side.
    fn split(&self, update: Update) -> (Option<Update>, Option<Update>) {
        match update {
            Update::Snapshot { revision, items } => {
                let topology: Vec<KeyValue> =
                    items.iter().filter(|item| self.is_topology(&item.key)).cloned().collect();
                let mut services = items;
                services.retain(|item| is_for_services(&item.key));
                (
                    Some(Update::Snapshot { revision, items: topology }),
                    Some(Update::Snapshot { revision, items: services }),
                )
            }
            Update::Changes { revision, events } => {
                let of = |wanted: &dyn Fn(&str) -> bool| {
                    let events: Vec<Event> =
                        events.iter().filter(|event| wanted(key_of(event))).cloned().collect();
                    (!events.is_empty()).then_some(Update::Changes { revision, events })
                };
                (of(&|key| self.is_topology(key)), of(&|key| is_for_services(key)))
            }
            Update::Progress { revision } => {
                (Some(Update::Progress { revision }), Some(Update::Progress { revision }))
            }
            Update::Lost { error } => {
                (Some(Update::Lost { error: error.clone() }), Some(Update::Lost { error }))
            }
        }
    }
}

fn of_traces(update: &Update) -> impl Iterator<Item = &KeyValue> {
    let (listed, changed): (&[KeyValue], &[Event]) = match update {
        Update::Snapshot { items, .. } => (items, &[]),
        Update::Changes { events, .. } => (&[], events),
        Update::Progress { .. } | Update::Lost { .. } => (&[], &[]),
    };
    let put = changed.iter().filter_map(|event| match event {
        Event::Put(item) => Some(item),
        Event::Delete { .. } => None,
    });
    listed.iter().chain(put).filter(|item| item.key.starts_with(TRACES))
}

fn is_for_services(key: &str) -> bool {
    [SERVICES, ENDPOINT_SLICES, NAMESPACES, PODS, NODES, ALIVE]
        .iter()
        .any(|prefix| key.starts_with(prefix))
        || key == "config"
}

fn key_of(event: &Event) -> &str {
    match event {
        Event::Put(item) => &item.key,
        Event::Delete { key, .. } => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pontoon_store::Revision;

    fn item(key: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Vec::new(),
            create_revision: Revision(1),
            mod_revision: Revision(1),
            version: 1,
            lease: None,
        }
    }

    fn keys(update: Option<Update>) -> Option<Vec<String>> {
        match update? {
            Update::Snapshot { items, .. } => Some(items.into_iter().map(|i| i.key).collect()),
            Update::Changes { events, .. } => {
                Some(events.iter().map(|event| key_of(event).to_owned()).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_side_gets_what_concerns_it() {
        let splitter = Splitter { own_pods: "pods/me/".to_owned() };
        let all = [
            "config",
            "alive/a",
            "pods/me/default/x",
            "pods/a/default/y",
            "services/default/web",
            "cluster-ips/10.96.0.1",
            "traces/1/a",
            "subnets/10.244.1.0-24",
            "nonsense",
        ];
        let items: Vec<KeyValue> = all.map(item).to_vec();
        let events = items.iter().cloned().map(Event::Put).collect();
        let topology =
            ["config", "alive/a", "pods/me/default/x", "subnets/10.244.1.0-24", "nonsense"];
        let services =
            ["config", "alive/a", "pods/me/default/x", "pods/a/default/y", "services/default/web"];
        for update in [
            Update::Snapshot { revision: Revision(1), items },
            Update::Changes { revision: Revision(1), events },
        ] {
            let traced: Vec<String> = of_traces(&update).map(|item| item.key.clone()).collect();
            assert_eq!(traced, ["traces/1/a"]);
            let (one, other) = splitter.split(update);
            assert_eq!(keys(one).unwrap(), topology);
            assert_eq!(keys(other).unwrap(), services);
        }
        let events = vec![Event::Put(item("pods/a/default/y"))];
        let (one, _) = splitter.split(Update::Changes { revision: Revision(2), events });
        assert_eq!(one, None, "a stranger's pod wakes nobody who routes");
    }
}
