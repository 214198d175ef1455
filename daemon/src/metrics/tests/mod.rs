//! Names, units and values, as Prometheus wants them.

mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pontoon_model::api::Code;
use pontoon_model::cni::call::Verb;
use tokio::sync::watch;

use super::cluster::{AddressUse, Addresses, Parts};
use super::exposition::{Format, write};
use super::*;
use crate::feed::Figures;
use crate::ipam::Usage;
use crate::problems::Problems;
use crate::registrar::Obstacle;
use crate::services::report::Report;
use crate::situation::Situation;

/// A node with a bit of everything.
fn sources(metrics: Metrics) -> Vec<Source> {
    let told = || vec!["told".to_owned()];
    let (_, situation) = watch::channel(Situation { problems: told(), ..Situation::default() });
    let (_, listeners) = watch::channel(told());
    let map = pontoon_proxy::entry::Map::all().next().unwrap();
    let report = Report { services: 3, revision: 7, elements: vec![(map, 9)], problems: told() };
    let (_, services) = watch::channel(report);
    let (_, obstacles) = watch::channel(Obstacle::default());
    let (_, ready) = watch::channel(true);
    let usage = Usage { subnet: "10.244.1.0/24".parse().unwrap(), used: 2, capacity: 253 };
    let cluster = Parts {
        me: crate::lease::Identity { name: "a".parse().unwrap(), machine_id: "m".to_owned() },
        situation: situation.clone(),
        services: services.clone(),
        problems: Problems { situation, services, listeners },
        obstacles,
        ready,
        feed: Arc::new(Figures::default()),
        addresses: Addresses(Arc::new(move || AddressUse { pods: 2, subnets: vec![usage] })),
    };
    vec![
        Box::new(move |registry| metrics.register(registry)),
        Box::new(move |registry| registry.register_collector(Box::new(cluster.clone()))),
    ]
}

/// Samples by name and labels.
fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

#[test]
fn calls_are_counted_by_verb_and_code() {
    let metrics = Metrics::default();
    metrics.cni.called(Verb::Add, Duration::from_micros(900), None);
    metrics.cni.called(Verb::Add, Duration::from_secs(11), Some(Code::Cordoned));
    let text = write(&sources(metrics), Format::Prometheus).unwrap();
    let samples = samples(&text);
    for (name, value) in [
        ("pontoon_cni_requests_total{verb=\"add\",code=\"0\"}", "1"),
        ("pontoon_cni_requests_total{verb=\"add\",code=\"116\"}", "1"),
        ("pontoon_cni_requests_total{verb=\"del\",code=\"0\"}", "0"),
        ("pontoon_cni_request_duration_seconds_bucket{le=\"0.0005\",verb=\"add\"}", "0"),
        ("pontoon_cni_request_duration_seconds_bucket{le=\"0.001\",verb=\"add\"}", "1"),
        ("pontoon_cni_request_duration_seconds_bucket{le=\"10.0\",verb=\"add\"}", "1"),
        ("pontoon_cni_request_duration_seconds_bucket{le=\"+Inf\",verb=\"add\"}", "2"),
        ("pontoon_cni_request_duration_seconds_count{verb=\"add\"}", "2"),
        ("pontoon_ipam_addresses{subnet=\"10.244.1.0/24\"}", "253.0"),
        ("pontoon_services_map_elements{map=\"services4\"}", "9.0"),
        ("pontoon_store_revision{part=\"services\"}", "7.0"),
        ("pontoon_problems", "3.0"),
    ] {
        assert_eq!(samples.get(name).map(String::as_str), Some(value), "{name}: {text}");
    }
    let sum: f64 =
        samples["pontoon_cni_request_duration_seconds_sum{verb=\"add\"}"].parse().unwrap();
    assert!((sum - 11.0009).abs() < 1e-6, "{sum}");
}
