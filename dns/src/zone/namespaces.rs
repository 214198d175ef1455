//! Which namespaces there are: those of objects, and of anything that lives in one.

use std::collections::HashMap;

use pontoon_model::name::Namespace;

use super::record;

/// A namespace's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u32);

/// The namespaces, by their labels on the wire.
#[derive(Debug, Default)]
pub struct Namespaces {
    ids: HashMap<Box<[u8]>, Id>,
    rows: Vec<Row>,
    free: Vec<Id>,
}

#[derive(Debug, Default)]
struct Row {
    label: Box<[u8]>,
    /// Services, aliases and pods in it.
    users: u32,
    /// There is an object for it.
    declared: bool,
}

impl Namespaces {
    /// Whether a namespace exists, by its label on the wire.
    #[must_use]
    pub fn exists(&self, label: &[u8]) -> bool {
        self.ids.contains_key(label)
    }

    /// The label on the wire.
    #[must_use]
    pub fn label(&self, id: Id) -> &[u8] {
        &self.rows[id.0 as usize].label
    }

    /// All labels on the wire.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        self.ids.keys().map(|label| &**label)
    }

    /// There is an object for it.
    pub fn declare(&mut self, namespace: &Namespace) {
        let id = self.id(namespace);
        self.rows[id.0 as usize].declared = true;
    }

    /// There is no object for it any more.
    pub fn withdraw(&mut self, namespace: &Namespace) {
        if let Some(&id) = self.ids.get(&wire(namespace)) {
            self.rows[id.0 as usize].declared = false;
            self.drop_unused(id);
        }
    }

    /// Something more lives in it.
    pub fn enter(&mut self, namespace: &Namespace) -> Id {
        let id = self.id(namespace);
        self.rows[id.0 as usize].users += 1;
        id
    }

    /// Something less lives in it.
    pub fn leave(&mut self, namespace: &Namespace) {
        if let Some(&id) = self.ids.get(&wire(namespace)) {
            self.leave_by_id(id);
        }
    }

    /// The same.
    pub fn leave_by_id(&mut self, id: Id) {
        let row = &mut self.rows[id.0 as usize];
        row.users = row.users.saturating_sub(1);
        self.drop_unused(id);
    }

    fn id(&mut self, namespace: &Namespace) -> Id {
        let label = wire(namespace);
        if let Some(&id) = self.ids.get(&label) {
            return id;
        }
        let row = Row { label: label.clone(), ..Row::default() };
        let id = match self.free.pop() {
            Some(id) => {
                self.rows[id.0 as usize] = row;
                id
            }
            None => {
                self.rows.push(row);
                Id(self.rows.len() as u32 - 1)
            }
        };
        self.ids.insert(label, id);
        id
    }

    fn drop_unused(&mut self, id: Id) {
        let row = &mut self.rows[id.0 as usize];
        if row.users == 0 && !row.declared {
            self.ids.remove(&std::mem::take(&mut row.label));
            self.free.push(id);
        }
    }
}

fn wire(namespace: &Namespace) -> Box<[u8]> {
    let mut label = Vec::with_capacity(namespace.as_str().len() + 1);
    record::push_label(&mut label, namespace.as_str().as_bytes());
    label.into()
}
