//! Any sequence of changes agrees with the answers computed from all objects.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use pontoon_model::endpoint::{Conditions, EndpointSlice, SliceEndpoint, SliceId};
use pontoon_model::name::{DnsLabel, NodeName, PodId};
use pontoon_model::pod::PodRecord;
use pontoon_model::service::{Protocol, Service, ServiceId, ServiceKind, ServicePort, TargetPort};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::naive::{Naive, said};
use super::objects::*;
use crate::{Alias, Directory, DirtyPods};

#[derive(Debug, Clone)]
enum Step {
    PutService(Service),
    RemoveService(ServiceId),
    PutSlice(EndpointSlice),
    RemoveSlice(SliceId),
    PutPod(PodRecord),
    RemovePod(NodeName, PodId),
    PutNode(NodeName, Option<String>),
    RemoveNode(NodeName),
    SetGone(BTreeSet<NodeName>),
}

impl Step {
    fn on(self, directory: &mut Directory) {
        match self {
            Self::PutService(service) => directory.put_service(service),
            Self::RemoveService(id) => directory.remove_service(&id),
            Self::PutSlice(slice) => directory.put_slice(slice),
            Self::RemoveSlice(id) => directory.remove_slice(&id),
            Self::PutPod(pod) => directory.put_pod(pod),
            Self::RemovePod(node, id) => directory.remove_pod(&node, &id),
            Self::PutNode(name, zone) => directory.put_node(name, zone),
            Self::RemoveNode(name) => directory.remove_node(&name),
            Self::SetGone(gone) => directory.set_gone(gone),
        }
    }

    fn on_naive(self, naive: &mut Naive) {
        match self {
            Self::PutService(service) => {
                naive.services.insert(service.id.clone(), service);
            }
            Self::RemoveService(id) => {
                naive.services.remove(&id);
            }
            Self::PutSlice(slice) => {
                naive.slices.insert(slice.id.clone(), slice);
            }
            Self::RemoveSlice(id) => {
                naive.slices.remove(&id);
            }
            Self::PutPod(pod) => {
                naive.pods.insert((pod.node.clone(), pod.id.clone()), pod);
            }
            Self::RemovePod(node, id) => {
                naive.pods.remove(&(node, id));
            }
            Self::PutNode(name, zone) => {
                naive.zones.insert(name, zone);
            }
            Self::RemoveNode(name) => {
                naive.zones.remove(&name);
            }
            Self::SetGone(gone) => naive.gone = gone,
        }
    }
}

const SERVICES: [&str; 4] = ["x/s", "x/t", "x/u", "y/s"];
const SLICES: [&str; 3] = ["x/1", "x/2", "y/1"];
const PODS: [&str; 5] = ["x/p", "x/q", "x/r", "x/s", "y/p"];
const NODES: [&str; 3] = ["a", "b", "c"];
const ADDRESSES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "fd00::1"];
const ALIASES: [&str; 2] = ["db", "cache"];
const LABELS: [&str; 6] = ["app=1", "app=2", "tier=1", "tier=2", "app=1,tier=1", ""];

fn names() -> impl Strategy<Value = &'static str> {
    select(vec!["", "web", "dns"])
}

fn protocols() -> impl Strategy<Value = Protocol> {
    select(vec![Protocol::Tcp, Protocol::Udp])
}

fn a_service() -> impl Strategy<Value = Service> {
    let target = prop_oneof![
        select(vec![80, 8080]).prop_map(TargetPort::Number),
        names().prop_map(|name| TargetPort::Name(name.to_owned())),
    ];
    let ports = prop::collection::vec((names(), protocols(), target), 0..3);
    let kinds =
        select(vec![ServiceKind::ClusterIp, ServiceKind::ClusterIp, ServiceKind::ExternalName]);
    let weights = prop::collection::vec(select(LABELS[..5].to_vec()), 0..3);
    (select(SERVICES.to_vec()), select(LABELS.to_vec()), kinds, ports, weights, any::<bool>())
        .prop_map(|(id, select, kind, ports, weights, publish_not_ready)| Service {
            kind,
            ports: ports
                .into_iter()
                .map(|(name, protocol, target)| ServicePort { protocol, ..port(name, target) })
                .collect(),
            weights: weights.into_iter().map(|select| weight(select, 1)).collect(),
            publish_not_ready,
            ..service(id, select)
        })
}

fn some_addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    let all: Vec<IpAddr> = ADDRESSES.map(parse).into();
    subsequence(all, 0..=3)
}

fn all_aliases() -> impl Iterator<Item = Alias> {
    let namespaces = ["x", "y"].into_iter();
    namespaces.flat_map(|namespace| {
        ALIASES.map(|name| Alias { namespace: parse(namespace), name: parse(name) })
    })
}

fn a_pod() -> impl Strategy<Value = PodRecord> {
    let ports = prop::collection::vec((names(), protocols(), 1..4u16), 0..2);
    let place = (select(NODES.to_vec()), select(PODS.to_vec()), select(LABELS.to_vec()));
    let hostname = prop::option::of(select(vec!["h", "i"]).prop_map(parse));
    let subdomain = prop::option::of(select(vec!["s", "t"]).prop_map(parse));
    let aliases = subsequence(ALIASES.map(parse::<DnsLabel>).to_vec(), 0..=2);
    let names = (hostname, subdomain, aliases);
    (place, some_addresses(), ports, any::<bool>(), names).prop_map(
        |((node, id, labels), addresses, ports, ready, (hostname, subdomain, aliases))| PodRecord {
            addresses,
            hostname,
            subdomain,
            aliases,
            ports: ports
                .into_iter()
                .map(|(name, protocol, number)| pod_port(name, protocol, number))
                .collect(),
            ready,
            ..pod(node, id, labels, &[])
        },
    )
}

fn a_listed() -> impl Strategy<Value = SliceEndpoint> {
    let conditions = any::<[bool; 3]>().prop_map(|[ready, serving, terminating]| Conditions {
        ready,
        serving,
        terminating,
    });
    let zones = || prop::option::of(select(vec!["east".to_owned(), "west".to_owned()]));
    let address = select(vec!["10.0.0.1", "10.0.0.3"]);
    let node = select(vec!["a", "b", ""]);
    (address, node, conditions, zones(), zones(), prop::option::of(select(vec!["h", "i"])))
        .prop_map(|(address, node, conditions, zone, hint, hostname)| SliceEndpoint {
            conditions,
            zone,
            zone_hints: hint.into_iter().collect(),
            hostname: hostname.map(str::to_owned),
            ..listed(address, node)
        })
}

fn a_slice() -> impl Strategy<Value = EndpointSlice> {
    let ports = prop::collection::vec((names(), protocols(), 1..4u16), 0..3);
    let of = select(vec!["", "s", "t", "s"]);
    (select(SLICES.to_vec()), of, prop::collection::vec(a_listed(), 0..4), ports).prop_map(
        |(id, of, endpoints, ports)| {
            let namespace = &id[..1];
            let service = if of.is_empty() { String::new() } else { format!("{namespace}/{of}") };
            EndpointSlice {
                ports: ports
                    .into_iter()
                    .map(|(name, protocol, number)| slice_port(name, protocol, number))
                    .collect(),
                ..slice(id, &service, endpoints)
            }
        },
    )
}

fn a_step() -> impl Strategy<Value = Step> {
    let node = || select(NODES.to_vec()).prop_map(parse::<NodeName>);
    let zones = prop::option::of(select(vec!["east".to_owned(), "west".to_owned()]));
    prop_oneof![
        4 => a_service().prop_map(Step::PutService),
        1 => select(SERVICES.to_vec()).prop_map(|id| Step::RemoveService(service_id(id))),
        4 => a_slice().prop_map(Step::PutSlice),
        1 => select(SLICES.to_vec()).prop_map(|id| Step::RemoveSlice(slice_id(id))),
        6 => a_pod().prop_map(Step::PutPod),
        2 => (node(), select(PODS.to_vec())).prop_map(|(node, id)| Step::RemovePod(node, pod_id(id))),
        1 => (node(), zones).prop_map(|(name, zone)| Step::PutNode(name, zone)),
        1 => node().prop_map(Step::RemoveNode),
        2 => subsequence(NODES.to_vec(), 0..=3).prop_map(|names| Step::SetGone(nodes(&names))),
    ]
}

fn removals() -> Vec<Step> {
    let services = SERVICES.iter().map(|id| Step::RemoveService(service_id(id)));
    let slices = SLICES.iter().map(|id| Step::RemoveSlice(slice_id(id)));
    let pods = NODES
        .iter()
        .flat_map(|node| PODS.iter().map(move |id| Step::RemovePod(parse(node), pod_id(id))));
    let nodes = NODES.iter().map(|name| Step::RemoveNode(parse(name)));
    services.chain(slices).chain(pods).chain(nodes).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn answers_are_those_of_a_computation_from_all_objects(steps in prop::collection::vec(a_step(), 1..60)) {
        let (mut directory, mut naive) = (Directory::new(), Naive::default());
        let mut before = naive.answers();
        for step in steps {
            step.clone().on_naive(&mut naive);
            step.clone().on(&mut directory);
            let after = naive.answers();
            prop_assert_eq!(&said(&directory), &after);

            let dirty = directory.take_dirty();
            prop_assert!(dirty.is_sorted_by(|a, b| a < b));
            for id in SERVICES.map(service_id) {
                let changed = before.get(&id) != after.get(&id);
                prop_assert!(!changed || dirty.contains(&id), "{} changed unseen", id);
            }
            step.on(&mut directory);
            prop_assert_eq!(directory.take_dirty(), [], "the same again");
            before = after;
        }
        for step in removals() {
            step.on(&mut directory);
        }
        prop_assert_eq!(directory.rows(), 0, "nothing is left behind");
    }

    #[test]
    fn pods_are_found_as_in_all_objects_and_their_changes_told(
        steps in prop::collection::vec(a_step(), 1..60),
        from in 0..60usize,
    ) {
        let (mut directory, mut naive) = (Directory::new(), Naive::default());
        // What was found at the last call, nothing before the first.
        let mut at: BTreeMap<IpAddr, BTreeSet<PodId>> = BTreeMap::new();
        let mut called: BTreeMap<Alias, Vec<IpAddr>> = BTreeMap::new();
        for (number, step) in steps.into_iter().enumerate() {
            step.clone().on_naive(&mut naive);
            step.clone().on(&mut directory);
            if number == from {
                directory.follow_pods();
            }
            let dirty = directory.take_dirty_pods();
            if number < from {
                prop_assert_eq!(dirty, DirtyPods::default(), "nobody follows");
                continue;
            }
            for address in ADDRESSES.map(parse::<IpAddr>) {
                let found = directory.pods_at(address);
                let found = found.map(|pod| pod_id(&format!("{}/{}", pod.namespace, pod.name)));
                let found: BTreeSet<PodId> = found.collect();
                prop_assert_eq!(&found, &naive.pods_at(address));
                let changed = at.insert(address, found.clone()).unwrap_or_default() != found;
                prop_assert!(!changed || dirty.addresses.contains(&address), "{} unseen", address);
            }
            for alias in all_aliases() {
                let found = directory.addresses_called(&alias);
                prop_assert_eq!(&found, &naive.addresses_called(&alias));
                let changed = called.insert(alias.clone(), found.clone()).unwrap_or_default() != found;
                prop_assert!(!changed || dirty.aliases.contains(&alias), "{:?} unseen", alias);
            }
            step.on(&mut directory);
            prop_assert_eq!(directory.take_dirty_pods(), DirtyPods::default(), "the same again");
        }
    }
}
