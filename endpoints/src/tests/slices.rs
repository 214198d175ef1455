//! The clauses of endpoint slices.

use pontoon_model::endpoint::{Conditions, Place};
use pontoon_model::service::{Protocol, ServicePort, TargetPort};

use super::objects::*;
use crate::Directory;

fn first_port(directory: &Directory) -> String {
    written(&directory.endpoints(&service_id("x/s"))[0])
}

#[test]
fn slices_give_the_target_port_and_may_come_before_their_service() {
    let mut directory = Directory::new();
    directory.put_slice(slice("x/e", "x/s", vec![listed("10.0.0.2", ""), listed("10.0.0.1", "n")]));
    let mut without_selector = service("x/s", "");
    without_selector.ports = vec![port("", TargetPort::Number(1))];
    directory.put_service(without_selector);
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n 10.0.0.2:8080@");
}

#[test]
fn ports_match_by_name_and_protocol() {
    let mut directory = Directory::new();
    let mut with_ports = service("x/s", "");
    let number = TargetPort::Number(80);
    let udp = |port| ServicePort { protocol: Protocol::Udp, ..port };
    with_ports.ports =
        vec![port("web", number.clone()), udp(port("web2", number.clone())), port("no", number)];
    directory.put_service(with_ports);
    let mut with_ports = slice("x/e", "x/s", vec![listed("10.0.0.1", "")]);
    with_ports.ports = vec![
        slice_port("web2", Protocol::Tcp, 1),
        slice_port("web2", Protocol::Udp, 2),
        slice_port("web", Protocol::Tcp, 3),
    ];
    directory.put_slice(with_ports);
    let ports = directory.endpoints(&service_id("x/s"));
    let ports: Vec<_> = ports.iter().map(|port| written(port)).collect();
    assert_eq!(ports, ["10.0.0.1:3@", "10.0.0.1:2@", ""]);
}

#[test]
fn selector_and_slices_add_up_and_the_ready_one_counts() {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", "app=web"));
    directory.put_pod(pod("a", "x/p", "app=web", &["10.0.0.1"]));
    let mut unready = pod("a", "x/q", "app=web", &["10.0.0.2"]);
    unready.ready = false;
    directory.put_pod(unready);
    let mut going = listed("10.0.0.1", "b");
    going.conditions = Conditions { ready: false, serving: true, terminating: true };
    directory.put_slice(slice("x/e", "x/s", vec![going.clone(), listed("10.0.0.2", "b")]));
    going.address = parse("10.0.0.3");
    directory.put_slice(slice("x/f", "x/s", vec![going]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a 10.0.0.2:8080@b 10.0.0.3:8080@b~");
}

#[test]
fn an_endpoint_on_a_node_that_is_gone_neither_is_ready_nor_serves() {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", ""));
    let mut going = listed("10.0.0.1", "a");
    going.conditions = Conditions { ready: false, serving: true, terminating: true };
    directory.put_slice(slice("x/e", "x/s", vec![going, listed("10.0.0.2", "")]));
    directory.set_gone(nodes(&["a"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a! 10.0.0.2:8080@");
    let ports = directory.endpoints(&service_id("x/s"));
    assert!(ports[0][0].conditions.terminating, "that it is going stays true");
}

#[test]
fn the_zone_is_the_slices_own_or_else_the_nodes() {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", ""));
    directory.put_node(parse("n"), Some("east".to_owned()));
    let mut own = listed("10.0.0.1", "n");
    own.zone = Some("west".to_owned());
    let mut hinted = listed("10.0.0.2", "n");
    hinted.zone_hints = vec!["west".to_owned()];
    hinted.node_hints = vec![parse("m")];
    directory.put_slice(slice("x/e", "x/s", vec![own, hinted.clone(), listed("10.0.0.3", "n")]));
    let ports = directory.endpoints(&service_id("x/s"));
    let zones: Vec<_> = ports[0].iter().map(|endpoint| endpoint.place.zone.as_deref()).collect();
    assert_eq!(zones, [Some("west"), Some("east"), Some("east")]);
    let place = Place {
        node: hinted.node,
        zone: Some("east".to_owned()),
        zone_hints: hinted.zone_hints,
        node_hints: hinted.node_hints,
        group: None,
    };
    assert_eq!(*ports[0][1].place, place, "hints are as the slice has them");
}

#[test]
fn a_slice_may_change_its_service_or_lose_it() {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", ""));
    directory.put_service(service("x/t", ""));
    let of = |service| slice("x/e", service, vec![listed("10.0.0.1", "n")]);
    let lengths = |directory: &Directory| {
        ["x/s", "x/t"].map(|id| directory.endpoints(&service_id(id))[0].len())
    };
    directory.put_slice(of("x/s"));
    assert_eq!(lengths(&directory), [1, 0]);
    directory.put_slice(of("x/t"));
    assert_eq!(lengths(&directory), [0, 1]);
    directory.put_slice(of(""));
    assert_eq!(lengths(&directory), [0, 0]);
}

#[test]
fn members_have_the_names_that_slices_give_or_their_pods() {
    let mut directory = Directory::new();
    let mut headless = service("x/s", "app=web");
    headless.headless = true;
    headless.ports.clear();
    directory.put_service(headless);
    directory.put_pod(pod("n", "x/p", "app=web", &["10.0.0.1"]));
    let mut first = listed("10.0.0.2", "n");
    first.hostname = Some("db-0".to_owned());
    let mut second = listed("10.0.0.2", "n");
    second.hostname = Some("db-1".to_owned());
    let twice = first.clone();
    directory.put_slice(slice("x/e", "x/s", vec![second, twice, first]));
    assert!(directory.endpoints(&service_id("x/s")).is_empty(), "it has no ports");
    let members = directory.members(&service_id("x/s"));
    let named: Vec<_> = members
        .iter()
        .map(|member| (member.address.to_string(), member.hostname, member.pod))
        .collect();
    let second = "10.0.0.2".to_owned();
    assert_eq!(
        named,
        [
            ("10.0.0.1".to_owned(), None, Some("p")),
            (second.clone(), Some("db-0"), None),
            (second, Some("db-1"), None),
        ]
    );
}
