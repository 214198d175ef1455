//! The embedded store against a model that is too simple to be wrong.

use std::collections::BTreeMap;

use pontoon_store::embedded::{EmbeddedStore, Options};
use pontoon_store::{
    Compare, Error, Event, KeyValue, LeaseId, Op, OpResponse, Revision, Store, Txn,
};
use proptest::prelude::*;

type State = BTreeMap<String, KeyValue>;

/// Every state that the store was ever in, and what led there.
struct Model {
    states: BTreeMap<u64, State>,
    events: Vec<Event>,
    leases: Vec<LeaseId>,
    compacted: u64,
    revision: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            states: BTreeMap::from([(1, State::new())]),
            events: Vec::new(),
            leases: Vec::new(),
            compacted: 0,
            revision: 1,
        }
    }

    fn now(&self) -> &State {
        &self.states[&self.revision]
    }

    fn commit(&mut self, state: State, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        self.revision += 1;
        self.states.insert(self.revision, state);
        self.events.extend(events);
    }

    fn txn(&mut self, txn: &Txn) -> (bool, Vec<OpResponse>) {
        let holds = |compare: &Compare| {
            let held = self.now().get(compare.key());
            match compare {
                Compare::Absent(_) => held.is_none(),
                Compare::Exists(_) => held.is_some(),
                Compare::CreateRevision(_, at) => {
                    held.map_or(0, |item| item.create_revision.0) == at.0
                }
                Compare::ModRevision(_, at) => held.map_or(0, |item| item.mod_revision.0) == at.0,
                Compare::Version(_, count) => held.map_or(0, |item| item.version) == *count,
                Compare::Value(_, value) => held.is_some_and(|item| item.value == *value),
            }
        };
        let succeeded = txn.compares.iter().all(holds);
        let (mut state, mut events, mut responses) = (self.now().clone(), Vec::new(), Vec::new());
        let revision = Revision(self.revision + 1);
        for op in if succeeded { &txn.success } else { &txn.failure } {
            responses.push(match op {
                Op::Put { key, value, lease } => {
                    let held = state.get(key);
                    let item = KeyValue {
                        key: key.clone(),
                        value: value.clone(),
                        create_revision: held.map_or(revision, |item| item.create_revision),
                        mod_revision: revision,
                        version: held.map_or(1, |item| item.version + 1),
                        lease: *lease,
                    };
                    events.push(Event::Put(item.clone()));
                    state.insert(key.clone(), item);
                    OpResponse::Put
                }
                Op::Get(key) => OpResponse::Get(state.get(key).cloned()),
                Op::Delete(key) => delete(&mut state, &mut events, revision, |held| held == key),
                Op::DeletePrefix(prefix) => {
                    delete(&mut state, &mut events, revision, |held| held.starts_with(prefix))
                }
            });
        }
        self.commit(state, events);
        (succeeded, responses)
    }

    fn revoke(&mut self, lease: LeaseId) {
        let (mut state, mut events) = (self.now().clone(), Vec::new());
        let hanging: Vec<String> = state
            .values()
            .filter(|item| item.lease == Some(lease))
            .map(|item| item.key.clone())
            .collect();
        delete(&mut state, &mut events, Revision(self.revision + 1), |key| {
            hanging.iter().any(|held| held == key)
        });
        self.leases.retain(|held| *held != lease);
        self.commit(state, events);
    }
}

fn delete(
    state: &mut State,
    events: &mut Vec<Event>,
    revision: Revision,
    fits: impl Fn(&str) -> bool,
) -> OpResponse {
    let keys: Vec<String> = state.keys().filter(|key| fits(key)).cloned().collect();
    for key in &keys {
        state.remove(key);
        events.push(Event::Delete { key: key.clone(), revision });
    }
    OpResponse::Deleted(keys.len() as u64)
}

/// One step of a random history. Numbers pick among what exists when the step is carried out.
#[derive(Debug, Clone)]
enum Step {
    Txn(Vec<(u8, u8)>, Vec<(u8, u8, u8)>, Vec<(u8, u8, u8)>),
    Grant,
    Revoke(u8),
    Compact(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let op = || proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..4);
    let compare = proptest::collection::vec((any::<u8>(), any::<u8>()), 0..3);
    prop_oneof![
        20 => (compare, op(), op()).prop_map(|(compares, success, failure)| Step::Txn(compares, success, failure)),
        2 => Just(Step::Grant),
        1 => any::<u8>().prop_map(Step::Revoke),
        2 => any::<u8>().prop_map(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

const KEYS: [&str; 6] = ["a", "a/", "a/b", "a/c", "b", "ab"];

fn key(pick: u8) -> String {
    KEYS[usize::from(pick) % KEYS.len()].to_owned()
}

fn compare(model: &Model, (kind, pick): (u8, u8)) -> Compare {
    let key = key(pick);
    let held = model.now().get(&key);
    let near = Revision(u64::from(pick) % (model.revision + 1));
    match kind % 7 {
        0 => Compare::Absent(key),
        1 => Compare::Exists(key),
        2 => Compare::CreateRevision(key.clone(), held.map_or(near, |item| item.create_revision)),
        3 => Compare::ModRevision(key.clone(), held.map_or(Revision(0), |item| item.mod_revision)),
        4 => Compare::ModRevision(key, near),
        5 => Compare::Version(key, u64::from(pick % 3)),
        _ => Compare::Value(key, vec![pick % 2]),
    }
}

fn op(model: &Model, (kind, pick, value): (u8, u8, u8)) -> Op {
    let lease = match model.leases.len() {
        0 => None,
        count => (value % 3 == 0).then(|| model.leases[usize::from(value) % count]),
    };
    match kind % 8 {
        0..=4 => Op::Put { key: key(pick), value: vec![value % 2], lease },
        5 => Op::Get(key(pick)),
        6 => Op::Delete(key(pick)),
        _ => Op::DeletePrefix(key(pick)),
    }
}

async fn open(path: &std::path::Path) -> EmbeddedStore {
    loop {
        let options = Options { keep_revisions: u64::MAX / 4, ..Options::default() };
        match EmbeddedStore::open(path, options).await {
            Err(Error::Locked(_)) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            result => return result.unwrap(),
        }
    }
}

async fn check(store: &EmbeddedStore, model: &Model) {
    for revision in 0..=model.revision + 1 {
        let listing = store.list("a", Some(Revision(revision))).await;
        if revision > model.revision {
            assert!(matches!(listing, Err(Error::FutureRevision { .. })));
        } else if revision < model.compacted {
            assert!(matches!(listing, Err(Error::Compacted { .. })));
        } else if let Some(state) = model.states.get(&revision) {
            let expected: Vec<&KeyValue> =
                state.values().filter(|item| item.key.starts_with('a')).collect();
            assert_eq!(
                listing.unwrap().items.iter().collect::<Vec<_>>(),
                expected,
                "at {revision}"
            );
        }
    }
    let from = Revision(model.compacted.max(1));
    let mut watch = store.watch("", from).await.unwrap();
    let events = crate::subject::events_until(&mut watch, Revision(model.revision)).await;
    let expected: Vec<&Event> =
        model.events.iter().filter(|event| event.revision() >= from).collect();
    assert_eq!(events.iter().collect::<Vec<_>>(), expected, "from {from}");
}

async fn replay(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let mut store = open(&path).await;
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Txn(compares, success, failure) => {
                let txn = Txn {
                    compares: compares.into_iter().map(|pick| compare(&model, pick)).collect(),
                    success: success.into_iter().map(|pick| op(&model, pick)).collect(),
                    failure: failure.into_iter().map(|pick| op(&model, pick)).collect(),
                };
                match store.txn(txn.clone()).await {
                    Ok(outcome) => {
                        let (succeeded, responses) = model.txn(&txn);
                        assert_eq!(
                            (outcome.succeeded, outcome.responses),
                            (succeeded, responses),
                            "{txn:?}"
                        );
                        assert_eq!(outcome.revision.0, model.revision);
                    }
                    Err(error) => assert!(matches!(error, Error::Invalid(_)), "{error}"),
                }
            }
            Step::Grant => {
                model
                    .leases
                    .push(store.grant(std::time::Duration::from_secs(600)).await.unwrap().id);
            }
            Step::Revoke(pick) if !model.leases.is_empty() => {
                let lease = model.leases[usize::from(pick) % model.leases.len()];
                store.revoke(lease).await.unwrap();
                model.revoke(lease);
            }
            Step::Revoke(_) => {}
            Step::Compact(pick) => {
                let at = u64::from(pick) % (model.revision + 2);
                match store.compact(Revision(at)).await {
                    Ok(()) => {
                        assert!(at > model.compacted && at <= model.revision);
                        model.compacted = at;
                    }
                    Err(Error::Compacted { .. }) => assert!(at <= model.compacted),
                    Err(Error::FutureRevision { .. }) => assert!(at > model.revision),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Reopen => {
                drop(store);
                store = open(&path).await;
            }
        }
    }
    check(&store, &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn embedded_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(replay(steps));
    }
}
