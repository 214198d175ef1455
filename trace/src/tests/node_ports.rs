use pontoon_model::service::{Protocol, ServicePort};
use pontoon_model::trace::{Destination, Origin, Outcome, Port, Question, StepKind, Transport};

use super::given::*;
use crate::aim;
use crate::world::World;

#[test]
fn node_ports_answer_outsiders_and_mask_those_that_come_to_another_node() {
    let mut world = world();
    world.services.push(service(&["b-1"]));
    let outside = Origin::Outside { address: None, node: None };
    let trace = ask(&world, outside.clone(), Destination::Node(name("a")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    let masked = trace.steps.iter().flat_map(|step| &step.rules);
    let masked = masked.filter(|rule| rule.rule.contains("masquerade")).count();
    assert_eq!(masked, 1, "{trace:#?}");
    let answer = trace.steps.last().unwrap();
    assert!(answer.details[0].contains("in place of 198.51.100.1"), "{answer:?}");
    // Where the endpoint is on the node itself nothing is masked.
    let trace = ask(&world, outside, Destination::Node(name("b")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    assert!(trace.steps.iter().flat_map(|step| &step.rules).all(|r| !r.rule.contains("masq")));
}

#[test]
fn a_node_port_is_asked_over_the_protocol_that_it_has() {
    let mut world = world();
    let mut api = service(&["b-1"]);
    change(&mut api, |api| api.ports[0].protocol = Protocol::Udp);
    world.services.push(api);
    let outside = || Origin::Outside { address: None, node: None };
    let trace = ask(&world, outside(), Destination::Node(name("a")), 30080);
    assert_eq!(trace.packet.protocol, Transport::Udp);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    // What is no node's address has no node ports.
    let trace = ask(&world, outside(), at("203.0.113.5"), 30080);
    assert_eq!(trace.packet.protocol, Transport::Tcp);
    // Of two the one over TCP is meant.
    change(&mut world.services[0], |api| {
        let tcp = ServicePort { protocol: Protocol::Tcp, port: 81, ..api.ports[0].clone() };
        api.ports.push(tcp);
    });
    let endpoints = world.services[0].endpoints[0].clone();
    world.services[0].endpoints.push(endpoints);
    let trace = ask(&world, outside(), Destination::Node(name("a")), 30080);
    assert_eq!(trace.packet.protocol, Transport::Tcp);
}

#[test]
fn a_node_port_that_does_not_answer_says_why() {
    let mut world = world();
    let mut api = service(&["b-1"]);
    change(&mut api, |api| api.ports[0].protocol = Protocol::Udp);
    world.services.push(api);
    let arrival = |world: &World, port, protocol| {
        let question = Question {
            from: Origin::Outside { address: None, node: None },
            to: Destination::Node(name("a")),
            port: Some(Port::Number(port)),
            protocol,
            live: false,
        };
        let aim = aim(world, &question, None).unwrap();
        let trace = crate::tell(world, &Planner(world), &question, &aim, None);
        let step = trace.steps.iter().find(|step| step.kind == StepKind::Arrival).unwrap();
        step.details.last().unwrap().clone()
    };
    let none = arrival(&world, 30081, None);
    assert_eq!(none, "no service has node port 30081");
    let other = arrival(&world, 30080, Some(Transport::Tcp));
    assert_eq!(other, "service shop/api has node port 30080 over UDP: ask for 30080/udp");
    world.nodes.get_mut(&name("a")).unwrap().node_port_addresses = Some(vec![ip("192.168.7.1")]);
    let elsewhere = arrival(&world, 30080, None);
    assert!(
        elsewhere.contains("node a does not answer on node ports at 192.168.0.1"),
        "{elsewhere}"
    );
    change(&mut world.services[0], |api| api.cluster_ips = vec![ip("fd00::80")]);
    let family = arrival(&world, 30080, None);
    assert!(family.contains("has node port 30080, and not over"), "{family}");
}

#[test]
fn a_node_port_of_another_node_is_served_there() {
    let mut world = world();
    world.services.push(service(&["c-1"]));
    let trace = ask(&world, pod("a-1"), Destination::Node(name("b")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    let crossings = trace.steps.iter().filter(|step| step.kind == StepKind::Crossing).count();
    assert_eq!((crossings, trace.verdict.node), (2, Some(name("c"))));
}
