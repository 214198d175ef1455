//! What pods are called beside their own names: hostnames under a service, aliases in a namespace.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use pontoon_model::name::{DnsLabel, Namespace};

use super::Directory;
use super::pods::Pod;
use crate::ids::Ids;
use crate::slab::Key;

/// The names of a pod that has any. Few have, so pods keep them in a box.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) hostname: Option<DnsLabel>,
    pub(super) subdomain: Option<DnsLabel>,
    pub(super) aliases: Box<[DnsLabel]>,
}

impl Names {
    pub(super) fn boxed(
        hostname: Option<DnsLabel>,
        subdomain: Option<DnsLabel>,
        aliases: Vec<DnsLabel>,
    ) -> Option<Box<Self>> {
        let any = hostname.is_some() || subdomain.is_some() || !aliases.is_empty();
        any.then(|| Box::new(Self { hostname, subdomain, aliases: aliases.into() }))
    }

    /// The hostname, as one under a service of the pod's namespace.
    pub(super) fn hostname_under(&self, service: &str) -> Option<&str> {
        let here = self.subdomain.as_ref().is_some_and(|subdomain| subdomain.as_str() == service);
        self.hostname.as_ref().filter(|_| here).map(DnsLabel::as_str)
    }
}

/// An alias in a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Alias {
    /// The namespace.
    pub namespace: Namespace,
    /// The name in it.
    pub name: DnsLabel,
}

/// What may lead to other pods than it did: see [`Directory::take_dirty_pods`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DirtyPods {
    /// Addresses, for [`Directory::pods_at`].
    pub addresses: BTreeSet<IpAddr>,
    /// Aliases, for [`Directory::addresses_called`].
    pub aliases: BTreeSet<Alias>,
}

/// Pods by their aliases, and what changed of who is found where.
#[derive(Debug, Default)]
pub(super) struct Called {
    by_alias: HashMap<Alias, Ids<Pod>>,
    /// `None` while nobody takes it.
    dirty: Option<DirtyPods>,
}

impl Called {
    pub(super) fn touch_address(&mut self, address: IpAddr) {
        if let Some(dirty) = &mut self.dirty {
            dirty.addresses.insert(address);
        }
    }

    fn touch(&mut self, alias: Alias) {
        if let Some(dirty) = &mut self.dirty {
            dirty.aliases.insert(alias);
        }
    }

    #[cfg(test)]
    pub(super) fn rows(&self) -> usize {
        self.by_alias.len()
    }
}

/// The aliases of a pod, each in its namespace.
fn aliases(pod: &Pod) -> impl Iterator<Item = Alias> {
    let namespace = pod.names.as_ref().and_then(|_| pod.namespace().parse::<Namespace>().ok());
    let names = pod.names.iter().flat_map(|names| &names.aliases);
    names.filter_map(move |name| Some(Alias { namespace: namespace.clone()?, name: name.clone() }))
}

/// A pod is now another than before; `key` holds the new one.
pub(super) fn exchange(directory: &mut Directory, key: Key<Pod>, before: &Pod) {
    let Directory { called, pods, .. } = directory;
    let pod = &pods[key];
    if before.names.is_none() && pod.names.is_none() {
        return;
    }
    for alias in aliases(before) {
        if let Some(named) = called.by_alias.get_mut(&alias) {
            named.remove(key);
            if named.is_empty() {
                called.by_alias.remove(&alias);
            }
        }
        called.touch(alias);
    }
    for alias in aliases(pod) {
        called.by_alias.entry(alias.clone()).or_default().insert(key);
        called.touch(alias);
    }
}

/// A pod's node has gone, or has come back.
pub(super) fn touch(directory: &mut Directory, key: Key<Pod>) {
    let Directory { called, pods, .. } = directory;
    aliases(&pods[key]).for_each(|alias| called.touch(alias));
}

/// The addresses of the pods that an alias leads to.
pub(super) fn addresses(directory: &Directory, alias: &Alias) -> Vec<IpAddr> {
    let keys = directory.called.by_alias.get(alias).into_iter().flat_map(Ids::iter);
    let pods = keys.map(|key| &directory.pods[key]);
    let ready = pods.filter(|pod| pod.ready && !pod.node.is_some_and(|n| directory.nodes[n].gone));
    let all: BTreeSet<IpAddr> = ready.flat_map(|pod| pod.addresses.iter().copied()).collect();
    all.into_iter().collect()
}

/// Begins to take note of changes, with all that is there for the first.
pub(super) fn follow(directory: &mut Directory) {
    let addresses = directory.addresses.iter().collect();
    let aliases = directory.called.by_alias.keys().cloned().collect();
    directory.called.dirty = Some(DirtyPods { addresses, aliases });
}

pub(super) fn take_dirty(directory: &mut Directory) -> DirtyPods {
    directory.called.dirty.as_mut().map(std::mem::take).unwrap_or_default()
}
