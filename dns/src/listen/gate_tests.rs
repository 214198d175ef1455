use super::*;

const POD: [u8; 4] = [10, 42, 0, 7];
const STRANGER: [u8; 4] = [192, 0, 2, 1];

fn acl(network: &str) -> Acl {
    Acl::new([network.parse().unwrap()])
}

fn gate(answers: u32) -> Gate {
    Gate::new(acl("10.42.0.0/16"), Rate::per_second(answers))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A question of that type.
fn asks(name: &str, rtype: u16) -> Vec<u8> {
    let mut message = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(Name::parse(name).unwrap().wire());
    message.extend_from_slice(&rtype.to_be_bytes());
    message.extend_from_slice(&[0, 1]);
    message
}

#[test]
fn strangers_are_told_so_until_they_are_too_many() {
    let gate = gate(2);
    let now = Instant::now();
    let mut open = gate.open(now);
    let mut ask = |last| open.admit(IpAddr::from([192, 0, 2, last]), &[]);
    assert_eq!([ask(1), ask(2)], [Admission::Stranger; 2]);
    assert_eq!(ask(3), Admission::TooMuch);
    assert_eq!(open.admit(POD.into(), &[]), Admission::Admitted);
    drop(open);
    let later = now + Duration::from_millis(500);
    assert_eq!(gate.open(later).admit(STRANGER.into(), &[]), Admission::Stranger);
}

#[test]
fn a_pod_gets_its_rate_and_no_more() {
    let gate = gate(2);
    let mut open = gate.open(Instant::now());
    let mut ask = || open.admit(POD.into(), &[]);
    assert_eq!([ask(), ask()], [Admission::Admitted; 2]);
    assert_eq!(ask(), Admission::TooMuch);
}

#[test]
fn pods_that_share_a_network_of_64_bits_do_not_share_a_rate_and_others_do() {
    let pods = "fd00:42:0:1::/64";
    let everybody = Acl::new(["fd00::/16".parse().unwrap()]);
    let gate = Gate::new(everybody, Rate::per_second(2)).with_single(acl(pods));
    let mut open = gate.open(Instant::now());
    let mut ask = |client| open.admit(address(client), &[]);
    // The first uses up all that it has.
    for _ in 0..10 {
        ask("fd00:42:0:1::7");
        ask("fd00:43::1");
    }
    assert_eq!(ask("fd00:42:0:1::7"), Admission::TooMuch);
    // One of a few may share its bucket by chance.
    let neighbours = ["fd00:42:0:1::8", "fd00:42:0:1::9", "fd00:42:0:1::a"];
    let granted = neighbours.map(&mut ask).into_iter().filter(|one| *one == Admission::Admitted);
    assert!(granted.count() >= 2, "one pod has used up what its neighbours have");
    assert_eq!(ask("fd00:43::2"), Admission::TooMuch, "another address of the same host");
    drop(open);
    assert_ne!(gate.client(address("fd00:42:0:1::7")), gate.client(address("fd00:42:0:1::8")));
    assert_eq!(gate.client(address("fd00:43::1")), gate.client(address("fd00:43::2")));
}

#[test]
fn without_a_rate_everything_goes() {
    let gate = gate(0);
    let mut open = gate.open(Instant::now());
    for _ in 0..100_000 {
        assert_eq!(open.admit(POD.into(), &[]), Admission::Admitted);
        assert_eq!(open.admit(STRANGER.into(), &[]), Admission::Stranger);
    }
}

#[test]
fn who_keeps_a_copy_of_the_zone_may_ask_for_it_and_nothing_else() {
    let zone = Name::parse("cluster.local").unwrap();
    let gate = gate(0).with_copies(acl("192.0.2.1/32"), zone);
    let mut open = gate.open(Instant::now());
    for rtype in [rtype::SOA, rtype::AXFR, rtype::IXFR] {
        let own = asks("Cluster.Local", rtype);
        assert_eq!(open.admit(STRANGER.into(), &own), Admission::Admitted, "{rtype}");
        assert_eq!(open.admit(address("192.0.2.2"), &own), Admission::Stranger, "{rtype}");
        let other = asks("example.com", rtype);
        assert_eq!(open.admit(STRANGER.into(), &other), Admission::Stranger, "{rtype}");
    }
    for (name, rtype) in [
        ("cluster.local", rtype::A),
        ("cluster.local", rtype::NS),
        ("web.default.svc.cluster.local", rtype::A),
        ("example.com", rtype::A),
    ] {
        let other = asks(name, rtype);
        assert_eq!(open.admit(STRANGER.into(), &other), Admission::Stranger, "{name} {rtype}");
    }
    assert_eq!(open.admit(STRANGER.into(), b"no question"), Admission::Stranger);
    assert_eq!(open.admit(POD.into(), &asks("example.com", rtype::A)), Admission::Admitted);
}

#[test]
fn this_host_may_ask_from_whatever_address_it_has() {
    let gate = gate(0).with_host(|| vec![STRANGER.into()]);
    assert!(gate.client(STRANGER.into()).is_some());
    assert!(gate.client(address("192.0.2.2")).is_none());
    let mut open = gate.open(Instant::now());
    assert_eq!(open.admit(STRANGER.into(), &[]), Admission::Admitted);
    assert_eq!(open.admit(address("::ffff:192.0.2.1"), &[]), Admission::Admitted);
    assert_eq!(open.admit(address("192.0.2.2"), &[]), Admission::Stranger);
}
