//! What the cluster's names answer, encoded when the store changes and not when somebody asks.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`shape`] | what the cluster agrees on: domain, ranges, TTL |
//! | [`names`] | what a service is called, from services, slices and pods |
//! | [`entry`], [`located`] | that, encoded; of it what `SRV` questions ask for |
//! | [`record`], [`packed`] | records as bytes; many of them in one block of memory |
//! | [`namespaces`], [`pods`], [`pointers`] | namespaces, the addresses of pods, names of addresses |
//! | [`lookup`] | which of it a question asks for |

pub mod entry;
pub mod located;
pub mod lookup;
pub mod names;
pub mod namespaces;
pub mod packed;
pub mod pods;
pub mod pointers;
pub mod record;
pub mod shape;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use pontoon_model::name::Namespace;
use pontoon_model::service::ServiceId;

use self::entry::Entry;
use self::names::ServiceNames;
use self::namespaces::Namespaces;
use self::pods::Pods;
use self::pointers::Pointers;
use self::shape::Shape;
use crate::wire::name::labels;

/// All names of a cluster.
#[derive(Debug)]
pub struct Zone {
    shape: Arc<Shape>,
    /// By the labels of name and namespace on the wire, in lower case.
    services: HashMap<Box<[u8]>, Entry>,
    namespaces: Namespaces,
    pods: Pods,
    /// Addresses of pods by their aliases, by the same labels as services.
    aliases: HashMap<Box<[u8]>, Entry>,
    pointers: Pointers,
    serial: u32,
    synced: bool,
}

/// A change of what the cluster's names answer, encoded and ready to be put in.
#[derive(Debug)]
pub struct Change(Kind);

#[derive(Debug)]
enum Kind {
    Service(ServiceKey, Option<Entry>),
    Alias(ServiceKey, Option<Entry>),
    Pod(IpAddr, Option<Namespace>),
    Namespace(Namespace, bool),
}

#[derive(Debug)]
struct ServiceKey {
    wire: Box<[u8]>,
    namespace: Namespace,
}

impl ServiceKey {
    fn of(id: &ServiceId) -> Self {
        Self::labels(id.name.as_str(), &id.namespace)
    }

    fn labels(name: &str, namespace: &Namespace) -> Self {
        let mut wire = Vec::with_capacity(name.len() + namespace.as_str().len() + 2);
        for label in [name, namespace.as_str()] {
            record::push_label(&mut wire, label.as_bytes());
        }
        Self { wire: wire.into(), namespace: namespace.clone() }
    }
}

impl Change {
    /// A service is called this, or is no more.
    #[must_use]
    pub fn service(id: &ServiceId, names: Option<&ServiceNames>, shape: &Shape) -> Self {
        let key = ServiceKey::of(id);
        let entry = names.map(|names| Entry::encode(&key.wire, names, shape));
        Self(Kind::Service(key, entry))
    }

    /// Pods of a namespace are called this by their runtime; none are when there is no address.
    #[must_use]
    pub fn alias(alias: &str, namespace: &Namespace, addresses: &[IpAddr], shape: &Shape) -> Self {
        let key = ServiceKey::labels(&alias.to_ascii_lowercase(), namespace);
        let names = ServiceNames::at(addresses);
        let entry = (!addresses.is_empty()).then(|| Entry::encode(&key.wire, &names, shape));
        Self(Kind::Alias(key, entry))
    }

    /// A pod of that namespace has the address, or none has.
    #[must_use]
    pub fn pod(address: IpAddr, namespace: Option<Namespace>) -> Self {
        Self(Kind::Pod(address, namespace))
    }

    /// There is an object for that namespace, or there is none.
    #[must_use]
    pub fn namespace(namespace: Namespace, is_there: bool) -> Self {
        Self(Kind::Namespace(namespace, is_there))
    }
}

impl Zone {
    /// One without any service, that answers nothing of its own before [`Zone::set_synced`].
    #[must_use]
    pub fn new(shape: Arc<Shape>) -> Self {
        let mut zone = Self {
            shape: Arc::clone(&shape),
            services: HashMap::new(),
            namespaces: Namespaces::default(),
            pods: Pods::default(),
            aliases: HashMap::new(),
            pointers: Pointers::default(),
            serial: 1,
            synced: false,
        };
        let server = shape.server().wire();
        for &address in &shape.dns_addresses {
            zone.pointers.add(address, server, shape.ttl);
        }
        zone
    }

    /// What it is built on.
    #[must_use]
    pub fn shape(&self) -> &Arc<Shape> {
        &self.shape
    }

    /// Puts changes in; its serial number rises with them, to the store's revision if that is higher.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>, revision: u64) {
        let mut changed = false;
        for change in changes {
            changed = true;
            match change.0 {
                Kind::Service(key, entry) => self.put_service(key, entry),
                Kind::Alias(key, entry) => {
                    put(&mut self.aliases, &mut self.namespaces, key, entry);
                }
                Kind::Pod(address, namespace) => {
                    self.pods.put(&mut self.namespaces, address, namespace.as_ref());
                }
                Kind::Namespace(namespace, true) => self.namespaces.declare(&namespace),
                Kind::Namespace(namespace, false) => self.namespaces.withdraw(&namespace),
            }
        }
        if changed {
            self.serial = self.serial.wrapping_add(1).max(serial_of(revision));
        }
    }

    /// Takes the place of that one: whoever has a copy of it is to see that this is newer.
    pub fn follow(&mut self, old: &Self) {
        self.serial = old.serial.wrapping_add(1);
    }

    /// Takes the place of what a process before this one answered, whose last serial number that was, with
    /// what the store had at a revision; none where that is not known. Whoever has a copy is not to be
    /// left with it.
    pub fn follow_earlier(&mut self, served: u32, revision: u64) {
        let at_least = match revision < u64::from(served) {
            true => served.wrapping_add(1),
            false => serial_of(revision),
        };
        self.serial = self.serial.max(at_least);
    }

    fn put_service(&mut self, key: ServiceKey, entry: Option<Entry>) {
        let Shape { ttl, .. } = *self.shape;
        if let Some(old) = self.services.get(&key.wire) {
            old.each_pointer(&key.wire, &self.shape, |address, name| {
                self.pointers.remove(address, name);
            });
        }
        if let Some(new) = &entry {
            new.each_pointer(&key.wire, &self.shape, |address, name| {
                self.pointers.add(address, name, ttl);
            });
        }
        put(&mut self.services, &mut self.namespaces, key, entry);
    }

    /// The store was read; from now on a name that is not here does not exist.
    pub fn set_synced(&mut self) {
        self.synced = true;
    }

    /// Whether the store was read.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// The serial number (RFC 1035, section 3.3.13).
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// How many services and aliases it has names for.
    #[must_use]
    pub fn names(&self) -> usize {
        self.services.len() + self.aliases.len()
    }

    /// The label on the wire of the namespace of the pod that has an address.
    #[must_use]
    pub fn namespace_of(&self, address: IpAddr) -> Option<&[u8]> {
        self.pods.namespace(address).map(|id| self.namespaces.label(id))
    }

    /// The addresses of all pods.
    pub fn pod_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.pods.addresses()
    }

    /// The addresses of all pods, with the labels on the wire of their namespaces.
    pub fn pods(&self) -> impl Iterator<Item = (IpAddr, &[u8])> {
        self.pods.iter().map(|(address, id)| (address, self.namespaces.label(id)))
    }

    /// All aliases, and the namespaces that they are in.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.aliases.keys().filter_map(|key| {
            let mut labels = labels(key).map_while(|label| std::str::from_utf8(label).ok());
            Some((labels.next()?, labels.next()?))
        })
    }

    /// All services and aliases: their labels on the wire, and what is under them.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        let aliases = self.aliases.iter().filter(|(key, _)| !self.services.contains_key(*key));
        self.services.iter().chain(aliases).map(|(key, entry)| (&**key, entry))
    }
}

/// Serial numbers have 32 bits and go round (RFC 1982).
fn serial_of(revision: u64) -> u32 {
    (revision & u64::from(u32::MAX)) as u32
}

fn put(
    table: &mut HashMap<Box<[u8]>, Entry>,
    namespaces: &mut Namespaces,
    key: ServiceKey,
    entry: Option<Entry>,
) {
    match entry {
        Some(entry) => {
            if table.insert(key.wire, entry).is_none() {
                namespaces.enter(&key.namespace);
            }
        }
        None => {
            if table.remove(&key.wire).is_some() {
                namespaces.leave(&key.namespace);
            }
        }
    }
}
