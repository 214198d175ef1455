use std::collections::BTreeSet;

use pontoon_model::endpoint::Conditions;
use pontoon_model::service::TrafficPolicy;
use pontoon_model::trace::{Destination, Origin};
use pontoon_proxy::plan;
use proptest::prelude::*;

use super::given::*;
use crate::service;
use crate::world::World;

const PODS: [&str; 6] = ["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"];

fn worlds() -> impl Strategy<Value = World> {
    let behind = prop::collection::vec((0..PODS.len(), any::<bool>()), 0..8);
    let flags = (any::<[bool; 6]>(), any::<bool>());
    (behind, flags).prop_map(|(behind, (flags, remembers))| {
        let mut world = world();
        let names: Vec<&str> = behind.iter().map(|(index, _)| PODS[*index]).collect();
        let mut api = super::given::service(&names);
        for (endpoint, (_, ready)) in api.endpoints[0].iter_mut().zip(&behind) {
            if !ready {
                endpoint.conditions = Conditions::NOT_READY;
            }
        }
        api.endpoints[0].sort_by_key(|endpoint| endpoint.address);
        api.endpoints[0].dedup_by_key(|endpoint| endpoint.address);
        let policy = |local| if local { TrafficPolicy::Local } else { TrafficPolicy::Cluster };
        change(&mut api, |api| {
            api.internal_policy = policy(flags[0]);
            api.external_policy = policy(flags[1]);
            api.affinity = remembers.then(|| std::time::Duration::from_secs(60));
            api.external_ips = vec![ip("203.0.113.80")];
        });
        for (node, alive) in ["a", "b", "c"].iter().zip(&flags[2..]) {
            world.nodes.get_mut(&name(node)).unwrap().alive = *alive;
        }
        if flags[5] {
            world.services.push(api);
        }
        world
    })
}

fn origins() -> impl Strategy<Value = Origin> {
    prop_oneof![
        (0..PODS.len()).prop_map(|index| pod(PODS[index])),
        (0..3usize).prop_map(|index| Origin::Node(name(["a", "b", "c"][index]))),
        Just(Origin::Outside { address: None, node: None }),
    ]
}

fn destinations() -> impl Strategy<Value = (Destination, u16)> {
    let addresses = prop::sample::select(vec![
        "10.96.0.80",
        "10.96.0.81",
        "10.96.0.10",
        "203.0.113.80",
        "203.0.113.5",
        "10.244.1.11",
        "10.244.2.11",
        "10.244.2.99",
        "10.244.77.1",
        "192.168.0.2",
        "127.0.0.1",
    ]);
    let ports = prop::sample::select(vec![80u16, 8080, 30080, 53]);
    (addresses, ports).prop_map(|(address, port)| (at(address), port))
}

proptest! {
    #[test]
    fn there_is_always_a_verdict_and_every_endpoint_is_one_of_the_plan(
        world in worlds(), from in origins(), (to, port) in destinations(),
    ) {
        let trace = ask(&world, from, to, port);
        prop_assert!(!trace.verdict.text.is_empty());
        prop_assert!(!trace.steps.is_empty());
        // Whatever ends is explained by its last step but one.
        prop_assert!(trace.verdict.outcome.is_good() || trace.verdict.node.is_some());
        let planned: BTreeSet<_> = world
            .nodes
            .keys()
            .flat_map(|name| {
                let node = service::node(&world, name);
                let of = |backed: &crate::world::Backed| plan::service(&backed.service, &backed.endpoints, &node);
                world.services.iter().flat_map(of).collect::<Vec<_>>()
            })
            .flat_map(|port| port.cluster.into_iter().chain(port.local))
            .collect();
        for choice in &trace.endpoints {
            let at = std::net::SocketAddr::new(choice.address, choice.port);
            prop_assert!(planned.contains(&at), "{at} is not planned: {trace:#?}");
        }
        // Each slot leads to one endpoint.
        let mut slots: Vec<u32> = trace.endpoints.iter().flat_map(|c| c.slots.clone()).collect();
        slots.sort_unstable();
        prop_assert!(slots.iter().enumerate().all(|(index, slot)| index == *slot as usize), "{slots:?}");
        let text = serde_json::to_string(&trace).unwrap();
        prop_assert_eq!(serde_json::from_str::<pontoon_model::trace::Trace>(&text).unwrap(), trace);
    }
}
