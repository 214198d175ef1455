use super::*;

#[test]
fn null_is_absent() {
    let (web, warnings) = read_service(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": null, "creationTimestamp": null, "labels": null},
        "spec": {"ports": [{"port": 80, "name": null, "targetPort": null}], "selector": null, "clusterIP": null},
        "status": {"loadBalancer": {}},
    }))
    .unwrap();
    assert_eq!(web.service.id.to_string(), "default/web");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert!(web.document["metadata"].get("labels").is_none());
}

#[test]
fn a_wrong_type_is_answered_with_its_path() {
    assert_eq!(
        refusal(json!({"ports": [{"port": "80"}]})),
        "spec.ports[0].port: invalid type: string \"80\", expected an integer"
    );
    assert_eq!(
        refusal(json!({"ports": {"port": 80}})),
        "spec.ports: invalid type: an object, expected a list"
    );
    assert_eq!(
        refusal(json!({"ports": [], "selector": {"app": 1}})),
        "spec.selector.app: invalid type: integer `1`, expected a string"
    );
    assert_eq!(
        refusal(json!({"ports": [[80]]})),
        "spec.ports[0]: invalid type: a list, expected an object"
    );
    assert_eq!(read(json!([])).unwrap_err().split(':').next(), Some("the document is no object"));
}

#[test]
fn what_is_not_used_is_reported_by_path() {
    let (_, warnings) = read_service(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "web", "uid": "u", "resourceVersion": "7", "generation": 1, "selfLink": "/x",
            "creationTimestamp": "2024-01-01T00:00:00Z", "managedFields": [{"manager": "kubectl"}],
            "annotations": {"a.b/c": "d"}, "finalizers": ["x"],
        },
        "spec": {
            "allocateLoadBalancerNodePorts": true, "slector": {},
            "ports": [{"name": "a", "port": 80, "appProtocol": "h2", "targetport": 1}, {"name": "b", "port": 81, "appProtocol": "h2", "targetport": 1}],
        },
        "status": {"conditions": [{"type": "x"}], "loadBalancer": {}},
        "data": 1,
    }))
    .unwrap();
    let mut warnings = warnings;
    warnings.sort();
    assert_eq!(
        warnings,
        [
            "data: not used",
            "metadata.finalizers: not used",
            "spec.allocateLoadBalancerNodePorts: not used",
            "spec.ports[0].appProtocol: not used (and 1 like it)",
            "spec.ports[0].targetport: not used; did you mean `spec.ports.targetPort`? (and 1 like it)",
            "spec.slector: not used; did you mean `spec.selector`?",
        ]
    );
}

#[test]
fn names_labels_and_annotations_are_checked() {
    let metadata = |metadata: Value| {
        let mut document = service(json!({"ports": [{"port": 80}]}));
        document["metadata"] = metadata;
        read(document).unwrap_err()
    };
    for (found, part) in [
        (json!({}), "metadata.name: it is missing"),
        (json!({"name": "0web"}), "metadata.name: service name \"0web\" is not valid: use 1 to 63"),
        (json!({"name": "a", "namespace": "A"}), "metadata.namespace: namespace \"A\""),
        (json!({"name": "a", "labels": {"a b": "c"}}), "metadata.labels: \"a b\" is no key"),
        (json!({"name": "a", "labels": {"a": "b c"}}), "metadata.labels[a]: \"b c\" is no label's"),
        (json!({"name": "a", "annotations": {"-": "b"}}), "metadata.annotations: \"-\" is no key"),
        (
            json!({"name": "a", "annotations": {"a": "b".repeat(300_000)}}),
            "metadata.annotations: 300001 bytes are too long",
        ),
    ] {
        let said = metadata(found);
        assert!(said.starts_with(part), "{said}");
    }
}

#[test]
fn a_namespace_has_a_name_and_no_namespace() {
    let namespace = |metadata: Value| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}});
    let parsed = read(namespace(json!({"name": "shop", "labels": {"a": "b"}}))).unwrap();
    assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
    let Object::Namespace(shop) = parsed.object else { panic!() };
    assert_eq!((shop.name.as_str(), shop.metadata.labels["a"].as_str()), ("shop", "b"));
    let said = read(namespace(json!({"name": "a", "namespace": "b"}))).unwrap_err();
    assert!(said.starts_with("metadata.namespace: "), "{said}");
    let said = read(namespace(json!({"name": "a.b"}))).unwrap_err();
    assert!(said.starts_with("metadata.name: namespace \"a.b\""), "{said}");
}

#[test]
fn what_the_store_has_is_read_with_the_same_rules() {
    let text = |value: &Value| serde_json::to_vec(value).unwrap();
    let good = service(json!({"ports": [{"port": 80, "name": null}], "clusterIP": "10.96.0.7"}));
    let stored = stored_service(&text(&good)).unwrap();
    assert_eq!(stored.cluster_ips, ["10.96.0.7".parse::<std::net::IpAddr>().unwrap()]);
    for (bad, said) in [
        (b"{".to_vec(), "the document is not JSON"),
        (text(&service(json!({"ports": [{"port": 0}]}))), "spec.ports[0].port: 0 is not in"),
        (text(&service(json!({"ports": [{"port": true}]}))), "spec.ports[0].port: invalid type"),
        (
            text(&json!({"apiVersion": "v1", "kind": "Pod"})),
            "kind: Pod stands where a Service belongs",
        ),
        (text(&json!([])), "invalid type: a list, expected an object"),
    ] {
        let error = stored_service(&bad).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
}
