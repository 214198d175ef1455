//! Many operations at once, and what a failure among them says.

use std::net::Ipv4Addr;

use ipnetwork::IpNetwork;
use nix::errno::Errno;
use pontoon_netlink::{LinkChange, NewVeth, Op, OpFailure, Route, RouteFilter};

use crate::support::{Host, add_address, bridge, host, name, up};

const PROTOCOL: u8 = 112;

fn uplink() -> Option<Host> {
    let mut host = host()?;
    host.apply(&[
        Op::CreateVeth(NewVeth { up: true, ..NewVeth::new(name("up0"), name("up1")) }),
        up("up1"),
        add_address("up0", "192.0.2.1/24"),
    ]);
    Some(host)
}

fn route(number: u32) -> Route {
    let dst = Ipv4Addr::from(0x0a00_0000 | (number << 8));
    let dst = IpNetwork::new(dst.into(), 24).unwrap();
    Route { protocol: PROTOCOL, ..Route::via(dst, "192.0.2.2".parse().unwrap(), name("up0")) }
}

#[test]
fn two_thousand_routes_go_in_and_come_out() {
    let Some(mut host) = uplink() else { return };
    let routes: Vec<_> = (0..2_000).map(route).collect();
    let add: Vec<_> = routes.iter().cloned().map(Op::AddRoute).collect();
    let filter = RouteFilter { protocol: Some(PROTOCOL), ..RouteFilter::default() };
    host.apply(&add);
    assert_eq!(host.rtnl.routes(filter).unwrap(), routes);

    let outcomes = host.rtnl.execute_each(&add);
    assert_eq!(outcomes.len(), 2_000);
    assert!(outcomes.iter().all(|o| o.as_ref().is_err_and(|e| e.is_exists())));

    let delete: Vec<_> = routes.iter().cloned().map(Op::DeleteRoute).collect();
    host.apply(&delete);
    assert_eq!(host.rtnl.routes(filter).unwrap(), []);
    let outcomes = host.rtnl.execute_each(&delete);
    assert!(outcomes.iter().all(|o| o.as_ref().is_err_and(|e| e.is_not_found())));
}

#[test]
fn a_thousand_failures_are_all_told() {
    let Some(mut host) = uplink() else { return };
    let far = Some("203.0.113.1".parse().unwrap());
    let ops: Vec<_> =
        (0..1_000).map(|n| Op::AddRoute(Route { gateway: far, ..route(n) })).collect();
    for (outcome, op) in host.rtnl.execute_each(&ops).into_iter().zip(&ops) {
        let error = outcome.unwrap_err();
        assert_eq!((&*error.op, error.errno()), (op, Errno::ENETUNREACH));
        assert!(matches!(error.failure, OpFailure::Kernel { message: Some(_), .. }), "{error}");
    }
    let error = host.rtnl.execute(&ops).unwrap_err();
    assert_eq!((error.index, error.others), (0, 999));
}

#[test]
fn an_error_names_the_operation_its_place_and_the_kernels_reason() {
    let Some(mut host) = uplink() else { return };
    let wrong = Route { gateway: Some("203.0.113.1".parse().unwrap()), ..route(7) };
    let ops = [Op::AddRoute(route(1)), Op::AddRoute(wrong.clone()), Op::AddRoute(route(2))];
    let error = host.rtnl.execute(&ops).unwrap_err();
    assert_eq!(error.index, 1);
    assert_eq!(*error.error.op, Op::AddRoute(wrong));
    assert_eq!(
        error.error.failure,
        OpFailure::Kernel {
            errno: Errno::ENETUNREACH,
            message: Some("Nexthop has invalid gateway".into())
        }
    );
    assert_eq!(
        error.to_string(),
        "operation 1: cannot \"route add 10.0.7.0/24 via 203.0.113.1 dev up0 proto 112\": \
         Network is unreachable: Nexthop has invalid gateway \
         (the gateway is on no link of the device, and the route is not onlink)"
    );
}

#[test]
fn each_operation_has_its_outcome() {
    let Some(mut host) = uplink() else { return };
    let gone = Op::DeleteLink { dev: name("nothing") };
    let ops = [
        Op::AddRoute(route(1)),
        gone,
        Op::AddRoute(Route { dev: Some(name("nowhere")), ..route(2) }),
        Op::AddRoute(route(1)),
        Op::AddRoute(route(3)),
    ];
    let outcomes = host.rtnl.execute_each(&ops);
    assert!(outcomes[0].is_ok() && outcomes[4].is_ok(), "{outcomes:?}");
    assert!(outcomes[1].as_ref().unwrap_err().is_no_device());
    assert_eq!(outcomes[2].as_ref().unwrap_err().failure, OpFailure::NoDevice(name("nowhere")));
    assert!(outcomes[3].as_ref().unwrap_err().is_exists());
}

#[test]
fn execution_stops_at_a_device_that_is_not_there() {
    let Some(mut host) = uplink() else { return };
    let ops = [
        Op::AddRoute(route(1)),
        Op::AddRoute(Route { dev: Some(name("nowhere")), ..route(2) }),
        Op::AddRoute(route(3)),
    ];
    let error = host.rtnl.execute(&ops).unwrap_err();
    assert_eq!((error.index, error.others), (1, 1));
    assert_eq!(error.error.failure, OpFailure::NoDevice(name("nowhere")));
    let filter = RouteFilter { protocol: Some(PROTOCOL), ..RouteFilter::default() };
    assert_eq!(host.rtnl.routes(filter).unwrap(), [route(1)]);
}

#[test]
fn an_earlier_failure_is_told_before_a_later_missing_device() {
    let Some(mut host) = uplink() else { return };
    // The address needs the number of a device that is only made by the failing operation.
    let veth = Op::CreateVeth(NewVeth::new(name("up0"), name("other")));
    let ops = [veth.clone(), add_address("other", "198.51.100.1/24"), Op::AddRoute(route(1))];
    let error = host.rtnl.execute(&ops).unwrap_err();
    assert_eq!((error.index, &*error.error.op), (0, &veth));
    assert!(error.error.is_exists());
    assert_eq!(error.others, 2);
}

#[test]
fn names_follow_what_the_batch_did_before() {
    let Some(mut host) = host() else { return };
    let rename = |from, to| Op::SetLink {
        dev: name(from),
        change: LinkChange { name: Some(name(to)), ..LinkChange::default() },
    };
    host.apply(&[
        bridge("a"),
        add_address("a", "192.0.2.1/32"),
        rename("a", "b"),
        bridge("a"),
        add_address("a", "192.0.2.2/32"),
        add_address("b", "192.0.2.3/32"),
        Op::DeleteLink { dev: name("a") },
        bridge("a"),
        add_address("a", "192.0.2.4/32"),
        Op::CreateVeth(NewVeth::new(name("c"), name("d"))),
        add_address("d", "192.0.2.5/32"),
        Op::DeleteLink { dev: name("c") },
        Op::CreateVeth(NewVeth::new(name("d"), name("c"))),
        add_address("d", "192.0.2.6/32"),
    ]);
    let mut found: Vec<_> = host
        .rtnl
        .addresses()
        .unwrap()
        .into_iter()
        .filter(|a| a.address.net.is_ipv4())
        .map(|a| (a.address.dev.to_string(), a.address.net.ip().to_string()))
        .collect();
    found.sort();
    let expected = [("a", 4), ("b", 1), ("b", 3), ("d", 6)];
    assert_eq!(found, expected.map(|(dev, last)| (dev.to_owned(), format!("192.0.2.{last}"))));
}

#[test]
fn nothing_to_do_is_done() {
    let Some(mut host) = host() else { return };
    host.apply(&[]);
    assert_eq!(host.rtnl.execute_each(&[]), []);
}
