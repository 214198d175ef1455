//! Which slot an endpoint has. Endpoints keep their slots; when one goes, the last moves into the hole,
//! so that three elements change at the most.

use std::collections::HashMap;
use std::net::SocketAddr;

/// The slots of a set of endpoints in order; an endpoint has as many as its weight.
pub type Slots = Vec<SocketAddr>;

/// The slots that hold `wanted`, with as many as possible where they were in `before`.
#[must_use]
pub fn arrange(before: &[SocketAddr], wanted: &[SocketAddr]) -> Slots {
    if before == wanted {
        return before.to_vec();
    }
    let mut missing: HashMap<SocketAddr, u32> = HashMap::with_capacity(wanted.len());
    for endpoint in wanted {
        *missing.entry(*endpoint).or_default() += 1;
    }
    let mut slots: Vec<Option<SocketAddr>> = before
        .iter()
        .map(|endpoint| {
            let left = missing.get_mut(endpoint).filter(|left| **left > 0)?;
            *left -= 1;
            Some(*endpoint)
        })
        .collect();
    // In the order that they were asked for, so that the outcome depends on nothing else.
    let mut new = wanted.iter().filter(|endpoint| match missing.get_mut(endpoint) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    });
    for slot in slots.iter_mut().filter(|slot| slot.is_none()) {
        match new.next() {
            Some(endpoint) => *slot = Some(*endpoint),
            None => break,
        }
    }
    slots.extend(new.map(|endpoint| Some(*endpoint)));
    let mut filled = Vec::with_capacity(wanted.len());
    while let Some(slot) = slots.get(filled.len()).copied() {
        match slot.or_else(|| last_of(&mut slots, filled.len())) {
            Some(endpoint) => filled.push(endpoint),
            None => break,
        }
    }
    filled
}

/// Takes the last endpoint out from behind a hole.
fn last_of(slots: &mut Vec<Option<SocketAddr>>, hole: usize) -> Option<SocketAddr> {
    while slots.len() > hole + 1 {
        if let Some(Some(endpoint)) = slots.pop() {
            return Some(endpoint);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoints(names: &str) -> Slots {
        names.bytes().map(|n| SocketAddr::from(([10, 0, 0, n], 80))).collect()
    }

    #[test]
    fn the_last_moves_into_the_hole() {
        assert_eq!(arrange(&endpoints("abcd"), &endpoints("acd")), endpoints("adc"));
        assert_eq!(arrange(&endpoints("abcd"), &endpoints("abc")), endpoints("abc"));
    }

    #[test]
    fn one_that_comes_takes_the_place_of_one_that_goes() {
        assert_eq!(arrange(&endpoints("abcd"), &endpoints("acde")), endpoints("aecd"));
        assert_eq!(arrange(&endpoints("ab"), &endpoints("abc")), endpoints("abc"));
        assert_eq!(arrange(&[], &endpoints("aab")), endpoints("aab"));
    }

    proptest! {
        #[test]
        fn slots_hold_what_is_wanted_and_few_change(before in "[a-h]{0,12}", wanted in "[a-h]{0,12}") {
            let (before, wanted) = (endpoints(&before), endpoints(&wanted));
            let slots = arrange(&before, &wanted);
            let sorted = |slots: &Slots| { let mut s = slots.clone(); s.sort(); s };
            prop_assert_eq!(sorted(&slots), sorted(&wanted));
            let mut kept = sorted(&before);
            for endpoint in &wanted {
                if let Ok(at) = kept.binary_search(endpoint) { kept.remove(at); }
            }
            let (gone, come) = (kept.len(), wanted.len() + kept.len() - before.len());
            let length = before.len().max(slots.len());
            let changed = (0..length).filter(|at| before.get(*at) != slots.get(*at)).count();
            // Each that goes frees a slot and may move another; each that comes fills one.
            prop_assert!(changed <= 2 * gone + come, "{changed} slots for {gone} gone and {come} come");
        }
    }
}
