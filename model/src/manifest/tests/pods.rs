use super::*;

fn read_pod(metadata: Value, spec: Value) -> Result<(PodManifest, Vec<String>), String> {
    let mut document =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    document["metadata"]["name"] = json!("web-0");
    match read(document)? {
        Parsed { object: Object::Pod(pod), warnings } => Ok((*pod, warnings)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_concerns_the_network_is_read_and_the_rest_is_passed_over() {
    let (pod, warnings) = read_pod(
        json!({"namespace": "shop", "labels": {"app": "web"}}),
        json!({
            "hostname": "web-0", "subdomain": "web", "nodeName": "x", "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "containers": [
                {
                    "name": "web", "image": "nginx", "env": [{"name": "A", "value": "B"}],
                    "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9090}],
                    "readinessProbe": {
                        "httpGet": {"port": "http", "path": "healthz", "httpHeaders": [{"name": "host", "value": "x.y"}]},
                        "initialDelaySeconds": 5, "timeoutSeconds": 0,
                    },
                },
                {"ports": [{"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
            ],
        }),
    )
    .unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        (pod.id.to_string().as_str(), pod.metadata.labels["app"].as_str()),
        ("shop/web-0", "web")
    );
    assert_eq!(pod.ports.to_string(), "http=8080,dns=53/UDP");
    assert_eq!(
        pod.readiness.unwrap().to_string(),
        "http:http/healthz;host=x.y;delay=5s;period=10s"
    );
    assert_eq!((pod.hostname, pod.subdomain), ("web-0".parse().ok(), "web".parse().ok()));
}

#[test]
fn annotations_count_before_containers() {
    let (pod, warnings) = read_pod(
        json!({"annotations": {"pontoon.net/ports": "a=1", "pontoon.net/readiness": "tcp:a"}}),
        json!({"containers": [{
            "ports": [{"name": "b", "containerPort": 2}],
            "readinessProbe": {"tcpSocket": {"port": 2}},
        }]}),
    )
    .unwrap();
    assert_eq!(
        (pod.ports.to_string(), pod.readiness.unwrap().to_string()),
        ("a=1".into(), "tcp:a".into())
    );
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn what_of_the_network_has_no_effect_is_said() {
    let container =
        |container: Value| read_pod(json!({}), json!({"containers": [container]})).unwrap();
    let probe = |probe: Value| container(json!({"readinessProbe": probe}));
    for ((_, found), part) in [
        (
            probe(json!({"exec": {"command": ["x"]}})),
            "spec.containers[0].readinessProbe.exec: not used",
        ),
        (probe(json!({"grpc": {"port": 1}})), "spec.containers[0].readinessProbe.grpc: not used"),
        (
            probe(json!({"httpGet": {"port": 1, "scheme": "HTTPS"}})),
            "spec.containers[0].readinessProbe.httpGet.scheme: HTTPS is not",
        ),
        (
            probe(json!({"httpGet": {"port": 1, "host": "x"}})),
            "spec.containers[0].readinessProbe.httpGet.host: not used",
        ),
        (
            probe(json!({"httpGet": {"port": 1, "httpHeaders": [{"name": "A", "value": "B"}]}})),
            "spec.containers[0].readinessProbe.httpGet.httpHeaders[0]: not",
        ),
        (
            container(json!({"ports": [{"containerPort": 1, "hostPort": 1}]})),
            "spec.containers[0].ports[0].hostPort: not used",
        ),
        (
            container(
                json!({"ports": [{"name": "a", "containerPort": 1}, {"name": "a", "containerPort": 2}]}),
            ),
            "spec.containers: port \"a\" is not used",
        ),
        (read_pod(json!({}), json!({"hostNetwork": true})).unwrap(), "spec.hostNetwork: not used"),
    ] {
        assert!(matches!(found.as_slice(), [only] if only.starts_with(part)), "{found:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_by_path() {
    let probe =
        |probe: Value| read_pod(json!({}), json!({"containers": [{"readinessProbe": probe}]}));
    let annotation =
        |key: &str, value: &str| read_pod(json!({"annotations": {key: value}}), json!({}));
    for (found, part) in [
        (
            probe(json!({"tcpSocket": {}})),
            "spec.containers[0].readinessProbe.tcpSocket.port: it is missing",
        ),
        (
            probe(json!({"tcpSocket": {"port": 0}})),
            "spec.containers[0].readinessProbe.tcpSocket.port: 0 is not in",
        ),
        (
            probe(json!({"tcpSocket": {"port": 1}, "httpGet": {"port": 1}})),
            "spec.containers[0].readinessProbe: tcpSocket and httpGet",
        ),
        (
            probe(json!({"tcpSocket": {"port": 1}, "periodSeconds": -1})),
            "spec.containers[0].readinessProbe.periodSeconds: -1 is not",
        ),
        (
            probe(json!({"httpGet": {"port": 1, "path": "/a b"}})),
            "spec.containers[0].readinessProbe: path \"/a b\"",
        ),
        (
            read_pod(
                json!({}),
                json!({"containers": [{"ports": [{"name": "A", "containerPort": 1}]}]}),
            ),
            "spec.containers[0].ports[0].name: \"A\" is no port's",
        ),
        (read_pod(json!({}), json!({"hostname": "a.b"})), "spec.hostname: \"a.b\" is not valid"),
        (
            annotation("pontoon.net/ports", "x"),
            "metadata.annotations[pontoon.net/ports]: \"x\" has no '='",
        ),
        (
            annotation("pontoon.net/readiness", "x"),
            "metadata.annotations[pontoon.net/readiness]: \"x\" begins with neither",
        ),
    ] {
        let said = found.unwrap_err();
        assert!(said.starts_with(part), "{said}");
    }
}
