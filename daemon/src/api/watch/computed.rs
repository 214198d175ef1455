//! What happens to endpoints, which are computed: their states are moments of this run of the daemon.

use std::collections::{BTreeSet, HashMap};

use pontoon_model::api::Failure;
use pontoon_model::object::{Kind, Selection};
use pontoon_model::rest::{EventKind, HEARTBEAT};
use pontoon_model::service::ServiceId;
use serde_json::{Value, json};

use super::{Batch, RETRY, expired, no_position};
use crate::objects::endpoints;
use crate::objects::project::Item;
use crate::services::inquiry::{Inquiries, Position};

/// A watch.
pub(super) struct Computed {
    inquiries: Inquiries,
    selection: Selection,
    /// What the client was told, and what tells it from what it is later.
    shown: HashMap<ServiceId, u64>,
    position: Position,
}

impl Computed {
    /// Begins, behind a moment if one is given.
    pub(super) async fn begin(
        inquiries: Inquiries,
        selection: Selection,
        since: Option<&str>,
    ) -> Result<(Self, Batch), Failure> {
        let since: Option<Position> = match since {
            Some(text) => Some(text.parse().map_err(|()| no_position(text))?),
            None => None,
        };
        let (items, position) = endpoints::select(&inquiries, &selection).await?;
        // Asked last: what changed meanwhile is told once more rather than never.
        let changed = match since {
            Some(then) => {
                let changed = inquiries.since(then);
                let why = "endpoints are computed, and this daemon began later or has forgotten";
                Some(changed.ok_or_else(|| expired(why))?.1)
            }
            None => None,
        };
        let mut watch = Self { inquiries, selection, shown: HashMap::new(), position };
        let events = match changed {
            None => watch.difference(items),
            Some(changed) => {
                watch.shown =
                    items.iter().filter_map(|item| Some((id(item)?, item.version))).collect();
                watch.since(&changed, items)
            }
        };
        let first = watch.batch(events).begun(Kind::Endpoints);
        Ok((watch, first))
    }

    /// Waits for the next events.
    pub(super) async fn next(&mut self) -> Option<Batch> {
        match tokio::time::timeout(HEARTBEAT, self.inquiries.after(self.position)).await {
            Err(_) => return Some(self.batch(Vec::new())),
            Ok(false) => return None,
            Ok(true) => {}
        }
        match self.look().await {
            Ok(events) => Some(self.batch(events)),
            Err(_) => {
                tokio::time::sleep(RETRY).await;
                Some(self.batch(Vec::new()))
            }
        }
    }

    /// What is different since the last look.
    async fn look(&mut self) -> Result<Vec<(EventKind, Value)>, Failure> {
        let Some((position, changed)) = self.inquiries.since(self.position) else {
            let (items, position) = endpoints::select(&self.inquiries, &self.selection).await?;
            self.position = position;
            return Ok(self.difference(items));
        };
        let changed: Vec<ServiceId> =
            changed.into_iter().filter(|id| endpoints::means(&self.selection, id)).collect();
        let items = endpoints::of(&self.inquiries, &changed).await?;
        self.position = position;
        let there: BTreeSet<ServiceId> = items.iter().filter_map(id).collect();
        let mut events = Vec::new();
        for gone in changed.iter().filter(|id| !there.contains(*id)) {
            if self.shown.remove(gone).is_some() {
                events.push((EventKind::Deleted, bare(gone)));
            }
        }
        for item in items {
            events.extend(self.tell(item));
        }
        Ok(events)
    }

    fn batch(&self, events: Vec<(EventKind, Value)>) -> Batch {
        Batch { events, position: self.position.to_string() }
    }

    /// What is different from what was shown, given all that is there.
    fn difference(&mut self, items: Vec<Item>) -> Vec<(EventKind, Value)> {
        let there: BTreeSet<ServiceId> = items.iter().filter_map(id).collect();
        let mut gone: Vec<ServiceId> =
            self.shown.keys().filter(|id| !there.contains(*id)).cloned().collect();
        gone.sort();
        let mut events = Vec::new();
        for gone in gone {
            self.shown.remove(&gone);
            events.push((EventKind::Deleted, bare(&gone)));
        }
        for item in items {
            events.extend(self.tell(item));
        }
        events
    }

    /// What a client is told that knew what was there before these changed.
    fn since(&self, changed: &BTreeSet<ServiceId>, items: Vec<Item>) -> Vec<(EventKind, Value)> {
        let gone = changed.iter().filter(|id| endpoints::means(&self.selection, id));
        let gone = gone.filter(|id| !self.shown.contains_key(*id));
        let mut events: Vec<_> = gone.map(|id| (EventKind::Deleted, bare(id))).collect();
        let changed = |item: &Item| id(item).is_some_and(|id| changed.contains(&id));
        let now = items.into_iter().filter(changed);
        events.extend(now.map(|item| (EventKind::Modified, item.document)));
        events
    }

    fn tell(&mut self, item: Item) -> Option<(EventKind, Value)> {
        match self.shown.insert(id(&item)?, item.version) {
            None => Some((EventKind::Added, item.document)),
            Some(version) if version == item.version => None,
            Some(_) => Some((EventKind::Modified, item.document)),
        }
    }
}

/// The service of endpoints.
fn id(item: &Item) -> Option<ServiceId> {
    match &item.key {
        pontoon_model::key::Key::Service(id) => Some(id.clone()),
        _ => None,
    }
}

/// Endpoints of which nothing but the name is known.
fn bare(id: &ServiceId) -> Value {
    let names = Kind::Endpoints.names();
    json!({"apiVersion": names.api_version, "kind": names.kind,
        "metadata": {"name": id.name, "namespace": id.namespace}})
}
