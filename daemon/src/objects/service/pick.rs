//! Choosing what nobody has: by chance, so that two daemons seldom choose the same, and first where
//! people do not choose by hand (Kubernetes, KEP-3070 and KEP-3668).

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnetwork::IpNetwork;
use pontoon_model::cidr::{self, Family};
use pontoon_model::port_range::PortRange;
use rand::{Rng, RngExt};

/// A free address of a range, but its network's own and, for IPv4, its broadcast address.
pub(super) fn address(
    range: IpNetwork,
    is_free: impl Fn(IpAddr) -> bool,
    rng: &mut impl Rng,
) -> Option<IpAddr> {
    let usable = usable(range)?;
    let size = usable.end() - usable.start() + 1;
    let by_hand = if size <= 16 { 0 } else { (size / 16).clamp(16, 256) };
    let at = |offset| cidr::nth(range, offset).filter(|ip| is_free(*ip));
    number(usable, by_hand, |offset| at(offset).is_some(), rng).and_then(at)
}

/// The offsets of a range's addresses that a service may have.
pub(super) fn usable(range: IpNetwork) -> Option<RangeInclusive<u128>> {
    let last = match Family::of_network(range) {
        Family::V4 => cidr::size_less_one(range).checked_sub(1)?,
        Family::V6 => cidr::size_less_one(range),
    };
    (last >= 1).then_some(1..=last)
}

/// A free port of a range.
pub(super) fn port(
    range: PortRange,
    is_free: impl Fn(u16) -> bool,
    rng: &mut impl Rng,
) -> Option<u16> {
    let size = u128::from(range.last() - range.first()) + 1;
    let by_hand = if size <= 16 { 0 } else { (size / 32).clamp(16, 128).min(size - 1) };
    let ports = u128::from(range.first())..=u128::from(range.last());
    let at = |number| u16::try_from(number).ok().filter(|port| is_free(*port));
    number(ports, by_hand, |number| at(number).is_some(), rng).and_then(at)
}

/// Guesses before every number is tried in turn.
const GUESSES: usize = 32;

fn number(
    all: RangeInclusive<u128>,
    by_hand: u128,
    is_free: impl Fn(u128) -> bool,
    rng: &mut impl Rng,
) -> Option<u128> {
    let (first, last) = all.into_inner();
    let border = first.saturating_add(by_hand);
    let upper = (border <= last).then_some(border..=last);
    let lower = (by_hand > 0).then(|| first..=last.min(border - 1));
    [upper, lower].into_iter().flatten().find_map(|band| within(band, &is_free, rng))
}

fn within(
    band: RangeInclusive<u128>,
    is_free: impl Fn(u128) -> bool,
    rng: &mut impl Rng,
) -> Option<u128> {
    let (first, last) = (*band.start(), *band.end());
    let guessed = (0..GUESSES).map(|_| rng.random_range(first..=last)).find(|n| is_free(*n));
    // From anywhere onwards and then from the start, which ends soon: what is taken is little, or the
    // band is.
    let start = rng.random_range(first..=last);
    guessed.or_else(|| (start..=last).chain(first..start).find(|n| is_free(*n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn all_of(range: &str) -> Vec<IpAddr> {
        let (range, mut taken) = (range.parse().unwrap(), Vec::new());
        while let Some(ip) = address(range, |ip| !taken.contains(&ip), &mut rand::rng()) {
            taken.push(ip);
        }
        taken
    }

    #[test]
    fn every_address_but_the_first_and_the_broadcast_is_given_once() {
        let given = all_of("10.96.0.0/26");
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
        assert_eq!(given.len(), 62);
        assert!(!given.contains(&"10.96.0.0".parse().unwrap()));
        assert!(!given.contains(&"10.96.0.63".parse().unwrap()));
        let six = all_of("fd00::/124");
        assert!(six.len() == 15 && six.contains(&"fd00::f".parse().unwrap()), "{six:?}");
        assert!(all_of("10.96.0.0/32").is_empty() && all_of("10.96.0.0/31").is_empty());
    }

    #[test]
    fn what_people_choose_by_hand_is_given_last() {
        let given = all_of("10.96.0.0/24");
        let low = |ip: &IpAddr| cidr::to_bits(*ip) & 0xff <= 16;
        assert!(!given[..given.len() - 16].iter().any(low));
        assert!(given[given.len() - 16..].iter().all(low));
        for _ in 0..1000 {
            let port = port(PortRange::default(), |_| true, &mut rand::rng()).unwrap();
            assert!((30_086..=32_767).contains(&port), "{port}");
        }
    }

    #[test]
    fn ranges_of_one_and_of_all_addresses_end() {
        let one: PortRange = "5-5".parse().unwrap();
        assert_eq!(port(one, |_| true, &mut rand::rng()), Some(5));
        assert_eq!(port(one, |_| false, &mut rand::rng()), None);
        assert!(address("::/0".parse().unwrap(), |_| true, &mut rand::rng()).is_some());
    }
}
