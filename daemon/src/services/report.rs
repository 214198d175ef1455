//! What the other parts of the daemon are told of services.

use pontoon_proxy::entry::{Map, MapKind};

/// Services at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many services have addresses in the kernel.
    pub services: usize,
    /// How many elements each map in the kernel has.
    pub elements: Vec<(Map, u32)>,
    /// The store's revision up to which the kernel follows.
    pub revision: u64,
    /// What is wrong, in words.
    pub problems: Vec<String>,
}

impl Report {
    /// Slots that lead to endpoints.
    #[must_use]
    pub fn slots(&self) -> u64 {
        let slots = self.elements.iter().filter(|(map, _)| map.kind == MapKind::Slots);
        slots.map(|(_, count)| u64::from(*count)).sum()
    }
}
