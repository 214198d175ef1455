//! The clauses of what a change touches.

use super::objects::*;
use crate::Directory;

/// Services x/s (`app=web`) and x/t (`app=db`) with a pod each on nodes a and b, x/u with a slice on
/// both; nothing is dirty.
fn settled() -> Directory {
    let mut directory = Directory::new();
    directory.put_service(service("x/s", "app=web"));
    directory.put_service(service("x/t", "app=db"));
    directory.put_service(service("x/u", ""));
    directory.put_node(parse("a"), Some("east".to_owned()));
    directory.put_pod(pod("a", "x/web", "app=web", &["10.0.0.1"]));
    directory.put_pod(pod("b", "x/db", "app=db", &["10.0.0.2"]));
    directory.put_slice(slice("x/e", "x/u", vec![listed("1.1.1.1", "a"), listed("1.1.1.2", "b")]));
    directory.take_dirty();
    directory
}

fn dirty(directory: &mut Directory) -> String {
    directory.take_dirty().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_changed_service_is_told_once_in_order() {
    let mut directory = Directory::new();
    for id in ["y/a", "x/b", "x/a"] {
        directory.put_service(service(id, "app=web"));
    }
    directory.put_pod(pod("a", "x/p", "app=web", &["10.0.0.1"]));
    assert_eq!(dirty(&mut directory), "x/a x/b y/a");
    assert_eq!(dirty(&mut directory), "");
}

#[test]
fn a_pod_touches_the_services_that_select_it() {
    let mut directory = settled();
    directory.put_pod(pod("a", "x/web", "app=web,v=2", &["10.0.0.1"]));
    assert_eq!(dirty(&mut directory), "x/s");
    directory.put_pod(pod("a", "x/web", "app=db", &["10.0.0.1"]));
    assert_eq!(dirty(&mut directory), "x/s x/t", "who lost it and who got it");
    directory.put_pod(pod("a", "x/web", "app=none", &["10.0.0.1"]));
    assert_eq!(dirty(&mut directory), "x/t");
    directory.remove_pod(&parse("a"), &pod_id("x/web"));
    assert_eq!(dirty(&mut directory), "");
    directory.remove_pod(&parse("b"), &pod_id("x/db"));
    assert_eq!(dirty(&mut directory), "x/t");
}

#[test]
fn what_nobody_reads_of_a_pod_touches_nothing() {
    let mut directory = settled();
    let mut same = pod("a", "x/web", "app=web", &["10.0.0.1"]);
    same.container_id = "another".to_owned();
    same.generation = 7;
    directory.put_pod(same);
    assert_eq!(dirty(&mut directory), "");
}

#[test]
fn a_pod_without_an_address_touches_nothing() {
    let mut directory = settled();
    directory.put_pod(pod("a", "x/early", "app=web", &[]));
    assert_eq!(dirty(&mut directory), "");
    directory.put_pod(pod("a", "x/early", "app=web", &["10.0.0.9"]));
    assert_eq!(dirty(&mut directory), "x/s");
}

#[test]
fn a_slice_touches_its_service() {
    let mut directory = settled();
    directory.put_slice(slice("x/e", "x/t", vec![listed("1.1.1.1", "a")]));
    assert_eq!(dirty(&mut directory), "x/t x/u");
    directory.put_slice(slice("x/f", "x/missing", vec![listed("1.1.1.1", "a")]));
    assert_eq!(dirty(&mut directory), "", "nobody asked for a service that is not there");
    directory.remove_slice(&slice_id("x/e"));
    assert_eq!(dirty(&mut directory), "x/t");
}

#[test]
fn a_removed_service_is_told_and_told_again_when_it_is_back() {
    let mut directory = settled();
    directory.remove_service(&service_id("x/s"));
    assert_eq!(dirty(&mut directory), "x/s");
    directory.remove_service(&service_id("x/s"));
    directory.put_pod(pod("a", "x/web", "app=web", &["10.0.0.7"]));
    assert_eq!(dirty(&mut directory), "");
    directory.put_service(service("x/s", "app=web"));
    assert_eq!(dirty(&mut directory), "x/s");
    assert_eq!(written(&directory.endpoints(&service_id("x/s"))[0]), "10.0.0.7:8080@a");
}

#[test]
fn only_nodes_that_changed_side_touch_services() {
    let mut directory = settled();
    directory.set_gone(nodes(&["a", "unknown"]));
    assert_eq!(dirty(&mut directory), "x/s x/u");
    directory.set_gone(nodes(&["a", "b"]));
    assert_eq!(dirty(&mut directory), "x/t x/u");
    directory.set_gone(nodes(&["b", "a"]));
    assert_eq!(dirty(&mut directory), "");
    directory.set_gone(nodes(&["b"]));
    assert_eq!(dirty(&mut directory), "x/s x/u");
}

#[test]
fn a_zone_touches_the_services_of_its_node() {
    let mut directory = settled();
    directory.put_node(parse("a"), Some("east".to_owned()));
    assert_eq!(dirty(&mut directory), "");
    directory.put_node(parse("a"), Some("west".to_owned()));
    assert_eq!(dirty(&mut directory), "x/s x/u");
    directory.remove_node(&parse("a"));
    assert_eq!(dirty(&mut directory), "x/s x/u");
    directory.remove_node(&parse("b"));
    assert_eq!(dirty(&mut directory), "", "it had no zone to lose");
}

#[test]
fn a_new_service_is_not_taken_for_one_that_was_removed() {
    let mut directory = settled();
    directory.remove_service(&service_id("x/s"));
    directory.put_pod(pod("a", "x/new", "app=web,v=2", &["10.0.0.8"]));
    directory.put_service(service("x/v", "app=none"));
    directory.take_dirty();
    directory.remove_pod(&parse("a"), &pod_id("x/new"));
    assert_eq!(dirty(&mut directory), "");
}
