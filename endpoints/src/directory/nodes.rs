//! The nodes that endpoints are on.

use std::collections::{BTreeSet, HashMap};
use std::ops;
use std::sync::Arc;

use pontoon_model::endpoint::Place;
use pontoon_model::name::NodeName;

use super::Directory;
use super::pods::Pod;
use super::slices::Slice;
use crate::ids::Ids;
use crate::index::Index;
use crate::slab::{Key, Slab};

/// A node: it is there while it was put, or a pod or a slice speaks of it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Its name and zone, which are the place of most of its endpoints.
    pub(super) place: Arc<Place>,
    pub(super) gone: bool,
    known: bool,
    pub(super) pods: Index<Pod>,
    /// Slices with an endpoint here.
    pub(super) slices: Ids<Slice>,
}

/// All nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    rows: Slab<Node>,
    by_name: HashMap<NodeName, Key<Node>>,
    gone: BTreeSet<NodeName>,
}

impl Nodes {
    pub(super) fn find(&self, name: &NodeName) -> Option<Key<Node>> {
        self.by_name.get(name).copied()
    }

    /// The node of a name, made if it is not there.
    pub(super) fn node(&mut self, name: &NodeName) -> Key<Node> {
        if let Some(node) = self.by_name.get(name) {
            return *node;
        }
        let place = Place { node: Some(name.clone()), ..Place::default() };
        let gone = self.gone.contains(name);
        let node = self.rows.insert(Node { place: Arc::new(place), gone, ..Node::default() });
        self.by_name.insert(name.clone(), node);
        node
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key<Node>> + '_ {
        self.by_name.values().copied()
    }

    pub(super) fn forget_if_empty(&mut self, node: Key<Node>) {
        let row = &self.rows[node];
        if !row.known && row.pods.is_empty() && row.slices.is_empty() {
            let gone = self.rows.remove(node);
            if let Some(name) = &gone.place.node {
                self.by_name.remove(name);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.rows.len() + self.by_name.len()
    }
}

impl ops::Index<Key<Node>> for Nodes {
    type Output = Node;
    fn index(&self, node: Key<Node>) -> &Node {
        &self.rows[node]
    }
}

impl ops::IndexMut<Key<Node>> for Nodes {
    fn index_mut(&mut self, node: Key<Node>) -> &mut Node {
        &mut self.rows[node]
    }
}

pub(super) fn put(directory: &mut Directory, name: NodeName, zone: Option<String>) {
    let node = directory.nodes.node(&name);
    directory.nodes[node].known = true;
    move_to(directory, node, zone);
}

pub(super) fn remove(directory: &mut Directory, name: &NodeName) {
    let Some(node) = directory.nodes.find(name) else { return };
    directory.nodes[node].known = false;
    move_to(directory, node, None);
    directory.nodes.forget_if_empty(node);
}

fn move_to(directory: &mut Directory, node: Key<Node>, zone: Option<String>) {
    let before = &directory.nodes[node].place;
    if before.zone != zone {
        let place = Place { node: before.node.clone(), zone, ..Place::default() };
        directory.nodes[node].place = Arc::new(place);
        directory.touch_node(node);
    }
}

pub(super) fn set_gone(directory: &mut Directory, gone: BTreeSet<NodeName>) {
    let before = std::mem::replace(&mut directory.nodes.gone, gone);
    let changed: Vec<_> = before
        .symmetric_difference(&directory.nodes.gone)
        .filter_map(|name| directory.nodes.find(name))
        .collect();
    for node in changed {
        directory.nodes[node].gone = !directory.nodes[node].gone;
        directory.touch_node(node);
    }
}
