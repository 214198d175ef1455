//! Which namespace has the pod at an address: for names made of addresses, and for search paths.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pontoon_model::name::Namespace;

use super::namespaces::{Id, Namespaces};

/// Pods by address; the families apart, since an entry of IPv4 is a third of one for both.
#[derive(Debug, Default)]
pub struct Pods {
    v4: HashMap<Ipv4Addr, Id>,
    v6: HashMap<Ipv6Addr, Id>,
}

impl Pods {
    /// A pod of that namespace has the address, or none has.
    pub fn put(
        &mut self,
        namespaces: &mut Namespaces,
        address: IpAddr,
        namespace: Option<&Namespace>,
    ) {
        let new = namespace.map(|namespace| namespaces.enter(namespace));
        let old = match (address, new) {
            (IpAddr::V4(address), Some(id)) => self.v4.insert(address, id),
            (IpAddr::V6(address), Some(id)) => self.v6.insert(address, id),
            (IpAddr::V4(address), None) => self.v4.remove(&address),
            (IpAddr::V6(address), None) => self.v6.remove(&address),
        };
        if let Some(old) = old {
            namespaces.leave_by_id(old);
        }
    }

    /// The namespace of the pod at an address.
    #[must_use]
    pub fn namespace(&self, address: IpAddr) -> Option<Id> {
        match address {
            IpAddr::V4(address) => self.v4.get(&address).copied(),
            IpAddr::V6(address) => self.v6.get(&address).copied(),
        }
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let v4 = self.v4.keys().copied().map(IpAddr::V4);
        v4.chain(self.v6.keys().copied().map(IpAddr::V6))
    }

    /// All addresses and the namespaces of their pods.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, Id)> + '_ {
        let v4 = self.v4.iter().map(|(&address, &id)| (IpAddr::V4(address), id));
        v4.chain(self.v6.iter().map(|(&address, &id)| (IpAddr::V6(address), id)))
    }
}
