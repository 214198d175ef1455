//! What a daemon reads when it starts. Measured with
//! `cargo test --release -p pontoon-model manifest::tests::speed -- --ignored --nocapture`.

use std::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement, for release builds on a quiet machine"]
fn ten_thousand_services_and_slices_are_read_at_once() {
    let endpoints: Vec<Value> = (1..=10)
        .map(|i| {
            json!({
                "addresses": [format!("10.244.3.{i}")], "nodeName": "host-3", "zone": "a",
                "conditions": {"ready": true, "serving": true, "terminating": false},
                "targetRef": {"kind": "Pod", "name": format!("web-{i}"), "namespace": "default"},
            })
        })
        .collect();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "namespace": "default", "labels": {SERVICE_NAME: "web", "app": "web"}},
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": endpoints,
    });
    let mut web = service(with(json!({
        "selector": {"app": "web"}, "type": "NodePort", "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"],
    })));
    web["metadata"]["labels"] = json!({"app": "web", "tier": "front"});
    let (slice, web) = (serde_json::to_vec(&slice).unwrap(), serde_json::to_vec(&web).unwrap());
    let begun = Instant::now();
    for _ in 0..10_000 {
        stored_slice(&slice).unwrap();
    }
    let slices = begun.elapsed();
    for _ in 0..10_000 {
        stored_service(&web).unwrap();
    }
    let services = begun.elapsed() - slices;
    println!("10,000 slices {slices:?}, 10,000 services {services:?}");
    assert!(slices.as_millis() < 200 && services.as_millis() < 200, "{slices:?}, {services:?}");
}
