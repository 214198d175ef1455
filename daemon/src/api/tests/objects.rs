//! What people do with objects over HTTP.

use super::*;

#[tokio::test]
async fn documents_are_applied_and_each_says_what_became_of_it() {
    let stage = Stage::new().await;
    let web = service("web", json!({"app": "web"}));
    let dry = stage.ask(Method::POST, "/v1/apply?dryRun=true", Some(&web)).await;
    assert_eq!((dry.status, &dry.body["items"][0]["result"]), (StatusCode::OK, &json!("created")));
    assert_eq!(stage.get("/v1/services").await.body["items"], json!([]));

    let wrong = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"},
        "spec": {"ports": [{"port": 70000}]}});
    let both = json!([web, wrong, 7]);
    let answer = stage.ask(Method::POST, "/v1/apply", Some(&both)).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    let items = answer.body["items"].as_array().unwrap();
    assert_eq!(
        items[0],
        json!({"kind": "Service", "namespace": "shop", "name": "web", "result": "created"})
    );
    assert_eq!(items[1]["result"], "failed");
    assert_eq!(
        (&items[1]["error"]["code"], &items[1]["error"]["field"]),
        (&json!(110), &json!("spec.ports[0].port"))
    );
    assert_eq!(items[2]["result"], "failed");

    let list = stage.get("/v1/namespaces/shop/services?labelSelector=app%3Dweb").await.body;
    assert_eq!(
        (&list["kind"], list["items"].as_array().unwrap().len()),
        (&json!("ServiceList"), 1)
    );
    assert!(list["items"][0]["spec"]["clusterIP"].is_string(), "an address is allocated");
    assert!(list["metadata"]["resourceVersion"].as_str().unwrap().parse::<u64>().is_ok());
    let none = stage.get("/v1/namespaces/shop/services?labelSelector=app%3Dother").await.body;
    assert_eq!(none["items"], json!([]));
    let again = stage.get("/v1/namespaces/shop/services/web").await.body;
    let answer = stage.ask(Method::POST, "/v1/apply", Some(&again)).await;
    assert_eq!(answer.body["items"][0]["result"], "unchanged");
}

#[tokio::test]
async fn labels_and_annotations_are_patched() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "web"})).await;
    stage.apply(service("web", json!({"app": "web"}))).await;
    let patch = json!({"metadata": {"labels": {"app": "api", "tier": "back"}, "annotations": {"note": "x"}}});
    for path in
        ["/v1/namespaces/shop/services/web", "/v1/namespaces/shop/pods/web-0", "/v1/nodes/a"]
    {
        let answer = stage.ask(Method::PATCH, path, Some(&patch)).await;
        assert_eq!(answer.body["result"], "configured", "{path}: {}", answer.body);
        let shown = stage.get(path).await.body;
        assert_eq!(shown["metadata"]["labels"]["tier"], "back", "{path}");
        assert_eq!(shown["metadata"]["annotations"]["note"], "x", "{path}");
        let answer = stage.ask(Method::PATCH, path, Some(&patch)).await;
        assert_eq!(answer.body["result"], "unchanged");

        let other = json!({"metadata": {"annotations": {"note": "y"}}});
        let answer =
            stage.ask(Method::PATCH, &format!("{path}?overwrite=false"), Some(&other)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{path}");
        assert!(answer.said().contains("annotation note is \"x\" already"), "{}", answer.body);
        let gone = json!({"metadata": {"annotations": {"note": null}}});
        let answer = stage.ask(Method::PATCH, path, Some(&gone)).await;
        assert_eq!(answer.body["result"], "annotated");
    }
    for (patch, part) in [
        (json!({"metadata": {"labels": {"a b": "c"}}}), "metadata.labels"),
        (
            json!({"metadata": {"annotations": {"pontoon.net/ports": "http=99999999"}}}),
            "pontoon.net/ports",
        ),
    ] {
        let answer = stage.ask(Method::PATCH, "/v1/namespaces/shop/pods/web-0", Some(&patch)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert!(answer.body["field"].as_str().unwrap().contains(part), "{}", answer.body);
    }
}

#[tokio::test]
async fn several_are_changed_only_on_a_clear_word() {
    let stage = Stage::new().await;
    stage
        .apply(json!([
            service("web", json!({"app": "web"})),
            service("api", json!({"app": "api"}))
        ]))
        .await;
    let answer = stage.ask(Method::DELETE, "/v1/namespaces/shop/services", None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.said().contains("all=true"), "{}", answer.body);
    let some = "/v1/services?labelSelector=app%3Dweb";
    let answer = stage.ask(Method::DELETE, some, None).await;
    assert_eq!(answer.body["items"].as_array().unwrap().len(), 1);
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    let answer =
        stage.ask(Method::PATCH, "/v1/namespaces/shop/services?all=true", Some(&patch)).await;
    assert_eq!(
        answer.body["items"],
        json!([{"kind": "Service", "namespace": "shop", "name": "api", "result": "labeled"}])
    );
    let answer = stage.ask(Method::DELETE, "/v1/namespaces/shop/services/api", None).await;
    assert_eq!((answer.status, &answer.body["result"]), (StatusCode::OK, &json!("deleted")));
    let answer = stage.ask(Method::DELETE, "/v1/namespaces/shop/services/api", None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_node_is_cordoned_by_somebody_and_removed_when_it_is_gone() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    let reason = json!({"reason": "a new disk"});
    let answer = stage.ask(Method::POST, "/v1/nodes/a/cordon", Some(&reason)).await;
    assert_eq!(answer.body["result"], "configured", "{}", answer.body);
    let node = stage.get("/v1/nodes/a").await.body;
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name;
    assert_eq!(node["spec"]["unschedulable"], true);
    assert_eq!(node["spec"]["cordon"]["by"], format!("user {user}"));
    assert_eq!(node["spec"]["cordon"]["reason"], "a new disk");
    // Who came first is remembered; the registrar may write the node's record meanwhile.
    stage.host("a", 1).await;
    let again = stage.ask(Method::POST, "/v1/nodes/a/cordon", None).await;
    assert_eq!(again.body["result"], "unchanged");
    assert_eq!(stage.get("/v1/nodes/a").await.body["spec"]["cordon"]["reason"], "a new disk");
    let answer = stage.ask(Method::POST, "/v1/nodes/a/uncordon", None).await;
    assert_eq!(answer.body["result"], "configured");
    assert_eq!(stage.store.get("marks/a").await.unwrap(), None, "nothing said is no key");

    let answer = stage.ask(Method::POST, "/v1/nodes/b/cordon", None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(stage.store.get("marks/b").await.unwrap(), None);
}

#[tokio::test]
async fn the_backend_is_changed_and_the_rest_of_the_configuration_stays() {
    let stage = Stage::new().await;
    stage.put("config", json!({"podCidrs": ["10.1.0.0/16"], "backend": {"kind": "vxlan", "vxlanPort": 4789}, "aLaterField": 1})).await;
    let answer = stage.ask(Method::PUT, "/v1/backend", Some(&json!({"kind": "host-gw"}))).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"kind": "host-gw"})));
    let config = stage.store.get("config").await.unwrap().unwrap().value;
    let config: Value = serde_json::from_slice(&config).unwrap();
    assert_eq!(config["backend"], json!({"kind": "host-gw", "vxlanPort": 4789}));
    assert_eq!(config["aLaterField"], 1);
    let answer = stage.ask(Method::PUT, "/v1/backend", Some(&json!({"kind": "vxlna"}))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn endpoints_are_those_that_the_daemon_computes() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "web"})).await;
    stage.apply(service("web", json!({}))).await;
    let wanted = json!([{
        "addresses": [{"ip": "10.244.1.2", "nodeName": "a", "zone": "z",
            "targetRef": {"kind": "Pod", "name": "web-0", "namespace": "shop"}}],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }]);
    let mut shown = Value::Null;
    for _ in 0..100 {
        shown = stage.get("/v1/namespaces/shop/endpoints/web").await.body;
        if shown["subsets"] == wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(shown["subsets"], wanted);
    let list = stage.get("/v1/endpoints").await.body;
    assert_eq!(list["items"], json!([shown]));
    let answer = stage.get("/v1/endpoints?labelSelector=a").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
