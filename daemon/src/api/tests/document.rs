//! The document and the server agree. `UPDATE_GOLDEN=1` writes the copy in the book anew.

use std::collections::BTreeMap;

use super::*;

/// Everything that there is, once.
async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    stage.pod("a", "shop/web", "10.244.1.2", json!({"app": "web"})).await;
    stage.apply(service("web", json!({"tier": "front"}))).await;
    stage
        .apply(json!([
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"a": "b"}}},
            {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "web", "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": "web"}},
                "endpoints": [{"addresses": ["192.0.2.9"], "conditions": {"ready": false}}],
                "ports": [{"name": "http", "port": 80}]},
        ]))
        .await;
    let cordon = json!({"reason": "a disk"});
    stage.ask(Method::POST, "/v1/nodes/a/cordon", Some(&cordon)).await;
    stage
}

/// Checks a document against a schema of the description.
fn check(description: &Value, schema: &Value, document: &Value, what: &str) {
    let mut schema = schema.clone();
    schema["components"] = description["components"].clone();
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{what}: the schema is wrong: {error}"));
    let faults: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{what}: {faults:#?}\n{document:#}");
}

/// A name that exists, for a path.
fn name(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/v1/nodes") => "a",
        _ if path.starts_with("/v1/subnets") => "10.244.1.0-24",
        "/v1/namespaces/{name}" => "shop",
        _ => "web",
    }
}

/// A body that is right, for the schema that is asked for.
fn body(operation: &Value) -> Option<Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return None;
    }
    let name = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next());
    Some(match name {
        Some("MetadataPatch") => {
            json!({"metadata": {"labels": {"x": "y", "z": null}, "annotations": {"n": "1"}}})
        }
        Some("BackendChoice") => json!({"kind": "host-gw"}),
        Some("TraceQuestion") => json!({
            "from": {"pod": {"namespace": "shop", "name": "web"}},
            "to": {"service": {"namespace": "shop", "name": "web"}}, "port": "http", "protocol": "TCP",
        }),
        Some("CordonRequest") => json!({"reason": "a disk"}),
        Some(other) => panic!("no example of {other}"),
        None => service("web", json!({})),
    })
}

/// All operations; those that only read come first, those that delete last.
fn operations(description: &Value) -> Vec<(String, Method, Value)> {
    let mut all = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            all.push((path.clone(), method, operation.clone()));
        }
    }
    // The namespace goes behind what is in it.
    let last = |path: &str| !path.contains("namespaces/{namespace}");
    all.sort_by_key(|(path, method, _)| {
        (*method == Method::DELETE, *method != Method::GET, last(path))
    });
    all
}

#[tokio::test]
async fn the_copy_in_the_book_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let mut document = serde_json::to_string_pretty(&openapi::document()).unwrap();
    document.push('\n');
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let copy = std::fs::read_to_string(path).unwrap_or_default();
    assert!(copy == document, "docs/openapi.json differs; UPDATE_GOLDEN=1 writes it anew");
    let ids = operations(&openapi::document()).into_iter();
    let mut ids: Vec<String> =
        ids.map(|(_, _, at)| at["operationId"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "two operations have one id");
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let stage = stage().await;
    let description = stage.get("/v1/openapi.json").await.body;
    assert_eq!(description, openapi::document());
    for (path, method, operation) in operations(&description) {
        let target = path.replace("{namespace}", "shop").replace("{name}", name(&path));
        let everything = path.rsplit('/').next() != Some("{name}")
            && [Method::DELETE, Method::PATCH].contains(&method);
        let query = if everything { "?labelSelector=none%3Dsuch" } else { "" };
        let body = body(&operation);
        let what = format!("{method} {target}");
        let answer = stage.ask(method, &format!("{target}{query}"), body.as_ref()).await;
        let responses = operation["responses"].as_object().unwrap();
        let said = responses.get(answer.status.as_str()).unwrap_or(&responses["default"]);
        check(&description, &said["content"]["application/json"]["schema"], &answer.body, &what);
        // What is not done is refused for a reason.
        let refused = ["DELETE /v1/namespaces/shop/pods/web", "DELETE /v1/nodes/a"];
        let gone = "DELETE /v1/namespaces/shop";
        assert!(
            answer.status.is_success() || refused.contains(&what.as_str()) || what == gone,
            "{what}: {} {}",
            answer.status,
            answer.body
        );
    }
}

#[tokio::test]
async fn events_are_as_the_document_says() {
    let stage = stage().await;
    let description = openapi::document();
    for (path, _, operation) in operations(&description) {
        let schema = &operation["responses"]["200"]["content"]["text/event-stream"]["schema"];
        if schema.is_null() {
            continue;
        }
        let target = path.replace("{namespace}", "shop").replace("{name}", name(&path));
        let mut events = super::watch::Events::open(&stage, &target).await;
        for told in 0.. {
            let (kind, object) = events.event().await;
            check(&description, schema, &json!({"type": kind, "object": object}), &target);
            if kind == "BOOKMARK" {
                assert!(told > 0, "{target}: nothing was there");
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_not_offered_is_said_so() {
    let stage = stage().await;
    let description = openapi::document();
    let error = json!({"$ref": "#/components/schemas/ApiError"});
    let mut offered: BTreeMap<String, Vec<Method>> = BTreeMap::new();
    for (path, method, operation) in operations(&description) {
        offered.entry(path.clone()).or_default().push(method.clone());
        if !path.ends_with("{name}") {
            continue;
        }
        let target = path.replace("{namespace}", "shop").replace("{name}", "nothing");
        let answer = stage.ask(method, &target, body(&operation).as_ref()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{target}: {}", answer.body);
        check(&description, &error, &answer.body, &target);
    }
    for (path, methods) in offered {
        let target = path.replace("{namespace}", "shop").replace("{name}", name(&path));
        for method in [Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            if methods.contains(&method) {
                continue;
            }
            let answer = stage.ask(method.clone(), &target, None).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {target}");
            assert_eq!(answer.body["code"], 113);
            let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
            assert!(methods.iter().all(|method| allowed.contains(method.as_str())), "{allowed}");
        }
    }
    for path in
        ["/", "/v1", "/v1/", "/v2/services", "/v1/volumes", "/v1/services/", "/v1/services/web"]
    {
        let answer = stage.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        check(&description, &error, &answer.body, path);
    }
}

#[tokio::test]
async fn wrong_bodies_and_parameters_are_refused() {
    let stage = stage().await;
    let description = openapi::document();
    let error = json!({"$ref": "#/components/schemas/ApiError"});
    for (path, method, operation) in operations(&description) {
        let target = path.replace("{namespace}", "shop").replace("{name}", name(&path));
        let unknown = stage.ask(method.clone(), &format!("{target}?colour=red"), None).await;
        assert_eq!(unknown.status, StatusCode::BAD_REQUEST, "{method} {target}");
        check(&description, &error, &unknown.body, &target);
        if body(&operation).is_none() {
            continue;
        }
        let selector =
            if path.ends_with("{name}") || method != Method::PATCH { "" } else { "?all=true" };
        let target = format!("{target}{selector}");
        for wrong in [&b"{"[..], b"\xff", b"7", b"\"x\"", b"{\"colour\": 1}", b"nonsense"] {
            if path.ends_with("/apply") && wrong == b"{\"colour\": 1}" {
                continue;
            }
            let kind = "application/json";
            let answer = stage.ask_as(method.clone(), &target, kind, wrong.to_vec()).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{method} {target} {wrong:?}");
            check(&description, &error, &answer.body, &target);
        }
        let form = stage.ask_as(method.clone(), &target, "text/plain", b"{}".to_vec()).await;
        assert_eq!(form.status, StatusCode::BAD_REQUEST);
        assert!(form.said().contains("content-type: application/json"), "{}", form.body);
    }
    let answer = stage.get("/v1/namespaces/Not_A_Name/services").await;
    assert_eq!(
        (answer.status, &answer.body["field"]),
        (StatusCode::BAD_REQUEST, &json!("namespace"))
    );
}
