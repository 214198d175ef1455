use super::*;
use crate::cidr::Family;
use crate::service::{Distribution, Protocol, ServiceKind, TargetPort, TrafficPolicy};
use std::time::Duration;

#[test]
fn everything_that_the_data_path_uses_is_read() {
    let mut document = service(json!({
        "type": "LoadBalancer",
        "selector": {"app": "web"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "web", "nodePort": 30080},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
            {"name": "dns-tcp", "port": 53},
        ],
        "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd00:96::7"],
        "ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack",
        "externalIPs": ["203.0.113.9", "203.0.113.9"],
        "loadBalancerSourceRanges": ["192.0.2.9/24", "fd00::/8"],
        "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local",
        "healthCheckNodePort": 31000,
        "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}},
        "publishNotReadyAddresses": true, "trafficDistribution": "PreferClose",
    }));
    document["metadata"]["annotations"] =
        json!({"pontoon.net/weights": "track=canary:10,track=stable:90"});
    document["status"] = json!({"loadBalancer": {"ingress": [
        {"ip": "198.51.100.1"},
        {"ip": "198.51.100.2", "ipMode": "Proxy"},
        {"ip": "2001:db8::3", "ipMode": "VIP"},
    ]}});
    let (manifest, warnings) = read_service(document).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    let web = manifest.service;
    assert_eq!(web.kind, ServiceKind::LoadBalancer);
    assert_eq!(web.selector.unwrap().to_string(), "app=web");
    assert_eq!(web.ports[0].target, TargetPort::Name("web".into()));
    assert_eq!(web.ports[0].node_port, Some(30080));
    assert_eq!(
        (web.ports[1].protocol, web.ports[1].target.clone()),
        (Protocol::Udp, TargetPort::Number(5353))
    );
    assert_eq!(web.ports[2].target, TargetPort::Number(53));
    let texts = |ips: &[std::net::IpAddr]| ips.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts(&web.cluster_ips), ["10.96.0.7", "fd00:96::7"]);
    assert_eq!(texts(&web.external_ips), ["203.0.113.9"]);
    assert_eq!(texts(&web.ingress_ips), ["198.51.100.1", "2001:db8::3"]);
    assert_eq!(web.source_ranges[0].to_string(), "192.0.2.0/24");
    assert_eq!(
        (web.external_policy, web.internal_policy),
        (TrafficPolicy::Local, TrafficPolicy::Local)
    );
    assert_eq!(
        (web.health_check_node_port, web.affinity),
        (Some(31000), Some(Duration::from_secs(60)))
    );
    assert!(web.publish_not_ready);
    assert_eq!(web.distribution, Distribution::PreferSameZone);
    assert_eq!(web.weights.iter().map(|w| w.weight).collect::<Vec<_>>(), [10, 90]);
    assert_eq!(manifest.addresses.families, [Family::V4, Family::V6]);
    assert_eq!(manifest.addresses.policy, Some(FamilyPolicy::RequireDualStack));
}

#[test]
fn what_is_left_out_has_kubernetes_defaults() {
    let (manifest, _) =
        read_service(service(json!({"ports": [{"port": 80}], "selector": {}}))).unwrap();
    let web = manifest.service;
    assert_eq!(web.kind, ServiceKind::ClusterIp);
    assert_eq!((web.selector, web.affinity, web.headless), (None, None, false));
    assert_eq!((web.ports[0].protocol, web.ports[0].name.as_str()), (Protocol::Tcp, ""));
    let sticky = with(json!({"sessionAffinity": "ClientIP"}));
    let (manifest, _) = read_service(service(sticky)).unwrap();
    assert_eq!(manifest.service.affinity, Some(Duration::from_secs(10_800)));
}

#[test]
fn ports_are_refused_by_path() {
    let port = |port: Value| refusal(json!({"type": "NodePort", "ports": [port]}));
    let two = |a: Value, b: Value| refusal(json!({"type": "NodePort", "ports": [a, b]}));
    for (said, part) in [
        (refusal(json!({})), "spec.ports: it is missing"),
        (port(json!({"port": 70_000})), "spec.ports[0].port: 70000 is not in 1..=65535"),
        (port(json!({})), "spec.ports[0].port: it is missing"),
        (port(json!({"port": 80, "targetPort": -1})), "spec.ports[0].targetPort: -1 is not in"),
        (
            port(json!({"port": 80, "targetPort": "8080"})),
            "spec.ports[0].targetPort: \"8080\" is a number in quotes: write 8080",
        ),
        (
            port(json!({"port": 80, "targetPort": "Web"})),
            "spec.ports[0].targetPort: \"Web\" is no port's name",
        ),
        (
            port(json!({"port": 80, "targetPort": []})),
            "spec.ports[0].targetPort: invalid type: a list, expected a port's number or name",
        ),
        (
            port(json!({"port": 80, "protocol": "tcp"})),
            "spec.ports[0].protocol: \"tcp\" is not one of TCP, UDP, SCTP",
        ),
        (port(json!({"port": 80, "name": "Web"})), "spec.ports[0].name: \"Web\" is not valid"),
        (port(json!({"port": 80, "nodePort": 65_536})), "spec.ports[0].nodePort: 65536 is not in"),
        (two(json!({"port": 80}), json!({"port": 81})), "spec.ports[0].name: it is missing"),
        (
            two(json!({"name": "a", "port": 80}), json!({"name": "a", "port": 81})),
            "spec.ports[1].name: \"a\" is the name",
        ),
        (
            two(json!({"name": "a", "port": 80}), json!({"name": "b", "port": 80})),
            "spec.ports[1].port: 80/TCP is served",
        ),
        (
            two(
                json!({"name": "a", "port": 80, "nodePort": 30000}),
                json!({"name": "b", "port": 81, "nodePort": 30000}),
            ),
            "spec.ports[1].nodePort: 30000/TCP is that of",
        ),
        (
            refusal(json!({"ports": [{"port": 80, "nodePort": 30000}]})),
            "spec.ports[0].nodePort: only services of type",
        ),
    ] {
        assert!(said.starts_with(part), "{said}");
    }
    let both = json!({"type": "NodePort", "ports": [
        {"name": "a", "port": 53, "nodePort": 30053}, {"name": "b", "port": 53, "protocol": "UDP", "nodePort": 30053},
    ]});
    assert!(read_service(service(both)).is_ok(), "TCP and UDP share numbers");
}

#[test]
fn addresses_must_agree_with_each_other() {
    for (fields, part) in [
        (json!({"clusterIP": "10.96.0"}), "spec.clusterIP: \"10.96.0\" is no IP address"),
        (
            json!({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.2"]}),
            "spec.clusterIPs[0]: \"10.96.0.2\" is not spec.clusterIP",
        ),
        (json!({"clusterIPs": ["None", "10.96.0.1"]}), "spec.clusterIPs: None stands alone"),
        (
            json!({"clusterIPs": ["10.96.0.1", "10.96.0.2"]}),
            "spec.clusterIPs[1]: 10.96.0.2 is the second IPv4",
        ),
        (
            json!({"clusterIPs": ["10.96.0.1", "fd00::1"]}),
            "spec.ipFamilyPolicy: use PreferDualStack",
        ),
        (
            json!({"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "SingleStack"}),
            "spec.ipFamilyPolicy: use PreferDualStack",
        ),
        (json!({"ipFamilies": ["IPv4", "IPv4"]}), "spec.ipFamilies[1]: IPv4 is there twice"),
        (json!({"ipFamilies": ["ipv4"]}), "spec.ipFamilies[0]: \"ipv4\" is not one of"),
        (
            json!({"ipFamilies": ["IPv6"], "clusterIP": "10.96.0.1"}),
            "spec.clusterIP: 10.96.0.1 is not IPv6",
        ),
        (
            json!({"ipFamilyPolicy": "Dual"}),
            "spec.ipFamilyPolicy: \"Dual\" is not one of SingleStack",
        ),
        (
            json!({"type": "NodePort", "clusterIP": "None"}),
            "spec.clusterIP: None is for type ClusterIP",
        ),
    ] {
        let said = refusal(with(fields));
        assert!(said.starts_with(part), "{said}");
    }
}

#[test]
fn headless_services_need_no_ports() {
    let (manifest, _) = read_service(service(
        json!({"clusterIP": "None", "clusterIPs": ["None"], "selector": {"a": "b"}}),
    ))
    .unwrap();
    assert!(manifest.service.headless && manifest.service.cluster_ips.is_empty());
    assert!(manifest.service.ports.is_empty());
}

#[test]
fn external_names_are_names() {
    let external = |name: Value| json!({"type": "ExternalName", "externalName": name});
    let (manifest, _) = read_service(service(external(json!("db.example.com.")))).unwrap();
    assert_eq!(manifest.service.external_name, "db.example.com".parse().ok());
    let stored = stored_service(manifest.document.to_string().as_bytes()).unwrap();
    assert_eq!(stored.external_name, manifest.service.external_name);
    for (spec, part) in [
        (json!({"type": "ExternalName"}), "spec.externalName: it is missing"),
        (external(json!("10.0.0.1")), "spec.externalName: \"10.0.0.1\" is an address"),
        (external(json!("10.0.0.1.")), "spec.externalName: \"10.0.0.1.\" is an address"),
        (external(json!("fd00::1")), "spec.externalName: \"fd00::1\" is an address"),
        (external(json!("fd00::1.")), "spec.externalName: \"fd00::1.\" is an address"),
        (external(json!("db.example.com..")), "spec.externalName: \"db.example.com..\" is no DNS"),
        (external(json!(".")), "spec.externalName: \".\" is no DNS name"),
        (external(json!("a".repeat(64))), "spec.externalName: \"aaa"),
        (external(json!("a b")), "spec.externalName: \"a b\" is no DNS name"),
        (
            json!({"type": "ExternalName", "externalName": "a.b", "clusterIP": "10.96.0.1"}),
            "spec.clusterIP: a service of type",
        ),
    ] {
        let said = refusal(spec);
        assert!(said.starts_with(part), "{said}");
    }
}

#[test]
fn fields_of_other_types_are_refused() {
    for (fields, part) in [
        (
            json!({"type": "Clusterip"}),
            "spec.type: \"Clusterip\" is not one of ClusterIP, NodePort",
        ),
        (
            json!({"externalTrafficPolicy": "Local"}),
            "spec.externalTrafficPolicy: only services that",
        ),
        (
            json!({"type": "NodePort", "externalTrafficPolicy": "local"}),
            "spec.externalTrafficPolicy: \"local\" is not one",
        ),
        (
            json!({"internalTrafficPolicy": "Node"}),
            "spec.internalTrafficPolicy: \"Node\" is not one",
        ),
        (
            json!({"type": "LoadBalancer", "healthCheckNodePort": 30000}),
            "spec.healthCheckNodePort: only",
        ),
        (
            json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]}),
            "spec.loadBalancerSourceRanges: only",
        ),
        (
            json!({"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0"]}),
            "spec.loadBalancerSourceRanges[0]: \"10.0.0.0\" is no range",
        ),
        (
            json!({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86_401}}}),
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is not in 1..=86400",
        ),
        (
            json!({"sessionAffinityConfig": {"clientIP": {}}}),
            "spec.sessionAffinityConfig: it is for",
        ),
        (
            json!({"sessionAffinity": "Cookie"}),
            "spec.sessionAffinity: \"Cookie\" is not one of None, ClientIP",
        ),
        (
            json!({"externalIPs": ["127.0.0.1"]}),
            "spec.externalIPs[0]: 127.0.0.1 is a loopback address",
        ),
        (
            json!({"trafficDistribution": "Near"}),
            "spec.trafficDistribution: \"Near\" is not one of PreferSameNode",
        ),
        (json!({"selector": {"a": "b c"}}), "spec.selector[a]: \"b c\" is no label's value"),
    ] {
        let said = refusal(with(fields));
        assert!(said.starts_with(part), "{said}");
    }
}

#[test]
fn what_has_no_effect_is_said() {
    let warnings = |fields: Value, status: Value, annotations: Value| {
        let mut document = service(with(fields));
        document["status"] = status;
        document["metadata"]["annotations"] = annotations;
        read_service(document).unwrap().1
    };
    let weights = json!({"pontoon.net/weights": "a=b:1"});
    for (found, part) in [
        (
            warnings(
                json!({"type": "LoadBalancer", "loadBalancerIP": "10.0.0.1"}),
                json!({}),
                json!({}),
            ),
            "spec.loadBalancerIP: not used: what counts is status.loadBalancer.ingress",
        ),
        (
            warnings(
                json!({"type": "LoadBalancer"}),
                json!({"loadBalancer": {"ingress": [{"hostname": "a.b"}]}}),
                json!({}),
            ),
            "status.loadBalancer.ingress[0].hostname: not used",
        ),
        (
            warnings(
                json!({}),
                json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
                json!({}),
            ),
            "status.loadBalancer.ingress: not used",
        ),
        (
            warnings(json!({"externalName": "a.b"}), json!({}), json!({})),
            "spec.externalName: not used",
        ),
        (
            warnings(json!({"clusterIP": "None"}), json!({}), weights),
            "metadata.annotations[pontoon.net/weights]: not used",
        ),
        (
            warnings(json!({}), json!({}), json!({"pontoon.net/weight": "a=b:1"})),
            "metadata.annotations[pontoon.net/weight]: not used: of Pontoon's annotations a Service has pontoon.net/weights",
        ),
    ] {
        assert!(matches!(found.as_slice(), [only] if only.starts_with(part)), "{found:?}");
    }
}

#[test]
fn wrong_weights_are_refused() {
    let mut document = service(with(json!({})));
    document["metadata"]["annotations"] = json!({"pontoon.net/weights": "track=canary:1001"});
    let said = read_service(document).unwrap_err();
    assert!(
        said.starts_with("metadata.annotations[pontoon.net/weights]: weight \"1001\""),
        "{said}"
    );
}
