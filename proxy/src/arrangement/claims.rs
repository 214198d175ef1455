//! Which service has a frontend that several ask for: the first by namespace and name, the same on
//! every node and after every restart.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use pontoon_model::service::ServiceId;

use crate::frontend::Frontend;

/// Who asks for which frontend.
#[derive(Debug, Default)]
pub(super) struct Claims {
    owners: HashMap<Frontend, Arc<ServiceId>>,
    /// All that ask, where there are several.
    contested: HashMap<Frontend, BTreeSet<Arc<ServiceId>>>,
}

impl Claims {
    /// The service that has a frontend.
    pub(super) fn owner(&self, at: Frontend) -> Option<&Arc<ServiceId>> {
        self.owners.get(&at)
    }

    /// Frontends that several ask for, and who: the first has it.
    pub(super) fn contested(&self) -> impl Iterator<Item = (Frontend, Vec<&Arc<ServiceId>>)> {
        self.contested.iter().map(|(at, all)| (*at, all.iter().collect()))
    }

    /// A service asks for a frontend. Gives the service that loses it.
    pub(super) fn claim(&mut self, id: &Arc<ServiceId>, at: Frontend) -> Option<Arc<ServiceId>> {
        let Some(owner) = self.owners.get(&at).cloned() else {
            self.owners.insert(at, Arc::clone(id));
            return None;
        };
        if owner == *id {
            return None;
        }
        let all = self.contested.entry(at).or_insert_with(|| BTreeSet::from([Arc::clone(&owner)]));
        all.insert(Arc::clone(id));
        if *id < owner {
            self.owners.insert(at, Arc::clone(id));
            return Some(owner);
        }
        None
    }

    /// A service asks no more. Gives the service that has the frontend now and had it not before.
    pub(super) fn release(&mut self, id: &Arc<ServiceId>, at: Frontend) -> Option<Arc<ServiceId>> {
        let had = self.owners.get(&at) == Some(id);
        let Some(all) = self.contested.get_mut(&at) else {
            if had {
                self.owners.remove(&at);
            }
            return None;
        };
        all.remove(id);
        let heir = all.first().cloned();
        if all.len() < 2 {
            self.contested.remove(&at);
        }
        let heir = heir.filter(|_| had)?;
        self.owners.insert(at, Arc::clone(&heir));
        Some(heir)
    }
}
