//! Endpoint slices, namespaces, and labels of both and of services.

use super::*;

fn slice(name: &str, namespace: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": [{"port": 80}],
    })
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn names(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["metadata"]["name"].as_str().unwrap()).collect()
}

fn set(key: &str, value: &str) -> LabelChange {
    LabelChange { set: [(key.to_owned(), value.to_owned())].into(), ..LabelChange::default() }
}

async fn label(cluster: &Cluster, selection: &Selection, change: &LabelChange) -> OutcomeResult {
    cluster.objects.label(selection, change).await.unwrap().remove(0).result
}

#[tokio::test]
async fn slices_and_namespaces_are_created_configured_and_left() {
    let cluster = Cluster::new().await;
    for document in [slice("web-1", "default"), namespace("shop")] {
        assert_eq!(cluster.try_apply(document.clone()).await.result, OutcomeResult::Created);
        assert_eq!(cluster.try_apply(document.clone()).await.result, OutcomeResult::Unchanged);
        let mut changed = document;
        changed["metadata"]["labels"]["tier"] = json!("x");
        assert_eq!(cluster.try_apply(changed).await.result, OutcomeResult::Configured);
    }
    assert_eq!(cluster.keys("").await, ["endpointslices/default/web-1", "namespaces/shop"]);
    let outcome = cluster.try_apply(slice("Web", "default")).await;
    let said = failure(outcome.result);
    assert!(said.msg.starts_with("metadata.name: endpoint slice name \"Web\""), "{said}");
    assert_eq!((outcome.kind, outcome.name.as_str()), (Some(Kind::EndpointSlice), "Web"));
    let said = cluster.refusal(json!({"apiVersion": "v1", "kind": "Servce"})).await;
    assert!(said.msg.contains("did you mean Service?"), "{said}");
}

#[tokio::test]
async fn namespaces_are_those_made_those_used_and_default() {
    let cluster = Cluster::new().await;
    assert_eq!(names(&cluster.objects.get(&all(Kind::Namespace)).await.unwrap()), ["default"]);
    cluster.apply(namespace("made")).await;
    cluster.apply(slice("a", "used")).await;
    let found = cluster.objects.get(&all(Kind::Namespace)).await.unwrap();
    assert_eq!(names(&found), ["default", "made", "used"]);
    assert!(found.iter().all(|namespace| namespace["status"]["phase"] == "Active"));
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let cluster = Cluster::new().await;
    cluster.apply(namespace("shop")).await;
    cluster.apply(slice("a", "shop")).await;
    cluster.apply(slice("a", "shop-2")).await;
    let mut web = service("web", json!({"type": "NodePort"}));
    web["metadata"]["namespace"] = json!("shop");
    cluster.apply(web).await;
    let outcomes = cluster.objects.delete(&one(Kind::Namespace, "shop")).await.unwrap();
    assert_eq!((outcomes.len(), &outcomes[0].result), (1, &OutcomeResult::Deleted));
    assert_eq!(cluster.keys("").await, ["endpointslices/shop-2/a"]);
    let outcomes = cluster.objects.delete(&one(Kind::Namespace, "default")).await.unwrap();
    assert_eq!(failure(outcomes[0].result.clone()).msg, "namespace default cannot be deleted");
    let outcomes = cluster.objects.delete(&one(Kind::Namespace, "shop")).await.unwrap();
    assert_eq!(failure(outcomes[0].result.clone()).code, Code::NotFound);
}

#[tokio::test]
async fn objects_are_found_by_labels_and_sorted_by_namespace_and_name() {
    let cluster = Cluster::new().await;
    for (name, namespace) in [("b", "a-b"), ("b", "a"), ("a", "a")] {
        cluster.apply(slice(name, namespace)).await;
    }
    let everywhere = Selection { namespace: None, ..all(Kind::EndpointSlice) };
    let found = cluster.objects.get(&everywhere).await.unwrap();
    let full = |d: &Value| {
        format!(
            "{}/{}",
            d["metadata"]["namespace"].as_str().unwrap(),
            names(std::slice::from_ref(d))[0]
        )
    };
    assert_eq!(found.iter().map(full).collect::<Vec<_>>(), ["a/a", "a/b", "a-b/b"]);
    for (labels, count) in [
        ("kubernetes.io/service-name", 3),
        ("kubernetes.io/service-name=web", 3),
        ("kubernetes.io/service-name=db", 0),
        ("kubernetes.io/service-name in (db,web)", 3),
        ("kubernetes.io/service-name!=web", 0),
        ("tier", 0),
        ("!tier,tier!=x,tier notin (x,y)", 3),
    ] {
        let selection = Selection { labels: labels.parse().unwrap(), ..everywhere.clone() };
        assert_eq!(cluster.objects.get(&selection).await.unwrap().len(), count, "{labels}");
    }
    let named = Selection { names: vec!["b".to_owned()], ..everywhere };
    assert_eq!(cluster.objects.get(&named).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_label_with_another_value_is_a_conflict() {
    let cluster = Cluster::new().await;
    cluster.apply(service("web", json!({"type": "NodePort"}))).await;
    let web = one(Kind::Service, "web");
    assert_eq!(label(&cluster, &web, &set("tier", "a")).await, OutcomeResult::Labeled);
    assert_eq!(label(&cluster, &web, &set("tier", "a")).await, OutcomeResult::Unchanged);
    let said = failure(label(&cluster, &web, &set("tier", "b")).await);
    assert_eq!((said.code, said.msg.as_str()), (Code::Conflict, "label tier is \"a\" already"));
    let over = LabelChange { overwrite: true, ..set("tier", "b") };
    assert_eq!(label(&cluster, &web, &over).await, OutcomeResult::Labeled);
    assert_eq!(cluster.service("web").await["metadata"]["labels"], json!({"tier": "b"}));
    let remove = LabelChange { remove: vec!["tier".to_owned()], ..LabelChange::default() };
    assert_eq!(label(&cluster, &web, &remove).await, OutcomeResult::Labeled);
    assert!(cluster.service("web").await["metadata"].get("labels").is_none());
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn a_wrong_label_is_refused() {
    let cluster = Cluster::new().await;
    cluster.apply(slice("web-1", "default")).await;
    let web = one(Kind::EndpointSlice, "web-1");
    for (change, part) in [
        (set("a b", "c"), "metadata.labels: \"a b\" is no key"),
        (set("a", "b c"), "metadata.labels[a]: \"b c\" is no label's value"),
        (
            LabelChange { remove: vec!["a".to_owned()], ..set("a", "b") },
            "metadata.labels: \"a\" is both",
        ),
    ] {
        let said = cluster.objects.label(&web, &change).await.unwrap_err();
        assert!(said.msg.starts_with(part), "{said}");
    }
    let over = LabelChange { overwrite: true, ..set("kubernetes.io/service-name", "0") };
    let said = failure(label(&cluster, &web, &over).await);
    assert!(said.msg.starts_with("metadata.labels[kubernetes.io/service-name]"), "{said}");
}

#[tokio::test]
async fn a_namespace_that_nobody_made_is_made_by_a_label() {
    let cluster = Cluster::new().await;
    let default = one(Kind::Namespace, "default");
    assert_eq!(label(&cluster, &default, &set("a", "b")).await, OutcomeResult::Labeled);
    assert_eq!(cluster.keys("").await, ["namespaces/default"]);
    let found = cluster.objects.get(&default).await.unwrap();
    assert_eq!(found[0]["metadata"]["labels"], json!({"a": "b"}));
}
