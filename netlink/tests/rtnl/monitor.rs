//! Changes as they happen.

use std::time::Duration;

use pontoon_netlink::{Change, Event, LinkChange, Monitor, NewVeth, Op, Route, Rule, Watch};

use crate::support::{Host, add_address, address, bridge, host, name, up};

const WAIT: Duration = Duration::from_secs(10);

async fn until<T>(monitor: &mut Monitor, found: impl Fn(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = found(monitor.next().await.unwrap()) {
                return found;
            }
        }
    };
    tokio::time::timeout(WAIT, search).await.expect("the event does not come")
}

fn route(number: u8) -> Route {
    let dst = format!("10.{number}.0.0/16").parse().unwrap();
    Route::via(dst, "192.0.2.2".parse().unwrap(), name("up0"))
}

fn prepare(host: &mut Host) {
    host.apply(&[
        Op::CreateVeth(NewVeth { up: true, ..NewVeth::new(name("up0"), name("up1")) }),
        up("up1"),
        add_address("up0", "192.0.2.1/24"),
    ]);
}

#[tokio::test]
async fn tells_of_devices_addresses_routes_and_rules() {
    let Some(mut host) = host() else { return };
    let mut monitor = Monitor::open_in(&host.netns, Watch::default()).unwrap();
    prepare(&mut host);
    let made = until(&mut monitor, |event| match event {
        Event::Link(Change::Present, link) if link.name == "up0" => Some(link),
        _ => None,
    });
    assert_eq!(made.await.kind.name(), "veth");
    let wanted = address("up0", "192.0.2.1/24");
    let ours = |event| match event {
        Event::Address(change, info) if info.address == wanted => Some(change),
        _ => None,
    };
    assert_eq!(until(&mut monitor, ours).await, Change::Present);

    let rule = Rule::to_table(false, 100, 1000);
    host.apply(&[
        Op::AddRoute(route(1)),
        Op::DeleteRoute(route(1)),
        Op::AddRule(rule.clone()),
        Op::DeleteRule(rule.clone()),
    ]);
    for expected in [
        Event::Route(Change::Present, route(1)),
        Event::Route(Change::Gone, route(1)),
        Event::Rule(Change::Present, rule.clone()),
        Event::Rule(Change::Gone, rule),
    ] {
        until(&mut monitor, |event| (event == expected).then_some(())).await;
    }
    host.apply(&[Op::DeleteLink { dev: name("up0") }]);
    let gone = until(&mut monitor, |event| match event {
        Event::Link(Change::Gone, link) => Some(link.name),
        _ => None,
    });
    assert!(gone.await.as_str().starts_with("up"));
}

#[tokio::test]
async fn a_port_that_leaves_its_bridge_is_not_gone() {
    let Some(mut host) = host() else { return };
    prepare(&mut host);
    let mut monitor = Monitor::open_in(&host.netns, Watch::default()).unwrap();
    let master = |master| Op::SetLink {
        dev: name("up0"),
        change: LinkChange { master: Some(master), ..LinkChange::default() },
    };
    host.apply(&[
        bridge("br0"),
        master(pontoon_netlink::Master::Join(name("br0"))),
        master(pontoon_netlink::Master::Leave),
        bridge("last"),
    ]);
    let seen = |event| match event {
        Event::Link(Change::Gone, link) => panic!("{link:?}"),
        Event::Link(_, link) if link.name == "last" => Some(()),
        _ => None,
    };
    until(&mut monitor, seen).await;
}

#[tokio::test]
async fn lost_events_are_told() {
    let Some(mut host) = host() else { return };
    prepare(&mut host);
    let watch = Watch { buffer: 4096, ..Watch::default() };
    let mut monitor = Monitor::open_in(&host.netns, watch).unwrap();
    let flap: Vec<_> =
        (1..200).flat_map(|n| [Op::AddRoute(route(n)), Op::DeleteRoute(route(n))]).collect();
    host.apply(&flap);
    until(&mut monitor, |event| (event == Event::Overrun).then_some(())).await;
    // It goes on afterwards.
    tokio::time::sleep(Duration::from_millis(10)).await;
    while tokio::time::timeout(Duration::from_millis(50), monitor.next()).await.is_ok() {}
    host.apply(&[Op::AddRoute(route(1))]);
    let expected = Event::Route(Change::Present, route(1));
    until(&mut monitor, |event| (event == expected).then_some(())).await;
}

#[tokio::test]
async fn only_what_is_watched_is_told() {
    let Some(mut host) = host() else { return };
    prepare(&mut host);
    let watch = Watch { links: false, addresses: false, rules: false, ..Watch::default() };
    let mut monitor = Monitor::open_in(&host.netns, watch).unwrap();
    host.apply(&[bridge("br0"), add_address("up0", "192.0.2.9/24"), Op::AddRoute(route(1))]);
    let first = until(&mut monitor, |event| match event {
        // The address brings a route of the kernel's.
        Event::Route(_, route) if route.protocol != Route::STATIC => None,
        other => Some(other),
    });
    assert_eq!(first.await, Event::Route(Change::Present, route(1)));
}
