//! How many slots each endpoint gets.

use pontoon_model::endpoint::Endpoint;
use pontoon_model::service::Weight;

/// Slots of a service whose shares cannot be had exactly with fewer. With so many a share is off by
/// less than a thousandth for each endpoint of its group.
const MOST_SLOTS: u64 = 1024;

/// The number of slots of each endpoint, in the same order: its group's share divided evenly. Those in
/// no group get none, unless no group that has a share has an endpoint: then all get one, since a
/// weight is no reason to answer nobody.
#[must_use]
pub fn slots(weights: &[Weight], endpoints: &[&Endpoint]) -> Vec<u32> {
    let even = || vec![1; endpoints.len()];
    if weights.is_empty() {
        return even();
    }
    let mut members = vec![0u64; weights.len()];
    for group in endpoints.iter().filter_map(|e| e.place.group) {
        if let Some(count) = members.get_mut(group) {
            *count += 1;
        }
    }
    let shares: Vec<u64> = weights.iter().map(|weight| u64::from(weight.weight)).collect();
    let each = exact(&shares, &members).unwrap_or_else(|| rounded(&shares, &members));
    let of = |e: &&Endpoint| e.place.group.and_then(|g| each.get(g)).copied().unwrap_or(0);
    let slots: Vec<u32> = endpoints.iter().map(|e| u32::try_from(of(e)).unwrap_or(0)).collect();
    if slots.iter().all(|count| *count == 0) { even() } else { slots }
}

/// Slots of a member of each group such that the shares come out exactly; `None` if that takes too
/// many.
fn exact(shares: &[u64], members: &[u64]) -> Option<Vec<u64>> {
    let used = || shares.iter().zip(members).filter(|(share, count)| **share * **count > 0);
    let mut common = 1u64;
    for (_, count) in used() {
        common = common.checked_mul(count / gcd(common, *count))?;
        if common > MOST_SLOTS * 1000 {
            return None;
        }
    }
    let each = |(share, count): (&u64, &u64)| if *count == 0 { 0 } else { share * common / count };
    let each: Vec<u64> = shares.iter().zip(members).map(each).collect();
    let divisor = each.iter().copied().fold(0, gcd).max(1);
    let each: Vec<u64> = each.iter().map(|slots| slots / divisor).collect();
    let total: u64 = each.iter().zip(members).map(|(slots, count)| slots * count).sum();
    (total <= MOST_SLOTS).then_some(each)
}

/// The nearest that so many slots allow; whoever has a share gets one at least.
fn rounded(shares: &[u64], members: &[u64]) -> Vec<u64> {
    let present = |(share, count): (&u64, &u64)| if *count == 0 { 0 } else { *share };
    let whole: u64 = shares.iter().zip(members).map(present).sum();
    shares
        .iter()
        .zip(members)
        .map(|(share, count)| {
            let parts = whole * count;
            if share * count == 0 { 0 } else { ((share * MOST_SLOTS + parts / 2) / parts).max(1) }
        })
        .collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_come_out_exactly_where_few_slots_do() {
        assert_eq!(exact(&[10, 90], &[1, 3]), Some(vec![1, 3]));
        assert_eq!(exact(&[1, 1], &[2, 3]), Some(vec![3, 2]));
        assert_eq!(exact(&[0, 5], &[2, 3]), Some(vec![0, 1]));
        assert_eq!(exact(&[999, 1], &[1, 7]), None, "6994 slots");
        assert_eq!(rounded(&[999, 1], &[1, 7]), vec![1023, 1]);
    }

    proptest! {
        #[test]
        fn shares_are_near_what_was_asked(
            groups in prop::collection::vec((0u64..=1000, 0u64..40), 1..5),
        ) {
            let (shares, members): (Vec<u64>, Vec<u64>) = groups.iter().copied().unzip();
            let each = exact(&shares, &members).unwrap_or_else(|| rounded(&shares, &members));
            let total: u64 = each.iter().zip(&members).map(|(s, m)| s * m).sum();
            let asked: u64 = groups.iter().filter(|(_, m)| *m > 0).map(|(s, _)| s).sum();
            for ((share, count), slots) in groups.iter().zip(&each) {
                prop_assert_eq!(*slots == 0, share * count == 0);
                if total > 0 && *count > 0 {
                    let (got, wanted) = (
                        (slots * count) as f64 / total as f64,
                        *share as f64 / asked as f64,
                    );
                    prop_assert!((got - wanted).abs() < 0.12, "{got} for {wanted}");
                }
            }
        }
    }
}
