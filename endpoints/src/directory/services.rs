//! The services themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pontoon_model::service::{Service, ServiceId, ServiceKind};

use super::Directory;
use super::slices::Slice;
use crate::ids::Ids;
use crate::matching::Selection;
use crate::slab::{Key, Slab};

/// What is known under the id of a service: it is there while the service or a slice of it is.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    id: Option<Arc<ServiceId>>,
    definition: Option<Arc<Service>>,
    pub(super) selection: Option<Key<Selection>>,
    pub(super) slices: Ids<Slice>,
}

/// All slots, and which of them changed.
#[derive(Debug, Default)]
pub(super) struct Services {
    slots: Slab<Slot>,
    by_id: BTreeMap<Arc<ServiceId>, Key<Slot>>,
    dirty: BTreeSet<Arc<ServiceId>>,
}

impl Services {
    /// The slot of an id, made if it is not there.
    pub(super) fn slot(&mut self, id: &ServiceId) -> Key<Slot> {
        if let Some(slot) = self.by_id.get(id) {
            return *slot;
        }
        let id = Arc::new(id.clone());
        let slot = self.slots.insert(Slot { id: Some(id.clone()), ..Slot::default() });
        self.by_id.insert(id, slot);
        slot
    }

    /// Marks what a service with a definition says as changed.
    pub(super) fn touch(&mut self, slot: Key<Slot>) {
        let Slot { id: Some(id), definition: Some(_), .. } = &self.slots[slot] else { return };
        if !self.dirty.contains(id) {
            self.dirty.insert(id.clone());
        }
    }

    pub(super) fn take_dirty(&mut self) -> Vec<ServiceId> {
        let dirty = std::mem::take(&mut self.dirty);
        dirty.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// The definition of an id and what is known beside it.
    pub(super) fn find(&self, id: &ServiceId) -> Option<(&Slot, &Arc<Service>)> {
        let slot = &self.slots[*self.by_id.get(id)?];
        Some((slot, slot.definition.as_ref()?))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.by_id.values().filter_map(|slot| self.slots[*slot].definition.as_ref())
    }

    pub(super) fn add_slice(&mut self, slot: Key<Slot>, slice: Key<Slice>) {
        self.slots[slot].slices.insert(slice);
    }

    pub(super) fn remove_slice(&mut self, slot: Key<Slot>, slice: Key<Slice>) {
        self.slots[slot].slices.remove(slice);
        self.forget_if_empty(slot);
    }

    fn forget_if_empty(&mut self, slot: Key<Slot>) {
        let row = &self.slots[slot];
        if row.definition.is_none() && row.slices.is_empty() {
            let gone = self.slots.remove(slot);
            if let Some(id) = gone.id {
                self.by_id.remove(&id);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.slots.len() + self.by_id.len()
    }
}

pub(super) fn put(directory: &mut Directory, service: Service) {
    let services = &mut directory.services;
    let slot = services.slot(&service.id);
    let row = &mut services.slots[slot];
    let before = row.definition.as_deref();
    if before == Some(&service) {
        return;
    }
    if before.and_then(selector) != selector(&service) {
        if let Some(selection) = row.selection.take() {
            directory.matching.deselect(selection);
        }
        row.selection = selector(&service)
            .map(|selector| directory.matching.select(&service.id.namespace, selector, slot));
    }
    row.definition = Some(Arc::new(service));
    services.touch(slot);
}

pub(super) fn remove(directory: &mut Directory, id: &ServiceId) {
    let services = &mut directory.services;
    let Some(&slot) = services.by_id.get(id) else { return };
    services.touch(slot);
    let row = &mut services.slots[slot];
    row.definition = None;
    if let Some(selection) = row.selection.take() {
        directory.matching.deselect(selection);
    }
    services.forget_if_empty(slot);
}

/// An external name has no endpoints, whatever its selector says.
fn selector(service: &Service) -> Option<&pontoon_model::selector::Selector> {
    let inside = service.kind != ServiceKind::ExternalName;
    service.selector.as_ref().filter(|_| inside)
}
