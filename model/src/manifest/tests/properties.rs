use super::*;
use proptest::prelude::*;

/// JSON made of the words that matter here, so that it gets past the first check.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![0.5, -1e300]).prop_map(Value::from),
        (0i64..70_000).prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "None",
            "ClusterIP",
            "LoadBalancer",
            "ExternalName",
            "Local",
            "ClientIP",
            "IPv4",
            "TCP",
            "10.96.0.1",
            "fd00::1",
            "web",
            "a=b:1",
            "http:80/",
            "é",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let key = prop::sample::select(vec![
            "name",
            "namespace",
            "labels",
            "annotations",
            "type",
            "ports",
            "port",
            "targetPort",
            "nodePort",
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "selector",
            "externalIPs",
            "addresses",
            "conditions",
            "ready",
            "hints",
            "forNodes",
            "containers",
            "readinessProbe",
            "httpGet",
            "pontoon.net/weights",
            "pontoon.net/readiness",
            "pontoon.net/ports",
            "loadBalancer",
            "ingress",
            "sessionAffinityConfig",
            "clientIP",
            "timeoutSeconds",
            "x",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(Kind::APPLIED.to_vec());
    (kind, value(), value(), value(), value()).prop_map(|(kind, metadata, spec, status, list)| {
        let names = kind.names();
        json!({
            "apiVersion": names.api_version, "kind": names.kind, "metadata": metadata, "spec": spec,
            "status": status, "addressType": "IPv4", "endpoints": list, "ports": list,
        })
    })
}

prop_compose! {
    /// The spec of a service that has a good chance of being right.
    fn likely_service()(
        kind in prop::sample::select(vec!["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
        ports in prop::collection::vec((1u16..5, 0u16..3, prop::option::of("[a-z]{1,3}")), 0..3),
        cluster_ip in prop::option::of(prop::sample::select(vec!["None", "10.96.0.1", "fd00::1"])),
        policy in prop::option::of(prop::sample::select(vec!["Cluster", "Local"])),
        external in prop::option::of(Just("a.b")),
        sticky in any::<bool>(),
    ) -> Value {
        let ports: Vec<Value> = ports
            .iter()
            .map(|(port, node, name)| json!({"port": port, "nodePort": node, "name": name}))
            .collect();
        service(json!({
            "type": kind, "ports": ports, "clusterIP": cluster_ip, "externalTrafficPolicy": policy,
            "externalName": external, "sessionAffinity": if sticky { "ClientIP" } else { "None" },
        }))
    }
}

proptest! {
    #[test]
    fn no_document_panics(anything in value(), document in document()) {
        let _ = read(anything);
        let text = serde_json::to_vec(&document).unwrap();
        let _ = read(document);
        let _ = stored_service(&text);
        let _ = stored_slice(&text);
    }

    #[test]
    fn no_text_panics(text in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = stored_service(&text);
        let _ = stored_slice(&text);
    }

    #[test]
    fn an_error_names_a_path(document in document()) {
        if let Err(error) = parse(document, &Namespace::default()) {
            prop_assert!(!error.problem.is_empty());
            let root = error.path.split(['.', '[']).next().unwrap_or_default();
            prop_assert!(["metadata", "spec", "status", "endpoints", "ports"].contains(&root), "{}", error);
        }
    }

    #[test]
    fn what_is_stored_reads_as_what_was_given(document in prop_oneof![document(), likely_service()]) {
        let text = serde_json::to_vec(&document).unwrap();
        let is_service = document["kind"] == "Service";
        match parse(document, &Namespace::default()) {
            Ok(Parsed { object: Object::Service(manifest), .. }) => {
                prop_assert_eq!(stored_service(&text), Ok(manifest.service.clone()));
                let again = parse(manifest.document.clone(), &Namespace::default());
                prop_assert_eq!(again.map(|p| p.object), Ok(Object::Service(manifest)));
            }
            Ok(Parsed { object: Object::EndpointSlice(manifest), .. }) => {
                prop_assert_eq!(stored_slice(&text), Ok(manifest.slice));
            }
            Ok(_) => prop_assert!(stored_service(&text).is_err()),
            Err(error) if is_service => prop_assert_eq!(stored_service(&text), Err(error)),
            Err(_) => {}
        }
    }
}
