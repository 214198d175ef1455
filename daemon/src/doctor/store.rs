//! Whether the store is well.

use std::time::SystemTime;

use pontoon_doctor::facts::store::Store;

use super::Doctor;
use crate::config::StoreKind;

/// The quickest of so many answers says most of the store, and least of this host's load.
const ANSWERS: usize = 5;

pub(super) async fn ask(doctor: &Doctor) -> Store {
    let mut facts = Store {
        etcd: doctor.settings.store.kind() == StoreKind::Etcd,
        target: doctor.store.target(),
        ..Store::default()
    };
    for _ in 0..ANSWERS {
        match doctor.store.health().await {
            Ok(health) => {
                facts.latency =
                    Some(facts.latency.map_or(health.latency, |least| least.min(health.latency)));
                facts.alarms = health.alarms;
            }
            Err(error) => {
                facts.away = Some(error.to_string());
                return facts;
            }
        }
    }
    let examined = doctor.store.examine().await;
    let silent = examined.members.into_iter();
    facts.silent = silent.filter_map(|member| Some((member.target, member.fault?))).collect();
    facts.clock_ahead = examined.clock.map(|(there, here)| ahead(there, here));
    facts
}

/// Whole seconds; the store's time is cut to seconds, so that it is half of one too early on average.
fn ahead(there: SystemTime, here: SystemTime) -> i64 {
    let seconds = |time: SystemTime| match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    };
    seconds(here) - seconds(there)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_difference_has_a_direction() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(ahead(at(100), at(107)), 7);
        assert_eq!(ahead(at(107), at(100)), -7);
    }
}
