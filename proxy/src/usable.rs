//! Which endpoints of a service this node uses for new connections.
//!
//! The rules are those of Kubernetes' own proxies (`CategorizeEndpoints` in pkg/proxy/topology.go):
//! ready endpoints; where there is none, those that are going and still answer. Hints narrow the
//! cluster-wide ones, never those of a Local policy.

use pontoon_model::endpoint::{Endpoint, Place};
use pontoon_model::service::{Distribution, Service};

use crate::plan::Node;

/// Endpoints for traffic that may go anywhere.
#[must_use]
pub fn cluster<'a>(service: &Service, all: &'a [Endpoint], node: &Node) -> Vec<&'a Endpoint> {
    let ready: Vec<&Endpoint> = all.iter().filter(|e| e.conditions.ready).collect();
    if ready.is_empty() {
        return all.iter().filter(|e| is_going_and_answers(e)).collect();
    }
    if let Some(near) = nearby(service, &ready, node) {
        return near;
    }
    ready
}

/// Endpoints on this node, for traffic that must stay here.
#[must_use]
pub fn local<'a>(all: &'a [Endpoint], node: &Node) -> Vec<&'a Endpoint> {
    let here = |e: &&Endpoint| e.place.node.as_ref() == Some(&node.name);
    let ready: Vec<&Endpoint> = all.iter().filter(here).filter(|e| e.conditions.ready).collect();
    if ready.is_empty() {
        return all.iter().filter(here).filter(|e| is_going_and_answers(e)).collect();
    }
    ready
}

fn is_going_and_answers(endpoint: &Endpoint) -> bool {
    endpoint.conditions.serving && endpoint.conditions.terminating
}

/// Those that say, each of them, for whom they are best, and are best for us: by node first, then by
/// zone. `None` where that narrows nothing: a hint is of use only when all endpoints have one, or
/// else those without would never be used.
fn nearby<'a>(service: &Service, ready: &[&'a Endpoint], node: &Node) -> Option<Vec<&'a Endpoint>> {
    let by_node = |place: &Place| {
        let implied = service.distribution == Distribution::PreferSameNode;
        is_hinted(&place.node_hints, place.node.as_ref().filter(|_| implied), &node.name)
    };
    if let Some(near) = narrowed(ready, by_node) {
        return Some(near);
    }
    let zone = node.zone.as_ref()?;
    narrowed(ready, |place| {
        let implied = service.distribution != Distribution::Even;
        is_hinted(&place.zone_hints, place.zone.as_ref().filter(|_| implied), zone)
    })
}

/// Whether the hints name `own`; what is implied counts where there are none. `None` without either.
fn is_hinted<T: PartialEq>(hints: &[T], implied: Option<&T>, own: &T) -> Option<bool> {
    if hints.is_empty() { implied.map(|theirs| theirs == own) } else { Some(hints.contains(own)) }
}

fn narrowed<'a>(
    ready: &[&'a Endpoint],
    hinted: impl Fn(&Place) -> Option<bool>,
) -> Option<Vec<&'a Endpoint>> {
    let mut near = Vec::new();
    for endpoint in ready {
        if hinted(&endpoint.place)? {
            near.push(*endpoint);
        }
    }
    (!near.is_empty()).then_some(near)
}
