//! Which pods a selector finds.
//!
//! Pods of one namespace with the same labels are a [`Cohort`]: selectors find cohorts, never pods,
//! and both sides keep what they found. A pod that changes reads the services from its cohort, a
//! service its pods from its cohorts; labels are compared only when a cohort or a selector is new.

mod label;

use pontoon_model::name::Namespace;
use pontoon_model::selector::{Labels, Selector};

use self::label::{Label, LabelTable};
use crate::directory::{Pod, Slot};
use crate::ids::Ids;
use crate::index::Index;
use crate::slab::{Key, Slab};

/// Pods that no selector can tell apart.
#[derive(Debug, Default)]
pub(crate) struct Cohort {
    labels: Box<[Key<Label>]>,
    pods: Ids<Pod>,
    selections: Ids<Selection>,
}

/// A service's selector and what it finds.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    service: Option<Key<Slot>>,
    labels: Box<[Key<Label>]>,
    cohorts: Ids<Cohort>,
}

/// All cohorts and all selections.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    labels: LabelTable,
    cohorts: Slab<Cohort>,
    by_labels: Index<Cohort>,
    selections: Slab<Selection>,
}

impl Matching {
    /// The cohort of pods with these labels; none for pods without labels, which nothing selects.
    /// A cohort is there until its last pod has left.
    pub(crate) fn cohort(&mut self, namespace: &Namespace, labels: &Labels) -> Option<Key<Cohort>> {
        if labels.is_empty() {
            return None;
        }
        let pairs = || labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        if let Some(known) = self.labels.find_all(namespace, pairs())
            && let Some(cohort) =
                self.by_labels.find(&*known, |cohort| *self.cohorts[cohort].labels == *known)
        {
            return Some(cohort);
        }
        let held = self.labels.hold_all(namespace, pairs());
        let row = Cohort { labels: held.clone().into(), ..Cohort::default() };
        let cohort = self.cohorts.insert(row);
        for label in &held {
            self.labels[*label].cohorts.insert(cohort);
            for selection in self.labels[*label].selections.iter() {
                if contains(&held, &self.selections[selection].labels) {
                    self.selections[selection].cohorts.insert(cohort);
                    self.cohorts[cohort].selections.insert(selection);
                }
            }
        }
        self.by_labels.insert(&*held, cohort);
        Some(cohort)
    }

    /// A pod joins a cohort.
    pub(crate) fn join(&mut self, cohort: Key<Cohort>, pod: Key<Pod>) {
        self.cohorts[cohort].pods.insert(pod);
    }

    /// A pod leaves its cohort.
    pub(crate) fn leave(&mut self, cohort: Key<Cohort>, pod: Key<Pod>) {
        self.cohorts[cohort].pods.remove(pod);
        if !self.cohorts[cohort].pods.is_empty() {
            return;
        }
        let gone = self.cohorts.remove(cohort);
        for selection in gone.selections.iter() {
            self.selections[selection].cohorts.remove(cohort);
        }
        for label in &gone.labels {
            self.labels[*label].cohorts.remove(cohort);
            self.labels.release(*label);
        }
        self.by_labels.remove(&*gone.labels, cohort);
    }

    /// A service begins to select pods.
    pub(crate) fn select(
        &mut self,
        namespace: &Namespace,
        selector: &Selector,
        service: Key<Slot>,
    ) -> Key<Selection> {
        let held = self.labels.hold_all(namespace, selector.iter());
        let row = Selection {
            service: Some(service),
            labels: held.clone().into(),
            cohorts: Ids::default(),
        };
        let selection = self.selections.insert(row);
        // A new cohort asks the selections at each of its labels, so a selection stands at the one
        // label where the fewest stand: not at the `env=prod` that all of them have.
        if let Some(label) = held.iter().min_by_key(|label| self.labels[**label].selections.len()) {
            self.labels[*label].selections.insert(selection);
        }
        if let Some(label) = held.iter().min_by_key(|label| self.labels[**label].cohorts.len()) {
            for cohort in self.labels[*label].cohorts.iter() {
                if contains(&self.cohorts[cohort].labels, &held) {
                    self.selections[selection].cohorts.insert(cohort);
                    self.cohorts[cohort].selections.insert(selection);
                }
            }
        }
        selection
    }

    /// A service selects no more.
    pub(crate) fn deselect(&mut self, selection: Key<Selection>) {
        let gone = self.selections.remove(selection);
        for cohort in gone.cohorts.iter() {
            self.cohorts[cohort].selections.remove(selection);
        }
        for label in &gone.labels {
            self.labels[*label].selections.remove(selection);
            self.labels.release(*label);
        }
    }

    /// The services that select a cohort.
    pub(crate) fn services(&self, cohort: Key<Cohort>) -> impl Iterator<Item = Key<Slot>> {
        let selections = self.cohorts[cohort].selections.iter();
        selections.filter_map(|selection| self.selections[selection].service)
    }

    /// The cohorts that a selection finds.
    pub(crate) fn cohorts(&self, selection: Key<Selection>) -> impl Iterator<Item = Key<Cohort>> {
        self.selections[selection].cohorts.iter()
    }

    /// The pods of a cohort.
    pub(crate) fn pods(&self, cohort: Key<Cohort>) -> impl Iterator<Item = Key<Pod>> {
        self.cohorts[cohort].pods.iter()
    }

    /// A selector in this table's terms, to ask [`Matching::is_in`] with.
    pub(crate) fn resolve(&self, namespace: &Namespace, selector: &Selector) -> Resolved {
        Resolved(self.labels.find_all(namespace, selector.iter()))
    }

    /// Whether a selector finds a cohort.
    pub(crate) fn is_in(&self, cohort: Key<Cohort>, selector: &Resolved) -> bool {
        let wanted = selector.0.as_ref();
        wanted.is_some_and(|wanted| contains(&self.cohorts[cohort].labels, wanted))
    }

    #[cfg(test)]
    pub(crate) fn rows(&self) -> usize {
        self.labels.len() + self.cohorts.len() + self.by_labels.len() + self.selections.len()
    }
}

/// The labels of a selector; `None` when no pod has one of them.
pub(crate) struct Resolved(Option<Vec<Key<Label>>>);

/// Whether all of `some` are in `all`, which is sorted.
fn contains(all: &[Key<Label>], some: &[Key<Label>]) -> bool {
    some.iter().all(|label| all.binary_search(label).is_ok())
}
