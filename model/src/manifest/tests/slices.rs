use super::*;
use crate::cidr::Family;
use crate::endpoint::Conditions;
use crate::service::Protocol;

fn slice(fields: Value) -> Value {
    let mut document = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    });
    for (key, value) in fields.as_object().unwrap() {
        document[key] = value.clone();
    }
    document
}

fn read_slice(fields: Value) -> Result<(EndpointSlice, Vec<String>), String> {
    match read(slice(fields))? {
        Parsed { object: Object::EndpointSlice(manifest), warnings } => {
            Ok((manifest.slice, warnings))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_that_the_data_path_uses_is_read() {
    let (slice, warnings) = read_slice(json!({
        "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP", "appProtocol": "x"}],
        "endpoints": [
            {
                "addresses": ["10.1.0.1"], "conditions": {"ready": false, "serving": true, "terminating": true},
                "hostname": "web-0", "nodeName": "host-1", "zone": "a",
                "hints": {"forZones": [{"name": "b"}], "forNodes": [{"name": "host-2"}]},
                "targetRef": {"kind": "Pod"},
            },
            {"addresses": ["10.1.0.2", "10.1.0.3"], "targetRef": {"kind": "Pod"}},
            {"addresses": ["10.1.0.4"], "conditions": {"ready": false}},
        ],
    }))
    .unwrap();
    assert_eq!(slice.service.unwrap().to_string(), "default/web");
    assert_eq!((slice.family, slice.ports[1].protocol), (Family::V4, Protocol::Udp));
    let [going, plain, waiting] = slice.endpoints.as_slice() else { panic!() };
    assert_eq!(going.conditions, Conditions { ready: false, serving: true, terminating: true });
    assert_eq!((plain.conditions, waiting.conditions), (Conditions::READY, Conditions::NOT_READY));
    assert_eq!(plain.address.to_string(), "10.1.0.2");
    assert_eq!((going.hostname.as_deref(), going.zone.as_deref()), (Some("web-0"), Some("a")));
    assert_eq!(going.zone_hints, ["b"]);
    assert_eq!(going.node_hints[0].as_str(), "host-2");
    assert_eq!(
        warnings,
        [
            "endpoints[0].targetRef: not used (and 1 like it)",
            "ports[1].appProtocol: not used",
            "endpoints[1].addresses[1]: not used: of an endpoint's addresses the first counts",
        ]
    );
}

#[test]
fn ports_without_a_number_are_left_out() {
    let (slice, warnings) =
        read_slice(json!({"ports": [{"name": "all", "port": null}, {"port": 1}], "endpoints": []}))
            .unwrap();
    assert_eq!((slice.ports.len(), slice.ports[0].name.as_str()), (1, ""));
    assert!(
        warnings[0].starts_with("ports[0].port: not used: a port without a number"),
        "{warnings:?}"
    );
}

#[test]
fn a_slice_of_no_service_is_said_to_be_of_no_use() {
    let (slice, warnings) = read_slice(json!({"metadata": {"name": "a"}})).unwrap();
    assert_eq!(slice.service, None);
    assert!(
        warnings[0].starts_with("metadata.labels: without kubernetes.io/service-name"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_wrong_is_refused_by_path() {
    let endpoint = |endpoint: Value| json!({"endpoints": [endpoint]});
    for (fields, part) in [
        (json!({"addressType": null}), "addressType: it is missing"),
        (
            json!({"addressType": "FQDN"}),
            "addressType: FQDN is not served: packets go to addresses",
        ),
        (json!({"addressType": "v4"}), "addressType: \"v4\" is not one of IPv4, IPv6"),
        (endpoint(json!({})), "endpoints[0].addresses: it is empty"),
        (
            endpoint(json!({"addresses": ["fd00::1"]})),
            "endpoints[0].addresses[0]: fd00::1 is not of the slice's addressType IPv4",
        ),
        (
            endpoint(json!({"addresses": ["127.0.0.1"]})),
            "endpoints[0].addresses[0]: 127.0.0.1 is a loopback address",
        ),
        (
            endpoint(json!({"addresses": ["169.254.1.1"]})),
            "endpoints[0].addresses[0]: 169.254.1.1 is a link-local",
        ),
        (
            endpoint(json!({"addresses": ["10.0.0.1"], "nodeName": "A"})),
            "endpoints[0].nodeName: node name \"A\"",
        ),
        (
            endpoint(json!({"addresses": ["10.0.0.1"], "hostname": "a.b"})),
            "endpoints[0].hostname: \"a.b\" is not valid",
        ),
        (
            endpoint(json!({"addresses": ["10.0.0.1"], "hints": {"forNodes": [{"name": ""}]}})),
            "endpoints[0].hints.forNodes[0]: node name",
        ),
        (json!({"ports": [{"port": 0}]}), "ports[0].port: 0 is not in 1..=65535"),
        (
            json!({"ports": [{"port": 1}, {"port": 2}]}),
            "ports[1].name: \"\" is the name of a port before it",
        ),
        (
            json!({"endpoints": vec![json!({"addresses": ["10.0.0.1"]}); 1001]}),
            "endpoints: 1001 are too many",
        ),
        (
            json!({"metadata": {"name": "a", "labels": {"kubernetes.io/service-name": "0"}}}),
            "metadata.labels[kubernetes.io/service-name]: service name \"0\"",
        ),
    ] {
        let said = read_slice(fields).unwrap_err();
        assert!(said.starts_with(part), "{said}");
    }
}
