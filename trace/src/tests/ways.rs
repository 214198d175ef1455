use pontoon_model::cluster::BackendKind;
use pontoon_model::endpoint::Conditions;
use pontoon_model::service::TrafficPolicy;
use pontoon_model::trace::{Destination, Origin, Outcome, Port, Question, StepKind, Transport};

use super::given::*;
use crate::aim;
use crate::world::World;

fn kinds(trace: &pontoon_model::trace::Trace) -> Vec<StepKind> {
    trace.steps.iter().map(|step| step.kind).collect()
}

#[test]
fn a_pod_reaches_a_pod_of_its_own_node_without_crossing() {
    let world = world();
    let trace = ask(&world, pod("a-1"), at("10.244.1.12"), 80);
    assert_eq!(kinds(&trace), [StepKind::Source, StepKind::Route, StepKind::Arrival]);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
}

#[test]
fn a_pod_elsewhere_is_reached_through_the_backend() {
    let world = world();
    let trace = ask(&world, pod("a-1"), at("10.244.2.11"), 80);
    assert!(kinds(&trace).contains(&StepKind::Crossing));
    let crossing = trace.steps.iter().find(|step| step.kind == StepKind::Crossing).unwrap();
    assert!(crossing.text.contains("from 192.168.0.1 to 192.168.0.2"), "{}", crossing.text);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    assert_eq!(trace.verdict.node, Some(name("b")));
}

#[test]
fn each_slot_of_a_service_is_looked_at() {
    let mut world = world();
    world.services.push(service(&["a-2", "b-1", "c-1"]));
    let trace = ask(&world, pod("a-1"), at("10.96.0.80"), 80);
    assert_eq!(trace.endpoints.len(), 3);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    // The table has the three, and each has its slot.
    let mut slots: Vec<u32> = trace.endpoints.iter().flat_map(|c| c.slots.clone()).collect();
    slots.sort_unstable();
    assert_eq!(slots, [0, 1, 2]);
    // One of them cannot be told of.
    world.nodes.get_mut(&name("c")).unwrap().alive = false;
    let trace = ask(&world, pod("a-1"), at("10.96.0.80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Partly);
    assert!(trace.verdict.text.contains("1 of 3 slots"), "{}", trace.verdict.text);
}

#[test]
fn a_service_without_endpoints_refuses_and_says_why() {
    let mut world = world();
    world.services.push(service(&[]));
    let trace = ask(&world, pod("a-1"), Destination::Service(service_id("api")), 0);
    assert_eq!(trace.verdict.outcome, Outcome::Refused);
    assert!(trace.verdict.text.contains("has no endpoints"), "{}", trace.verdict.text);
    world.services = vec![service(&["b-1"])];
    world.services[0].endpoints[0][0].conditions = Conditions::NOT_READY;
    let trace = ask(&world, pod("a-1"), Destination::Service(service_id("api")), 0);
    assert!(trace.verdict.text.contains("none of the 1"), "{}", trace.verdict.text);
    let service = trace.steps.iter().find(|step| step.kind == StepKind::Service).unwrap();
    assert!(service.details[0].contains("not used: 10.244.2.11:8080"), "{service:?}");
}

#[test]
fn an_address_that_no_service_has_is_refused() {
    let mut world = world();
    world.services.push(service(&["a-2"]));
    for (port, said) in [(80, "no service has 10.96.0.81:80"), (0, "no service has 10.96.0.81")] {
        let trace = ask(&world, pod("a-1"), at("10.96.0.81"), port);
        assert_eq!(trace.verdict.outcome, Outcome::Refused);
        assert_eq!(trace.verdict.text, said);
    }
    let trace = ask(&world, pod("a-1"), at("10.96.0.80"), 443);
    assert!(trace.verdict.text.contains("has no such port"), "{}", trace.verdict.text);
    let question = Question {
        from: pod("a-1"),
        to: at("10.96.0.80"),
        port: None,
        protocol: Some(Transport::Icmp),
        live: false,
    };
    let aim = aim(&world, &question, None).unwrap();
    let trace = crate::tell(&world, &Planner(&world), &question, &aim, None);
    assert!(trace.verdict.text.contains("services answer no pings"), "{}", trace.verdict.text);
}

#[test]
fn a_local_policy_without_an_endpoint_here_drops_outsiders_and_not_pods() {
    let mut world = world();
    let mut api = service(&["b-1"]);
    change(&mut api, |api| api.external_policy = TrafficPolicy::Local);
    world.services.push(api);
    let outside = Origin::Outside { address: None, node: None };
    let trace = ask(&world, outside, Destination::Node(name("a")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Dropped);
    assert!(trace.verdict.text.contains("externalTrafficPolicy"), "{}", trace.verdict.text);
    assert!(trace.verdict.next.unwrap().contains("(b)"));
    let trace = ask(&world, pod("a-1"), Destination::Node(name("a")), 30080);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    change(&mut world.services[0], |api| api.internal_policy = TrafficPolicy::Local);
    let trace = ask(&world, pod("a-1"), at("10.96.0.80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Dropped);
    let text = &trace.verdict.text;
    assert!(text.contains("internalTrafficPolicy"), "{text}");
    assert!(text.ends_with("none of its endpoints is on node a"), "{text}");
}

#[test]
fn a_local_policy_tells_an_endpoint_that_is_not_ready_from_none() {
    let mut world = world();
    let mut api = service(&["a-2", "b-1"]);
    change(&mut api, |api| api.internal_policy = TrafficPolicy::Local);
    api.endpoints[0][0].conditions = Conditions::NOT_READY;
    world.services.push(api);
    let trace = ask(&world, pod("a-1"), at("10.96.0.80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Dropped);
    let text = &trace.verdict.text;
    assert!(text.ends_with("none of its endpoints on node a is ready"), "{text}");
    assert!(trace.verdict.next.unwrap().contains("(b)"));
}

#[test]
fn what_nobody_looked_at_is_said() {
    let mut world = world();
    world.services.push(service(&["c-1"]));
    let said = |world: &World, to, port| ask(world, pod("a-1"), to, port).verdict.text;
    let text = said(&world, at("10.244.1.12"), 80);
    assert!(!text.contains("were not looked at"), "{text}");
    let text = said(&world, at("10.244.2.11"), 80);
    assert!(text.ends_with("; rules of other programs on node b were not looked at"), "{text}");
    let text = said(&world, Destination::Node(name("b")), 30080);
    assert!(text.ends_with("other programs on nodes b, c were not looked at"), "{text}");
}

#[test]
fn whether_outsiders_come_to_a_node_at_all_is_said_or_left_open() {
    let mut world = world();
    world.services.push(service(&["b-1"]));
    let from = |node: Option<&str>| Origin::Outside { address: None, node: node.map(name) };
    for (to, port) in [("10.244.2.11", 8080), ("10.96.0.80", 80)] {
        let trace = ask(&world, from(None), at(to), port);
        assert_eq!(trace.verdict.outcome, Outcome::Unknown);
        assert!(trace.verdict.text.contains("the network outside leads"), "{}", trace.verdict.text);
        let trace = ask(&world, from(Some("c")), at(to), port);
        assert_eq!(trace.verdict.outcome, Outcome::Delivered);
        assert!(trace.steps[0].text.ends_with("it comes to node c"), "{}", trace.steps[0].text);
    }
}

#[test]
fn only_sources_in_its_ranges_reach_a_load_balancer() {
    let mut world = world();
    let mut api = service(&["a-1"]);
    change(&mut api, |api| {
        api.ingress_ips = vec![ip("203.0.113.80")];
        api.source_ranges = vec!["198.51.100.0/24".parse().unwrap()];
    });
    world.services.push(api);
    let from = |text: &str| Origin::Outside { address: Some(ip(text)), node: None };
    let trace = ask(&world, from("198.51.100.7"), at("203.0.113.80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered, "{trace:#?}");
    let trace = ask(&world, from("192.0.2.7"), at("203.0.113.80"), 80);
    assert_eq!(trace.verdict.outcome, Outcome::Dropped);
    assert!(trace.verdict.text.contains("in none of the ranges"), "{}", trace.verdict.text);
}

#[test]
fn a_subnet_that_is_gone_and_an_address_that_nobody_has_are_told_apart() {
    let mut world = world();
    let trace = ask(&world, pod("a-1"), at("10.244.9.9"), 80);
    assert!(trace.verdict.text.contains("no node holds"), "{}", trace.verdict.text);
    let trace = ask(&world, pod("a-1"), at("10.244.1.99"), 80);
    assert!(trace.verdict.text.contains("no pod of node a"), "{}", trace.verdict.text);
    world.ways.clear();
    let trace = ask(&world, pod("a-1"), at("10.244.2.11"), 80);
    assert!(trace.verdict.text.contains("has no way to node b"), "{}", trace.verdict.text);
}

#[test]
fn what_leaves_the_cluster_is_not_judged() {
    let world = world();
    let trace = ask(&world, pod("a-1"), at("203.0.113.5"), 443);
    assert_eq!(trace.verdict.outcome, Outcome::Leaves);
    assert!(trace.verdict.outcome.is_good());
}

#[test]
fn a_pod_pings_a_node_and_a_node_a_pod() {
    let mut world = world();
    let trace = ask(&world, pod("a-1"), Destination::Node(name("b")), 0);
    assert_eq!(trace.verdict.outcome, Outcome::Delivered);
    assert_eq!(trace.packet.protocol, Transport::Icmp);
    let trace = ask(&world, Origin::Node(name("b")), at("10.244.1.11"), 0);
    // The address of the overlay's device.
    assert_eq!(trace.packet.source, Some(ip("10.244.2.0")));
    world.config.backend.kind = BackendKind::HostGw;
    let trace = ask(&world, Origin::Node(name("b")), at("10.244.1.11"), 0);
    assert_eq!(trace.packet.source, Some(ip("192.168.0.2")));
}

#[test]
fn a_port_is_known_by_its_name_or_told_apart() {
    let mut world = world();
    let mut api = service(&["a-1"]);
    let endpoints = api.endpoints[0].clone();
    api.endpoints.push(endpoints);
    change(&mut api, |api| {
        let mut metrics = api.ports[0].clone();
        (metrics.name, metrics.port, metrics.node_port) = ("metrics".to_owned(), 9090, None);
        api.ports.push(metrics);
    });
    world.services.push(api);
    let question = |port| Question {
        from: pod("a-2"),
        to: Destination::Service(service_id("api")),
        port,
        protocol: None,
        live: false,
    };
    let named = question(Some(Port::Name("metrics".to_owned())));
    assert_eq!(aim(&world, &named, None).unwrap().port, 9090);
    let error = aim(&world, &question(Some(Port::Name("metric".to_owned()))), None).unwrap_err();
    assert!(error.next.contains("metrics (9090/TCP)"), "{error:?}");
    let error = aim(&world, &question(None), None).unwrap_err();
    assert!(error.problem.contains("several ports"), "{error:?}");
}

#[test]
fn a_headless_service_leads_to_its_endpoints_themselves() {
    let mut world = world();
    let mut api = service(&["b-1"]);
    change(&mut api, |api| {
        api.cluster_ips.clear();
        api.headless = true;
    });
    world.services.push(api);
    let trace = ask(&world, pod("a-1"), Destination::Service(service_id("api")), 0);
    assert_eq!(trace.packet.destination, Some(ip("10.244.2.11")));
    assert_eq!((trace.packet.port, trace.verdict.outcome), (Some(8080), Outcome::Delivered));
    world.services[0].endpoints[0].clear();
    let trace = ask(&world, pod("a-1"), Destination::Service(service_id("api")), 0);
    assert_eq!(trace.verdict.outcome, Outcome::Refused);
}

#[test]
fn what_other_programs_drop_ends_there_and_so_does_the_answer() {
    use crate::host::{Host, Others, Tables};
    use crate::packet::Packet;
    use crate::rules::End;
    use pontoon_model::trace::PassedRule;
    use pontoon_netlink::nft::{HookPoint, Reject};

    /// Who ends packets or their answers, for sure or perhaps.
    struct Stranger<'w>(Planner<'w>, bool, bool, End);
    impl Host for Stranger<'_> {
        fn tables(&self, node: &pontoon_model::name::NodeName) -> std::sync::Arc<Tables> {
            self.0.tables(node)
        }
        fn others(&self, point: HookPoint, before: &Packet, _: &Packet) -> Option<Others> {
            let rule = PassedRule {
                table: "inet filter".to_owned(),
                chain: "forward".to_owned(),
                rule: "policy".to_owned(),
                verdict: "drop".to_owned(),
                comment: None,
            };
            (point == HookPoint::Forward && before.answers == self.2).then(|| Others {
                rules: vec![rule],
                end: self.3,
                doubtful: self.1,
            })
        }
    }
    let world = world();
    let question = Question {
        from: pod("a-1"),
        to: at("10.244.1.12"),
        port: None,
        protocol: None,
        live: false,
    };
    let aim = aim(&world, &question, None).unwrap();
    let refused = End::Refused(Reject::PortUnreachable);
    for (doubtful, answers, end, outcome) in [
        (false, false, End::Dropped, Outcome::Dropped),
        (true, false, End::Dropped, Outcome::Unknown),
        (false, true, End::Dropped, Outcome::Dropped),
        (false, false, refused, Outcome::Refused),
        (true, false, refused, Outcome::Unknown),
        // Who is told is whoever answers.
        (false, true, refused, Outcome::Dropped),
    ] {
        let host = Stranger(Planner(&world), doubtful, answers, end);
        let trace = crate::tell(&world, &host, &question, &aim, None);
        assert_eq!(trace.verdict.outcome, outcome, "{trace:#?}");
        let text = &trace.verdict.text;
        assert!(doubtful || text.contains("table inet filter, chain forward"), "{text}");
        assert_eq!(text.contains("the answer to it does not"), answers, "{text}");
    }
}
