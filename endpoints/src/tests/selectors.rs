//! The clauses of services with a selector.

use pontoon_model::service::{Protocol, ServiceKind, ServicePort, TargetPort};

use super::objects::*;
use crate::Directory;

fn directory(select: &str) -> Directory {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", select));
    directory
}

fn first_port(directory: &Directory) -> String {
    written(&directory.endpoints(&service_id("x/s"))[0])
}

#[test]
fn all_labels_of_the_selector_must_match() {
    let mut directory = directory("app=web,tier=a");
    directory.put_pod(pod("n", "x/both", "app=web,tier=a,more=yes", &["10.0.0.1"]));
    directory.put_pod(pod("n", "x/one", "app=web", &["10.0.0.2"]));
    directory.put_pod(pod("n", "x/value", "app=web,tier=b", &["10.0.0.3"]));
    directory.put_pod(pod("n", "x/none", "", &["10.0.0.4"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n");
}

#[test]
fn pods_of_other_namespaces_do_not_match() {
    let mut directory = directory("app=web");
    directory.put_pod(pod("n", "y/p", "app=web", &["10.0.0.1"]));
    assert_eq!(first_port(&directory), "");
}

#[test]
fn labels_whose_texts_run_together_are_not_the_same() {
    let mut directory = directory("ab=c");
    directory.put_pod(pod("n", "x/p", "a=bc", &["10.0.0.1"]));
    assert_eq!(first_port(&directory), "");
}

#[test]
fn pods_may_come_before_the_service() {
    let mut directory = Directory::new();
    directory.put_pod(pod("n", "x/p", "app=web", &["10.0.0.1"]));
    directory.put_service(service("x/s", "app=web"));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n");
}

#[test]
fn blue_green_is_a_change_of_the_selector() {
    let mut directory = directory("app=web,colour=blue");
    directory.put_pod(pod("n", "x/b", "app=web,colour=blue", &["10.0.0.1"]));
    directory.put_pod(pod("n", "x/g", "app=web,colour=green", &["10.0.0.2"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n");
    directory.put_service(service("x/s", "app=web,colour=green"));
    assert_eq!(first_port(&directory), "10.0.0.2:8080@n");
    directory.put_service(service("x/s", "app=web"));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n 10.0.0.2:8080@n");
}

#[test]
fn both_families_in_the_order_of_addresses() {
    let mut directory = directory("app=web");
    directory.put_pod(pod("n", "x/q", "app=web", &["fd00::2", "10.0.0.2"]));
    directory.put_pod(pod("n", "x/p", "app=web", &["10.0.0.1", "fd00::1"]));
    let all = "10.0.0.1:8080@n 10.0.0.2:8080@n fd00::1:8080@n fd00::2:8080@n";
    assert_eq!(first_port(&directory), all);
}

#[test]
fn a_named_target_is_the_pods_own_port_of_that_protocol() {
    let mut directory = Directory::new();
    let named = |name: &str| port(name, TargetPort::Name("web".to_owned()));
    let mut with_ports = service("x/s", "app=web");
    with_ports.ports = vec![named("t"), ServicePort { protocol: Protocol::Udp, ..named("u") }];
    directory.put_service(with_ports);
    for (name, address, number) in [("x/p", "10.0.0.1", 8001), ("x/q", "10.0.0.2", 8002)] {
        let mut with_port = pod("n", name, "app=web", &[address]);
        with_port.ports = vec![pod_port("web", Protocol::Tcp, number)];
        directory.put_pod(with_port);
    }
    directory.put_pod(pod("n", "x/without", "app=web", &["10.0.0.3"]));
    let ports = directory.endpoints(&service_id("x/s"));
    assert_eq!(written(&ports[0]), "10.0.0.1:8001@n 10.0.0.2:8002@n");
    assert_eq!(written(&ports[1]), "");
    let members: Vec<_> = directory.members(&service_id("x/s"));
    assert_eq!(members.len(), 3, "a name leads to a pod whatever its ports");
}

#[test]
fn a_pod_that_is_not_ready_neither_is_ready_nor_serves() {
    let mut directory = directory("app=web");
    let mut unready = pod("n", "x/p", "app=web", &["10.0.0.1"]);
    unready.ready = false;
    directory.put_pod(unready);
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n!");
    let mut publishing = service("x/s", "app=web");
    publishing.publish_not_ready = true;
    directory.put_service(publishing);
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n");
    directory.set_gone(nodes(&["n"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@n!", "nobody answers there");
}

#[test]
fn a_pod_on_a_node_that_is_gone_is_not_ready_until_it_is_back() {
    let mut directory = directory("app=web");
    directory.set_gone(nodes(&["a"]));
    directory.put_pod(pod("a", "x/p", "app=web", &["10.0.0.1"]));
    directory.put_pod(pod("b", "x/q", "app=web", &["10.0.0.2"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a! 10.0.0.2:8080@b");
    directory.set_gone(nodes(&["b"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a 10.0.0.2:8080@b!");
}

#[test]
fn a_pod_that_moves_has_two_records_for_a_moment() {
    let mut directory = directory("app=web");
    directory.put_pod(pod("a", "x/p", "app=web", &["10.0.0.1"]));
    directory.put_pod(pod("b", "x/p", "app=web", &["10.0.0.2"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a 10.0.0.2:8080@b");
    let id = pod_id("x/p");
    let named = directory.pods_named(&id).map(|(pod, at)| (pod.node.cloned(), at));
    let mut named: Vec<_> = named.collect();
    named.sort();
    let record = |node: &str, at: &str| (Some(parse(node)), vec![parse(at)]);
    assert_eq!(named, [record("a", "10.0.0.1"), record("b", "10.0.0.2")]);
    assert_eq!(directory.pods_named(&pod_id("x/q")).count(), 0);
    directory.remove_pod(&parse("a"), &pod_id("x/p"));
    assert_eq!(first_port(&directory), "10.0.0.2:8080@b");
}

#[test]
fn one_address_on_two_pods_is_one_endpoint_and_the_ready_one_counts() {
    let mut directory = directory("app=web");
    let mut unready = pod("a", "x/p", "app=web", &["10.0.0.1"]);
    unready.ready = false;
    directory.put_pod(unready);
    directory.put_pod(pod("b", "x/q", "app=web", &["10.0.0.1"]));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@b");
    let address = parse("10.0.0.1");
    let known: Vec<_> = directory.pods_at(address).map(|pod| (pod.name, pod.ready)).collect();
    assert_eq!(known, [("p", false), ("q", true)]);
    directory.remove_pod(&parse("b"), &pod_id("x/q"));
    assert_eq!(first_port(&directory), "10.0.0.1:8080@a!");
}

#[test]
fn the_group_is_the_first_whose_selector_matches() {
    let mut directory = Directory::new();
    let mut weighted = service("x/s", "app=web");
    let groups = [("v=9", 1), ("v=2", 10), ("app=web", 90)];
    weighted.weights = groups.map(|(select, share)| weight(select, share)).into();
    directory.put_service(weighted);
    directory.put_pod(pod("n", "x/p", "app=web,v=1", &["10.0.0.1"]));
    directory.put_pod(pod("n", "x/q", "app=web,v=2", &["10.0.0.2"]));
    directory.put_slice(slice(
        "x/e",
        "x/s",
        vec![listed("10.0.0.2", "n"), listed("10.0.0.3", "n")],
    ));
    let ports = directory.endpoints(&service_id("x/s"));
    let groups: Vec<_> = ports[0].iter().map(|endpoint| endpoint.place.group).collect();
    assert_eq!(groups, [Some(2), Some(1), None], "a pod that is listed too keeps its group");
}

#[test]
fn the_place_has_the_zone_of_the_node() {
    let mut directory = directory("app=web");
    directory.put_pod(pod("n", "x/p", "app=web", &["10.0.0.1"]));
    let zone = |directory: &Directory| {
        directory.endpoints(&service_id("x/s"))[0][0].place.zone.clone().unwrap_or_default()
    };
    assert_eq!(zone(&directory), "");
    directory.put_node(parse("n"), Some("east".to_owned()));
    assert_eq!(zone(&directory), "east");
    directory.remove_node(&parse("n"));
    assert_eq!(zone(&directory), "");
}

#[test]
fn an_external_name_has_no_endpoints() {
    let mut directory = Directory::new();
    let mut external = service("x/s", "app=web");
    external.kind = ServiceKind::ExternalName;
    directory.put_service(external);
    directory.put_pod(pod("n", "x/p", "app=web", &["10.0.0.1"]));
    directory.put_slice(slice("x/e", "x/s", vec![listed("10.0.0.2", "n")]));
    assert_eq!(first_port(&directory), "");
}

#[test]
fn a_service_that_is_not_there_has_no_ports() {
    let mut directory = directory("app=web");
    directory.remove_service(&service_id("x/s"));
    assert!(directory.endpoints(&service_id("x/s")).is_empty());
    assert!(directory.members(&service_id("x/s")).is_empty());
    assert!(directory.service(&service_id("x/s")).is_none());
    assert_eq!(directory.services().count(), 0);
}

#[test]
fn a_pod_is_found_by_its_address() {
    let mut directory = Directory::new();
    directory.put_pod(pod("n", "x/p", "", &["10.0.0.1", "fd00::1"]));
    directory.put_pod(pod("n", "x/q", "", &["10.0.0.2"]));
    let name = |address| {
        let found = directory.pods_at(parse(address));
        found.map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect::<Vec<_>>()
    };
    assert_eq!(name("fd00::1"), ["x/p"]);
    assert_eq!(name("10.0.0.2"), ["x/q"]);
    assert!(name("10.0.0.3").is_empty());
}
