use super::*;
use proptest::prelude::*;

fn id(n: usize) -> AttachmentId {
    AttachmentId { container_id: format!("c{n}").parse().unwrap(), ifname: "eth0".parse().unwrap() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ipam(subnets: &[&str]) -> Ipam {
    let mut ipam = Ipam::default();
    for subnet in subnets {
        ipam.add_subnet(subnet.parse().unwrap());
    }
    ipam
}

#[test]
fn gives_neither_network_gateway_nor_broadcast() {
    let mut ipam = ipam(&["10.0.0.0/29"]);
    let given: Vec<_> =
        (0..5).map(|n| ipam.allocate(Family::V4, &id(n)).unwrap().to_string()).collect();
    assert_eq!(given, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    let full = ipam.allocate(Family::V4, &id(9)).unwrap_err();
    assert_eq!(
        full.to_string(),
        "no free IPv4 address: all 5 of the node's subnets (10.0.0.0/29) are in use"
    );
    for reserved in ["10.0.0.0", "10.0.0.1", "10.0.0.7"] {
        assert!(matches!(
            ipam.allocate_exact(ip(reserved), &id(9)),
            Err(IpamError::Foreign { .. })
        ));
    }
}

#[test]
fn an_address_rests_before_it_is_reused() {
    let mut ipam = ipam(&["10.0.0.0/29"]);
    let first = ipam.allocate(Family::V4, &id(0)).unwrap();
    assert!(ipam.release(first, &id(0)));
    for n in 1..5 {
        assert_ne!(ipam.allocate(Family::V4, &id(n)).unwrap(), first);
    }
    assert!(ipam.release(ip("10.0.0.4"), &id(2)));
    assert_eq!(ipam.allocate(Family::V4, &id(6)).unwrap(), first, "released longest ago");
    assert_eq!(ipam.allocate(Family::V4, &id(7)).unwrap(), ip("10.0.0.4"));
}

#[test]
fn rest_outlives_a_restart() {
    let mut ipam = ipam(&["10.0.0.0/29"]);
    ipam.adopt(ip("10.0.0.4"), &id(0)).unwrap();
    ipam.replay_released([ip("10.0.0.3"), ip("10.0.0.2"), ip("10.0.0.3")]);
    let given: Vec<_> =
        (1..5).map(|n| ipam.allocate(Family::V4, &id(n)).unwrap().to_string()).collect();
    assert_eq!(given, ["10.0.0.5", "10.0.0.6", "10.0.0.2", "10.0.0.3"]);
}

#[test]
fn only_the_holder_releases() {
    let mut ipam = ipam(&["10.0.0.0/29"]);
    let address = ipam.allocate(Family::V4, &id(0)).unwrap();
    assert!(!ipam.release(address, &id(1)));
    assert!(matches!(ipam.allocate_exact(address, &id(1)), Err(IpamError::InUse { .. })));
    assert_eq!(ipam.allocate_exact(address, &id(0)), Ok(()), "asking again for one's own");
}

#[test]
fn a_further_subnet_follows_the_first() {
    let mut ipam = ipam(&["10.0.0.0/30"]);
    assert_eq!(ipam.allocate(Family::V4, &id(0)).unwrap(), ip("10.0.0.2"));
    assert!(!ipam.has_free(Family::V4));
    ipam.add_subnet("10.0.9.0/30".parse().unwrap());
    assert!(ipam.has_free(Family::V4));
    assert_eq!(ipam.allocate(Family::V4, &id(1)).unwrap(), ip("10.0.9.2"));
    assert_eq!(ipam.allocate(Family::V6, &id(1)), Err(IpamError::NoSubnet(Family::V6)));
}

proptest! {
    /// Whatever is asked for and given back, in whatever order and with restarts in between, no two
    /// attachments ever have one address and no address is lost.
    #[test]
    fn no_address_twice_and_none_lost(steps in prop::collection::vec((0usize..12, 0u8..4), 1..200)) {
        let subnet: IpNetwork = "10.0.0.0/28".parse().unwrap();
        let mut pool = ipam(&["10.0.0.0/28"]);
        let mut held: std::collections::HashMap<usize, IpAddr> = std::collections::HashMap::new();
        let mut log = Vec::new();
        for (who, what) in steps {
            match what {
                0 | 1 => if !held.contains_key(&who) {
                    match pool.allocate(Family::V4, &id(who)) {
                        Ok(ip) => {
                            prop_assert!(held.values().all(|other| *other != ip));
                            held.insert(who, ip);
                        }
                        Err(_) => prop_assert_eq!(held.len(), 13),
                    }
                },
                2 => if let Some(ip) = held.remove(&who) {
                    prop_assert!(pool.release(ip, &id(who)));
                    log.push(ip);
                },
                _ => {
                    pool = Ipam::default();
                    pool.add_subnet(subnet);
                    for (who, ip) in &held {
                        pool.adopt(*ip, &id(*who)).unwrap();
                    }
                    pool.replay_released(log.iter().copied());
                }
            }
        }
        let free = 13 - held.len();
        for n in 0..free {
            prop_assert!(pool.allocate(Family::V4, &id(100 + n)).is_ok());
        }
        prop_assert!(pool.allocate(Family::V4, &id(200)).is_err());
    }
}
