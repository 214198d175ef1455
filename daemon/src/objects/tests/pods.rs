use pontoon_model::pod::PodRecord;

use super::*;

/// Lets a pod run on a node, as the node writes it.
async fn run(cluster: &Cluster, node: &str, name: &str) -> String {
    let record = json!({
        "namespace": "default", "name": name, "node": node, "containerId": "c", "addresses": ["10.244.1.2", "fd00::2"],
        "labels": {"app": "web"}, "annotations": {"from": "runtime"}, "ready": false,
    });
    let key = format!("pods/{node}/default/{name}");
    let store = &cluster.objects.store;
    store.put(&format!("nodes/{node}"), b"{}".to_vec(), None).await.unwrap();
    store.put(&key, record.to_string().into_bytes(), None).await.unwrap();
    key
}

async fn record(cluster: &Cluster, key: &str) -> PodRecord {
    serde_json::from_slice(&cluster.objects.store.get(key).await.unwrap().unwrap().value).unwrap()
}

fn pod(name: &str, metadata: Value, spec: Value) -> Value {
    let mut document =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    document["metadata"]["name"] = json!(name);
    document
}

#[tokio::test]
async fn a_manifest_gives_a_running_pod_labels_ports_and_a_check() {
    let cluster = Cluster::new().await;
    for node in 0..130 {
        run(&cluster, &format!("host-{node}"), &format!("other-{node}")).await;
    }
    let key = run(&cluster, "host-7", "web-0").await;
    let manifest = pod(
        "web-0",
        json!({"labels": {"track": "canary"}, "annotations": {"a": "b"}}),
        json!({
            "hostname": "web-0", "subdomain": "web",
            "containers": [{
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"port": "http", "path": "/ok"}, "periodSeconds": 2},
            }],
        }),
    );
    let shown = cluster.apply(manifest.clone()).await;
    let now = record(&cluster, &key).await;
    assert_eq!(json!(now.labels), json!({"track": "canary"}));
    assert_eq!(
        json!(now.annotations),
        json!({
            "a": "b", "from": "runtime", "pontoon.net/hostname": "web-0", "pontoon.net/ports": "http=8080",
            "pontoon.net/readiness": "http:http/ok", "pontoon.net/subdomain": "web",
        })
    );
    assert_eq!((now.hostname, now.subdomain), ("web-0".parse().ok(), "web".parse().ok()));
    assert_eq!((now.generation, now.ports[0].port), (1, 8080));
    assert_eq!(cluster.try_apply(manifest).await.result, OutcomeResult::Unchanged);
    let mut again = cluster.try_apply(shown).await;
    assert_eq!((again.result, again.warnings.pop()), (OutcomeResult::Unchanged, None));
    assert_eq!(record(&cluster, &key).await.generation, 1);
}

#[tokio::test]
async fn a_pod_that_does_not_run_is_said_to() {
    let cluster = Cluster::new().await;
    run(&cluster, "host-1", "other").await;
    let said = cluster.refusal(pod("web-0", json!({}), json!({}))).await;
    assert_eq!(said.code, Code::NotFound);
    assert_eq!(said.details, "start it with the container runtime first");
}

#[tokio::test]
async fn pods_are_shown_as_kubernetes_would() {
    let cluster = Cluster::new().await;
    run(&cluster, "host-1", "web-0").await;
    let found = cluster.objects.get(&one(Kind::Pod, "web-0")).await.unwrap();
    let mut shown = found[0].clone();
    let revision = shown["metadata"]["resourceVersion"].take();
    assert!(revision.as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(
        shown,
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "web-0", "namespace": "default", "resourceVersion": null,
                "labels": {"app": "web"}, "annotations": {"from": "runtime"},
            },
            "spec": {"nodeName": "host-1"},
            "status": {
                "phase": "Running", "podIP": "10.244.1.2", "podIPs": [{"ip": "10.244.1.2"}, {"ip": "fd00::2"}],
                "conditions": [{"type": "Ready", "status": "False"}],
            },
        })
    );
    let selected = Selection { labels: "app".parse().unwrap(), ..all(Kind::Pod) };
    assert_eq!(cluster.objects.get(&selected).await.unwrap().len(), 1);
}

#[tokio::test]
async fn labels_of_pods_are_changed_and_counted() {
    let cluster = Cluster::new().await;
    let keys = [run(&cluster, "host-1", "web-0").await, run(&cluster, "host-2", "web-1").await];
    let change = LabelChange {
        set: [("track".to_owned(), "green".to_owned())].into(),
        remove: vec!["app".to_owned()],
        overwrite: false,
    };
    let outcomes = cluster.objects.label(&all(Kind::Pod), &change).await.unwrap();
    assert!(
        outcomes.iter().all(|outcome| outcome.result == OutcomeResult::Labeled),
        "{outcomes:?}"
    );
    for key in &keys {
        let record = record(&cluster, key).await;
        assert_eq!((json!(record.labels), record.generation), (json!({"track": "green"}), 1));
    }
    let outcomes = cluster.objects.label(&all(Kind::Pod), &change).await.unwrap();
    assert_eq!(outcomes[0].result, OutcomeResult::Unchanged);
}

#[tokio::test]
async fn pods_are_not_deleted_here() {
    let cluster = Cluster::new().await;
    let key = run(&cluster, "host-1", "web-0").await;
    let outcomes = cluster.objects.delete(&one(Kind::Pod, "web-0")).await.unwrap();
    let said = failure(outcomes[0].result.clone());
    assert!(said.msg.contains("the container runtime does that"), "{said}");
    let namespaced = |pods: Vec<Outcome>| pods[0].warnings.clone();
    let store = &cluster.objects.store;
    let moved = store.get(&key).await.unwrap().unwrap().value;
    store.put("pods/host-1/shop/web-0", moved, None).await.unwrap();
    let warnings = namespaced(cluster.objects.delete(&one(Kind::Namespace, "shop")).await.unwrap());
    assert!(warnings[0].starts_with("1 pods of the namespace go on"), "{warnings:?}");
}
