use super::*;
use proptest::prelude::*;

fn rate(per_second: u32, burst: u32) -> Rate {
    Rate {
        per_second: NonZeroU32::new(per_second).unwrap(),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_full_bucket_gives_its_burst_and_then_its_rate() {
    let mut limiter = Limiter::new(rate(10, 3));
    let client = Client::address(address("10.1.0.7"));
    let mut at = |milliseconds| limiter.permits(client, Duration::from_millis(milliseconds));
    assert_eq!([at(5), at(5), at(5), at(5)], [true, true, true, false]);
    assert_eq!([at(104), at(105), at(106), at(205)], [false, true, false, true]);
    assert_eq!([at(9000), at(9000), at(9000), at(9000)], [true, true, true, false]);
}

#[test]
fn a_rate_of_nothing_is_no_limit() {
    assert_eq!(Rate::per_second(0), None);
    assert_eq!(Rate::per_second(5), Some(rate(5, 5)));
}

#[test]
fn a_client_is_an_address_or_a_network_of_64_bits() {
    let key = |text| Client::network(address(text));
    assert_eq!(key("fd00:1:2:3::1"), key("fd00:1:2:3:ffff::2"));
    assert_ne!(key("fd00:1:2:3::1"), key("fd00:1:2:4::1"));
    assert_ne!(key("10.0.0.1"), key("10.0.0.2"));
    assert_eq!(key("10.0.0.1"), key("::ffff:10.0.0.1"));
    assert_ne!(key("0.0.0.0"), key("::1"));
    let alone = |text| Client::address(address(text));
    assert_ne!(alone("fd00:1:2:3::1"), alone("fd00:1:2:3::2"));
    assert_eq!(alone("10.0.0.1"), alone("::ffff:10.0.0.1"));
}

#[test]
fn clients_do_not_pay_for_each_other() {
    let mut limiter = Limiter::new(rate(1, 1));
    let now = Duration::ZERO;
    let clients = (1..=100).map(|last| IpAddr::from([10, 0, 0, last]));
    let granted = clients.filter(|client| limiter.permits(Client::address(*client), now)).count();
    // Two of a hundred share one of the 16,384 buckets in every fourth run; four pairs never do.
    assert!(granted > 96, "{granted} of 100 clients got their first answer");
}

proptest! {
    #[test]
    fn no_client_gets_more_than_rate_and_burst(
        per_second in 1_u32..200_000,
        burst in 1_u32..50,
        steps in prop::collection::vec((0_u64..2_000_000, 0_u8..3), 1..400),
    ) {
        let rate = rate(per_second, burst);
        let mut limiter = Limiter::new(rate);
        let mut now = Duration::ZERO;
        let mut granted: [Vec<Duration>; 3] = Default::default();
        for (nanoseconds, client) in steps {
            now += Duration::from_nanos(nanoseconds);
            let asking = Client::address(IpAddr::from([10, 0, 0, client]));
            if limiter.permits(asking, now) {
                granted[usize::from(client)].push(now);
            }
        }
        for times in granted {
            for (first, from) in times.iter().enumerate() {
                for (count, to) in times[first..].iter().enumerate() {
                    let allowed = (*to - *from).as_secs_f64() * f64::from(per_second);
                    prop_assert!((count + 1) as f64 <= allowed + f64::from(burst) + 1e-6);
                }
            }
        }
    }

    #[test]
    fn who_keeps_to_the_rate_is_never_refused(
        per_second in 1_u32..1_000_000,
        count in 1_u32..300,
    ) {
        let mut limiter = Limiter::new(rate(per_second, 1));
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(per_second.into()));
        for index in 0..count {
            prop_assert!(limiter.permits(Client::address(address("10.0.0.1")), interval * index));
        }
    }
}
