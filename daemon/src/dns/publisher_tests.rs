//! That whatever the store tells, in whatever order, names are what they are for one that hears it all at
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use pontoon_dns::answer::hosts::Hosts;
use pontoon_dns::answer::responder::{Options, Responder};
use pontoon_dns::exchange::{Answers, AtOnce, Transport};
use pontoon_dns::forward::{ForwardConfig, Forwarder, Host};
use pontoon_dns::wire::code::rtype;
use pontoon_dns::wire::name::Name;
use pontoon_store::{Event, KeyValue, Revision, Update};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::*;

const ADDRESSES: [&str; 5] =
    ["10.244.0.1", "10.244.0.2", "10.244.1.1", "fd00:244::1", "fd00:244::2"];
const CLUSTER_IPS: [&str; 3] = ["10.96.0.1", "10.96.0.2", "fd00:96::1"];

/// A change of the store: a key, and what it holds, or that it holds nothing any more.
type Put = (String, Option<Value>);

/// What becomes of the store, and what is told of it.
#[derive(Debug, Clone)]
enum Step {
    Told(Vec<Put>),
    /// Nobody listened; then all is listed.
    Missed(Vec<Put>),
    /// The cluster has one of two domains.
    Domain(bool),
}

fn one(of: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    select(of.to_vec())
}

fn some(of: &[&'static str]) -> impl Strategy<Value = Vec<&'static str>> + use<> {
    subsequence(of.to_vec(), 0..=of.len())
}

fn parts(id: &str) -> (&str, &str) {
    id.split_once('/').unwrap()
}

fn a_service() -> impl Strategy<Value = Put> {
    let spec = prop_oneof![
        3 => (subsequence(CLUSTER_IPS.to_vec(), 1..=2), one(&["x", "y"])).prop_map(|(ips, app)| json!({
            "clusterIP": ips[0], "clusterIPs": ips, "selector": {"app": app},
            "ports": [{"name": "http", "port": 80}],
        })),
        3 => (one(&["x", "y"]), any::<bool>()).prop_map(|(app, all)| json!({
            "clusterIP": "None", "selector": {"app": app}, "publishNotReadyAddresses": all,
            "ports": [{"name": "http", "port": 80, "targetPort": "web"}],
        })),
        2 => Just(json!({"clusterIP": "None", "ports": [{"name": "http", "port": 80}]})),
        1 => Just(json!({"type": "ExternalName", "externalName": "www.example.com"})),
        // None that can be read.
        1 => Just(json!({"clusterIP": 7})),
    ];
    (one(&["n0/s0", "n0/s1", "n1/s0"]), spec).prop_map(|(id, spec)| {
        let (namespace, name) = parts(id);
        let document = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": namespace, "name": name}, "spec": spec,
        });
        (format!("services/{id}"), Some(document))
    })
}

fn a_slice() -> impl Strategy<Value = Put> {
    let listed = (one(&ADDRESSES[..3]), any::<bool>(), prop::option::of(one(&["h0", "h1"])));
    let listed = listed.prop_map(|(address, ready, hostname)| {
        json!({"addresses": [address], "conditions": {"ready": ready}, "hostname": hostname})
    });
    let endpoints = prop::collection::vec(listed, 0..3);
    (one(&["n0/x", "n1/x"]), one(&["s0", "s1"]), endpoints).prop_map(|(id, of, endpoints)| {
        let (namespace, name) = parts(id);
        let document = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "namespace": namespace, "name": name,
                "labels": {"kubernetes.io/service-name": of},
            },
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{"name": "http", "port": 8080}],
        });
        (format!("endpointslices/{id}"), Some(document))
    })
}

fn a_pod() -> impl Strategy<Value = Put> {
    let names = (some(&["s0", "called"]), prop::option::of(one(&["h0"])));
    let about = (one(&["x", "y"]), any::<bool>());
    (one(&["a", "b"]), one(&["n0/p0", "n0/p1", "n1/p0"]), some(&ADDRESSES), names, about).prop_map(
        |(node, id, addresses, (aliases, hostname), (app, ready))| {
            let (namespace, name) = parts(id);
            let record = json!({
                "namespace": namespace, "name": name, "node": node, "containerId": "c",
                "addresses": addresses, "ready": ready, "labels": {"app": app},
                "aliases": aliases, "hostname": hostname, "subdomain": "s0",
                "ports": [{"name": "web", "port": 8080, "protocol": "TCP"}],
            });
            (format!("pods/{node}/{id}"), Some(record))
        },
    )
}

fn a_put() -> impl Strategy<Value = Put> {
    let namespace = one(&["n0", "n1", "n2"]);
    let namespace = namespace.prop_map(|name| {
        let document = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        (format!("namespaces/{name}"), Some(document))
    });
    let put = prop_oneof![1 => namespace, 4 => a_service(), 3 => a_slice(), 5 => a_pod()];
    (put, prop::bool::weighted(0.7))
        .prop_map(|((key, value), stays)| (key, value.filter(|_| stays)))
}

fn a_step() -> impl Strategy<Value = Step> {
    let puts = || prop::collection::vec(a_put(), 1..4);
    prop_oneof![
        8 => puts().prop_map(Step::Told),
        3 => puts().prop_map(Step::Missed),
        1 => any::<bool>().prop_map(Step::Domain),
    ]
}

fn item(key: &str, value: &Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.to_string().into_bytes(),
        create_revision: Revision(1),
        mod_revision: Revision(1),
        version: 1,
        lease: None,
    }
}

/// What follows the store and answers.
struct Follower {
    intake: Intake,
    names: Publisher,
    serving: watch::Receiver<Option<Serving>>,
    revision: u64,
}

impl Follower {
    fn new(runtime: &Runtime) -> Self {
        let manner = Manner { ttl: 5, pods: PodNames::Verified, endpoint_pod_names: true };
        let handle = runtime.handle().clone();
        let make = move |zone, _: &Cluster, metrics: &Metrics| {
            let forwarder =
                Forwarder::new(&ForwardConfig::default(), Host::default(), handle.clone())?;
            let options = Options {
                autopath: false,
                search: Vec::new(),
                hosts: Hosts::new(&BTreeMap::new()),
                transfer_to: vec!["0.0.0.0/0".parse()?],
                figures: metrics.zone.clone(),
            };
            Ok(Responder::new(zone, forwarder, options))
        };
        let (found, serving) = watch::channel(None);
        let names = Publisher::new(manner, Box::new(make), found);
        Self { intake: Intake::new("me".parse().unwrap()), names, serving, revision: 0 }
    }

    fn hear(&mut self, update: impl FnOnce(Revision) -> Update) {
        self.revision += 1;
        self.intake.take(update(Revision(self.revision)));
    }

    fn hear_all(&mut self, store: &BTreeMap<String, Value>) {
        let items = store.iter().map(|(key, value)| item(key, value)).collect();
        self.hear(|revision| Update::Snapshot { revision, items });
    }

    fn publish(&mut self, domain: &str) {
        self.names.set_cluster(&cluster(domain));
        let touched = self.intake.take_touched();
        self.names.publish(&mut self.intake, touched, &BTreeSet::new());
    }

    /// Everything that is answered, without serial numbers.
    fn answers(&self, runtime: &Runtime, domain: &str) -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let serving = self.serving.borrow().clone().unwrap();
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ask = |name: &str, kind: u16| {
            let mut message = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            message.extend_from_slice(Name::parse(name).unwrap().wire());
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            let mut out = Vec::new();
            let at_once = serving.server.at_once(&message, client, Transport::Tcp, &mut out);
            let replies = match at_once {
                AtOnce::Later => {
                    runtime.block_on(serving.server.later(message.clone(), client, Transport::Tcp))
                }
                _ => vec![out],
            };
            let behind = message.len();
            let all = replies.iter().flat_map(|reply| {
                assert!(
                    [0, 3].contains(&(reply[3] & 15)),
                    "neither an answer nor a denial: {reply:?}"
                );
                records(&reply[behind..])
            });
            (format!("{name} {kind}, code {}", replies[0][3] & 15), all.collect())
        };
        let reverse = ADDRESSES.iter().chain(&CLUSTER_IPS).map(|ip| reverse(ip.parse().unwrap()));
        let mut all: BTreeMap<_, _> = reverse.map(|name| ask(&name, rtype::PTR)).collect();
        all.extend([ask(domain, rtype::AXFR)]);
        for namespace in ["n0", "n1", "n2"] {
            all.extend([ask(&format!("{namespace}.svc.{domain}"), rtype::A)]);
        }
        all
    }
}

fn cluster(domain: &str) -> Cluster {
    let ranges = ["10.96.0.0/16", "10.244.0.0/16", "fd00:96::/112", "fd00:244::/56"];
    Cluster {
        domain: domain.to_owned(),
        dns_addresses: vec!["10.96.0.10".parse().unwrap()],
        ranges: ranges.map(|range| range.parse().unwrap()).into(),
        pods: vec!["10.244.0.0/16".parse().unwrap()],
    }
}

fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(v6) => {
            let digits = format!("{:032x}", v6.to_bits());
            digits.chars().rev().flat_map(|digit| [digit, '.']).collect::<String>() + "ip6.arpa"
        }
    }
}

/// Records one by one, as bytes, without the start of authority.
fn records(mut rest: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let mut owner = 0;
        while rest[owner] != 0 && rest[owner] < 0xc0 {
            owner += 1 + usize::from(rest[owner]);
        }
        owner += if rest[owner] == 0 { 1 } else { 2 };
        let kind = u16::from_be_bytes([rest[owner], rest[owner + 1]]);
        let data = usize::from(u16::from_be_bytes([rest[owner + 8], rest[owner + 9]]));
        let (record, behind) = rest.split_at(owner + 10 + data);
        if kind != rtype::SOA {
            all.push(record.to_vec());
        }
        rest = behind;
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn after_whatever_was_told_names_are_those_of_one_that_hears_it_all_at_once(
        steps in prop::collection::vec(a_step(), 1..12),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut store = BTreeMap::new();
        let mut domain = "cluster.local";
        let mut along = Follower::new(&runtime);
        along.hear_all(&store);
        along.publish(domain);
        let mut serial = 0;
        for step in steps {
            let put = |store: &mut BTreeMap<String, Value>, puts: &[Put]| {
                for (key, value) in puts.iter().cloned() {
                    match value {
                        Some(value) => drop(store.insert(key, value)),
                        None => drop(store.remove(&key)),
                    }
                }
            };
            match step {
                Step::Told(puts) => {
                    put(&mut store, &puts);
                    along.hear(|revision| {
                        let event = |(key, value): (String, Option<Value>)| match value {
                            Some(value) => Event::Put(item(&key, &value)),
                            None => Event::Delete { key, revision },
                        };
                        let events = puts.into_iter().map(event).collect();
                        Update::Changes { revision, events }
                    });
                }
                Step::Missed(puts) => {
                    put(&mut store, &puts);
                    along.hear_all(&store);
                }
                Step::Domain(other) => domain = if other { "other.test" } else { "cluster.local" },
            }
            along.publish(domain);
            let now = along.names.serial().unwrap();
            prop_assert!(now >= serial, "the serial number goes from {} to {}", serial, now);
            serial = now;
        }
        let mut anew = Follower::new(&runtime);
        anew.hear_all(&store);
        anew.publish(domain);
        prop_assert_eq!(along.answers(&runtime, domain), anew.answers(&runtime, domain));
    }
}
