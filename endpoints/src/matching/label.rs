//! Labels as keys, so that a set of them is short and quickly compared.

use std::fmt::Write as _;
use std::ops;

use pontoon_model::name::Namespace;

use super::{Cohort, Selection};
use crate::ids::Ids;
use crate::index::Index;
use crate::slab::{Key, Slab};

/// One label with its value in one namespace.
#[derive(Debug, Default)]
pub(super) struct Label {
    text: Box<str>,
    uses: u32,
    /// The cohorts that have it.
    pub(super) cohorts: Ids<Cohort>,
    /// The selections that a new cohort with this label has to ask.
    pub(super) selections: Ids<Selection>,
}

/// All labels that a pod or a selector has.
#[derive(Debug, Default)]
pub(super) struct LabelTable {
    rows: Slab<Label>,
    by_text: Index<Label>,
}

impl LabelTable {
    /// The keys of all these labels, sorted, or `None` when nobody holds one of them.
    pub(super) fn find_all<'a>(
        &self,
        namespace: &Namespace,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Option<Vec<Key<Label>>> {
        let mut text = String::new();
        let mut found = Vec::new();
        for pair in pairs {
            write(&mut text, namespace, pair);
            found.push(self.find(&text)?);
        }
        found.sort_unstable();
        Some(found)
    }

    /// The keys of these labels, sorted; each is there until it is released.
    pub(super) fn hold_all<'a>(
        &mut self,
        namespace: &Namespace,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Key<Label>> {
        let mut text = String::new();
        let mut held: Vec<_> = pairs
            .map(|pair| {
                write(&mut text, namespace, pair);
                self.hold(&text)
            })
            .collect();
        held.sort_unstable();
        held
    }

    fn find(&self, text: &str) -> Option<Key<Label>> {
        self.by_text.find(text, |label| *self.rows[label].text == *text)
    }

    fn hold(&mut self, text: &str) -> Key<Label> {
        let label = self.find(text).unwrap_or_else(|| {
            let label = self.rows.insert(Label { text: text.into(), ..Label::default() });
            self.by_text.insert(text, label);
            label
        });
        self.rows[label].uses += 1;
        label
    }

    /// Gives back what [`LabelTable::hold_all`] gave.
    pub(super) fn release(&mut self, label: Key<Label>) {
        self.rows[label].uses -= 1;
        if self.rows[label].uses == 0 {
            let gone = self.rows.remove(label);
            self.by_text.remove(&*gone.text, label);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.by_text.len()
    }
}

impl ops::Index<Key<Label>> for LabelTable {
    type Output = Label;
    fn index(&self, label: Key<Label>) -> &Label {
        &self.rows[label]
    }
}

impl ops::IndexMut<Key<Label>> for LabelTable {
    fn index_mut(&mut self, label: Key<Label>) -> &mut Label {
        &mut self.rows[label]
    }
}

/// One text a label, and one label a text: the key's length says where the value begins.
fn write(text: &mut String, namespace: &Namespace, (key, value): (&str, &str)) {
    text.clear();
    text.push_str(namespace.as_str());
    // Writing to a String cannot fail.
    let _ = write!(text, " {} ", key.len());
    text.push_str(key);
    text.push_str(value);
}
