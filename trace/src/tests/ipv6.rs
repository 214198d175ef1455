//! The main ways once more in a cluster of IPv6 alone.

use pontoon_model::cluster::BackendKind;
use pontoon_model::trace::{Destination, Origin, Outcome, StepKind};

use super::given::*;
use crate::live;

#[test]
fn a_pod_elsewhere_is_reached_through_the_backend() {
    let world = in_v6(world());
    let trace = ask(&world, pod("a-1"), at("fd00::10:244:2:11"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    assert_eq!(trace.verdict.node, Some(name("b")));
    assert!(trace.verdict.text.starts_with("it arrives at [fd00::10:244:2:11]:80;"));
    let crossing = trace.steps.iter().find(|step| step.kind == StepKind::Crossing).unwrap();
    assert!(crossing.text.contains("from fd00::192:168:0:1 to fd00::192:168:0:2"), "{crossing:?}");
    // The outer header is longer.
    assert!(crossing.details[1].contains("70 more on the underlay"), "{crossing:?}");
}

#[test]
fn each_slot_of_a_service_is_looked_at() {
    let mut world = world();
    world.services.push(service(&["a-2", "b-1", "c-1"]));
    let mut world = in_v6(world);
    let trace = ask(&world, pod("a-1"), at("fd00::10:96:0:80"), 80);
    assert_eq!((trace.endpoints.len(), trace.verdict.outcome), (3, Outcome::Delivered));
    assert!(trace.endpoints.iter().all(|choice| choice.address.is_ipv6() && choice.pod.is_some()));
    world.services[0].endpoints[0].clear();
    let trace = ask(&world, pod("a-1"), at("fd00::10:96:0:80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Refused);
    assert!(trace.verdict.text.contains("has no endpoints"), "{}", trace.verdict.text);
}

#[test]
fn a_node_reaches_a_pod_from_the_address_that_leads_back() {
    let mut world = in_v6(world());
    let trace = ask(&world, Origin::Node(name("b")), at("fd00::10:244:1:11"), 0);
    // The address of the overlay's device.
    assert_eq!(trace.packet.source, Some(ip("fd00::10:244:2:0")));
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    world.config.backend.kind = BackendKind::HostGw;
    let trace = ask(&world, Origin::Node(name("b")), at("fd00::10:244:1:11"), 0);
    assert_eq!(trace.packet.source, Some(ip("fd00::192:168:0:2")));
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
}

#[test]
fn node_ports_answer_outsiders_and_mask_them() {
    let mut world = world();
    world.services.push(service(&["b-1"]));
    let world = in_v6(world);
    let outside = Origin::Outside { address: None, node: None };
    let trace = ask(&world, outside, Destination::Node(name("a")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    let rules = trace.steps.iter().flat_map(|step| &step.rules);
    assert_eq!(rules.filter(|rule| rule.rule.contains("masquerade")).count(), 1, "{trace:#?}");
    let answer = trace.steps.last().unwrap();
    assert!(answer.details[0].contains("in place of 2001:db8::1"), "{answer:?}");
}

#[test]
fn a_probe_is_sent_and_looked_for_in_its_family() {
    let mut world = world();
    world.services.push(service(&["b-1"]));
    let world = in_v6(world);
    let question = pontoon_model::trace::Question {
        from: pod("a-1"),
        to: at("fd00::10:96:0:80"),
        port: Some(pontoon_model::trace::Port::Number(80)),
        protocol: None,
        live: true,
    };
    let aim = crate::aim(&world, &question, None).unwrap();
    let trace = crate::tell(&world, &Planner(&world), &question, &aim, None);
    let probe = live::probe(&world, &question, &trace, 61000).unwrap();
    assert_eq!(probe.nodes, ["a", "b"].map(name));
    assert_eq!(probe.targets, ["fd00::10:96:0:80", "fd00::10:244:2:11"].map(ip));
}
