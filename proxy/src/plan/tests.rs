//! Read like a table: what a service with these endpoints comes to on node `me` in zone `east`.

use std::sync::Arc;

use pontoon_model::endpoint::{Conditions, Place};
use pontoon_model::service::{Distribution, TargetPort, Weight};
use proptest::prelude::*;

use super::*;

const READY: Conditions = Conditions::READY;
const WAITING: Conditions = Conditions::NOT_READY;
const GOING: Conditions = Conditions { ready: false, serving: true, terminating: true };
const GONE: Conditions = Conditions { ready: false, serving: false, terminating: true };

fn node() -> Node {
    Node {
        name: "me".parse().unwrap(),
        zone: Some("east".into()),
        node_port_addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
    }
}

fn web() -> Service {
    Service {
        id: "default/web"
            .split_once('/')
            .map(|(namespace, name)| pontoon_model::service::ServiceId {
                namespace: namespace.parse().unwrap(),
                name: name.parse().unwrap(),
            })
            .unwrap(),
        kind: ServiceKind::ClusterIp,
        selector: None,
        ports: vec![ServicePort {
            name: "http".into(),
            protocol: Protocol::Tcp,
            port: 80,
            target: TargetPort::Number(8080),
            node_port: None,
        }],
        cluster_ips: vec!["10.96.0.1".parse().unwrap()],
        headless: false,
        external_name: None,
        external_ips: Vec::new(),
        ingress_ips: Vec::new(),
        source_ranges: Vec::new(),
        external_policy: TrafficPolicy::Cluster,
        internal_policy: TrafficPolicy::Cluster,
        affinity: None,
        health_check_node_port: None,
        publish_not_ready: false,
        distribution: Distribution::Even,
        weights: Vec::new(),
    }
}

/// An endpoint by the last number of its address, on a node in a zone.
fn at(host: u8, conditions: Conditions, node: &str, zone: &str) -> Endpoint {
    let place = Place {
        node: (!node.is_empty()).then(|| node.parse().unwrap()),
        zone: (!zone.is_empty()).then(|| zone.into()),
        ..Place::default()
    };
    Endpoint { address: [10, 244, 0, host].into(), port: 8080, conditions, place: Arc::new(place) }
}

/// The last numbers of the endpoints' addresses.
fn hosts(endpoints: &[SocketAddr]) -> Vec<u8> {
    let last = |endpoint: &SocketAddr| match endpoint.ip() {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    endpoints.iter().map(last).collect()
}

fn cluster(service: &Service, endpoints: Vec<Endpoint>) -> Vec<u8> {
    hosts(&super::service(service, &[endpoints], &node())[0].cluster)
}

#[test]
fn ready_endpoints_are_used_and_without_any_those_that_go_and_still_answer() {
    let all = |conditions: [Conditions; 4]| {
        (1..).zip(conditions).map(|(n, conditions)| at(n, conditions, "a", "")).collect()
    };
    assert_eq!(cluster(&web(), all([READY, WAITING, GOING, GONE])), [1]);
    assert_eq!(cluster(&web(), all([WAITING, GOING, GONE, GOING])), [2, 4]);
    assert!(cluster(&web(), all([WAITING, GONE, GONE, WAITING])).is_empty());
}

#[test]
fn endpoints_nearby_are_preferred_while_there_are_any() {
    let all = || {
        vec![
            at(1, READY, "me", "east"),
            at(2, READY, "b", "east"),
            at(3, READY, "c", "west"),
            at(4, READY, "me", "east"),
        ]
    };
    let preferring = |distribution| Service { distribution, ..web() };
    assert_eq!(cluster(&web(), all()), [1, 2, 3, 4]);
    assert_eq!(cluster(&preferring(Distribution::PreferSameNode), all()), [1, 4]);
    assert_eq!(cluster(&preferring(Distribution::PreferSameZone), all()), [1, 2, 4]);
    let without_here = || all().drain(1..3).collect::<Vec<_>>();
    assert_eq!(cluster(&preferring(Distribution::PreferSameNode), without_here()), [2]);
    let far = vec![at(3, READY, "c", "west"), at(5, READY, "d", "north")];
    assert_eq!(cluster(&preferring(Distribution::PreferSameZone), far), [3, 5]);
    // One of whom nothing is known would never be used.
    let mut unknown = all();
    unknown.push(at(6, READY, "", ""));
    assert_eq!(cluster(&preferring(Distribution::PreferSameZone), unknown), [1, 2, 3, 4, 6]);
}

#[test]
fn hints_count_before_what_a_place_implies() {
    let hinted = |host, zones: &[&str]| {
        let place = Place {
            zone: Some("west".into()),
            zone_hints: zones.iter().map(|zone| (*zone).to_owned()).collect(),
            ..Place::default()
        };
        Endpoint { place: Arc::new(place), ..at(host, READY, "", "") }
    };
    let all = vec![hinted(1, &["east"]), hinted(2, &["west"]), hinted(3, &["west", "east"])];
    assert_eq!(cluster(&web(), all), [1, 3]);
}

#[test]
fn a_local_policy_has_this_nodes_endpoints_only() {
    let all = || vec![at(1, READY, "me", ""), at(2, READY, "b", ""), at(3, WAITING, "me", "")];
    let inside = Service { internal_policy: TrafficPolicy::Local, ..web() };
    let plan = service(&inside, &[all()], &node());
    assert_eq!(hosts(&plan[0].local), [1]);
    assert_eq!(plan[0].frontends[0].to, Reach::Local);

    let mut outside =
        Service { kind: ServiceKind::NodePort, external_policy: TrafficPolicy::Local, ..web() };
    outside.ports[0].node_port = Some(30080);
    let plan = service(&outside, &[all()], &node());
    let reaches: Vec<(String, Reach)> =
        plan[0].frontends.iter().map(|f| (f.at.to_string(), f.to)).collect();
    assert_eq!(
        reaches,
        [
            ("10.96.0.1:80/TCP".to_owned(), Reach::Cluster),
            ("192.0.2.1:30080/TCP".to_owned(), Reach::LocalFromOutside),
        ]
    );
    assert_eq!((hosts(&plan[0].cluster), hosts(&plan[0].local)), (vec![1, 2], vec![1]));
    assert_eq!(plan[1].key.family, Family::V6, "the node port answers at IPv6 addresses, too");
}

#[test]
fn source_ranges_are_for_the_load_balancers_addresses_and_widest_only() {
    let mut guarded = Service { kind: ServiceKind::LoadBalancer, ..web() };
    guarded.ingress_ips = vec!["198.51.100.1".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    guarded.external_ips = vec!["198.51.100.2".parse().unwrap()];
    guarded.source_ranges =
        ["192.0.2.0/28", "192.0.0.0/16", "192.0.2.7/24"].map(|r| r.parse().unwrap()).to_vec();
    let plan = service(&guarded, &[vec![at(1, READY, "a", "")]], &node());
    assert_eq!(plan.len(), 1, "nobody may come from IPv6");
    let ranges: Vec<(String, Vec<String>)> = plan[0]
        .frontends
        .iter()
        .map(|f| (f.at.address.to_string(), f.ranges.iter().map(ToString::to_string).collect()))
        .collect();
    assert_eq!(
        ranges,
        [
            ("10.96.0.1".to_owned(), vec![]),
            ("198.51.100.1".to_owned(), vec!["192.0.0.0/16".to_owned()]),
            ("198.51.100.2".to_owned(), vec![]),
        ]
    );
}

#[test]
fn headless_and_external_services_have_no_frontends() {
    let headless = Service { headless: true, cluster_ips: Vec::new(), ..web() };
    let external = Service { kind: ServiceKind::ExternalName, ..web() };
    for none in [headless, external] {
        assert!(service(&none, &[vec![at(1, READY, "a", "")]], &node()).is_empty());
    }
}

#[test]
fn a_group_without_a_share_gets_nothing_unless_there_is_no_other() {
    let selector = |text: &str| {
        let label = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        pontoon_model::selector::Selector::new(label.into_iter().collect()).unwrap()
    };
    let weight = |text, weight| Weight { selector: selector(text), weight };
    let weighted = Service { weights: vec![weight("t=a", 3), weight("t=b", 0)], ..web() };
    let member = |host, group| {
        let place = Place { group, ..Place::default() };
        Endpoint { place: Arc::new(place), ..at(host, READY, "", "") }
    };
    let all = vec![member(1, Some(0)), member(2, Some(1)), member(3, None)];
    assert_eq!(cluster(&weighted, all), [1]);
    assert_eq!(cluster(&weighted, vec![member(2, Some(1)), member(3, None)]), [2, 3]);
}

proptest! {
    /// Whatever the service asks for: no endpoint is used that neither takes connections nor, where
    /// none does, goes and still answers; and where one could be used, one is.
    #[test]
    fn what_is_used_answers(
        endpoints in prop::collection::vec((0usize..4, 0usize..3, 0usize..3), 0..6),
        distribution in prop_oneof![
            Just(Distribution::Even),
            Just(Distribution::PreferSameNode),
            Just(Distribution::PreferSameZone),
        ],
    ) {
        let conditions = [READY, WAITING, GOING, GONE];
        let all: Vec<Endpoint> = (1..)
            .zip(&endpoints)
            .map(|(host, (c, n, z))| {
                at(host, conditions[*c], ["me", "b", ""][*n], ["east", "west", ""][*z])
            })
            .collect();
        let used = cluster(&Service { distribution, ..web() }, all.clone());
        let any_ready = all.iter().any(|e| e.conditions == READY);
        for host in &used {
            let conditions = all[usize::from(*host) - 1].conditions;
            prop_assert!(conditions == READY || (!any_ready && conditions == GOING));
        }
        let usable = any_ready || all.iter().any(|e| e.conditions == GOING);
        prop_assert_eq!(used.is_empty(), !usable);
    }
}
