//! Watches: what is told, and that nothing is missed.

use super::*;

/// The events of a watch.
pub(super) struct Events {
    body: Incoming,
    unread: Vec<u8>,
    id: Option<String>,
}

impl Events {
    pub(super) async fn open(stage: &Stage, path: &str) -> Self {
        let join = if path.contains('?') { '&' } else { '?' };
        let request = Request::get(format!("{path}{join}watch=true"));
        let response = stage.send(request.body(Full::default()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), unread: Vec::new(), id: None }
    }

    /// The next one, with its object.
    pub(super) async fn event(&mut self) -> (String, Value) {
        tokio::time::timeout(Duration::from_secs(10), self.read()).await.expect("nothing is told")
    }

    async fn read(&mut self) -> (String, Value) {
        loop {
            while let Some(end) = self.unread.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let block = String::from_utf8(block).unwrap();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let Some(id) = field("id: ") {
                    self.id = Some(id.to_owned());
                }
                if let Some(data) = field("data: ") {
                    let event: Value = serde_json::from_str(data).unwrap();
                    let kind = event["type"].as_str().unwrap().to_owned();
                    assert_eq!(field("event: "), Some(kind.as_str()));
                    return (kind, event["object"].clone());
                }
            }
            let frame = self.body.frame().await.expect("the watch ended").unwrap();
            self.unread.extend_from_slice(frame.data_ref().unwrap());
        }
    }

    /// The next one as `KIND name`.
    async fn line(&mut self) -> String {
        let (kind, object) = self.event().await;
        format!("{kind} {}", object["metadata"]["name"].as_str().unwrap_or("-"))
    }

    async fn expect(&mut self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.line().await, *line);
        }
    }
}

#[tokio::test]
async fn what_is_there_is_told_first_and_then_what_happens() {
    let stage = Stage::new().await;
    stage.apply(service("web", json!({"app": "web"}))).await;
    let mut watch = Events::open(&stage, "/v1/namespaces/shop/services").await;
    watch.expect(&["ADDED web", "BOOKMARK -"]).await;
    stage.apply(service("api", json!({}))).await;
    let (kind, object) = watch.event().await;
    assert_eq!((kind.as_str(), &object["kind"]), ("ADDED", &json!("Service")));
    assert!(object["spec"]["clusterIP"].is_string());
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    stage.ask(Method::PATCH, "/v1/namespaces/shop/services/api", Some(&patch)).await;
    let (kind, changed) = watch.event().await;
    assert_eq!((kind.as_str(), &changed["metadata"]["labels"]["x"]), ("MODIFIED", &json!("y")));
    let other = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "else"},
        "spec": {"ports": [{"port": 1}]}});
    stage.apply(other).await;
    stage.ask(Method::DELETE, "/v1/namespaces/shop/services/api", None).await;
    let (kind, last) = watch.event().await;
    assert_eq!(kind, "DELETED", "another namespace's is not told");
    assert_eq!(last["spec"], changed["spec"], "as it was before it went");
    let revision = |object: &Value| -> u64 {
        object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
    };
    assert!(revision(&last) > revision(&changed));
    assert_eq!(watch.id, Some(revision(&last).to_string()));
}

#[tokio::test]
async fn a_selector_makes_objects_come_and_go() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "web"})).await;
    stage.pod("a", "shop/api-0", "10.244.1.3", json!({"app": "api"})).await;
    let mut watch = Events::open(&stage, "/v1/pods?labelSelector=app%3Dweb").await;
    watch.expect(&["ADDED web-0", "BOOKMARK -"]).await;
    stage.pod("a", "shop/api-0", "10.244.1.3", json!({"app": "web"})).await;
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "old"})).await;
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "older"})).await;
    stage.store.delete("pods/a/shop/api-0").await.unwrap();
    watch.expect(&["ADDED api-0", "DELETED web-0", "DELETED api-0"]).await;
}

#[tokio::test]
async fn one_object_is_watched_by_its_name() {
    let stage = Stage::new().await;
    let mut watch = Events::open(&stage, "/v1/namespaces/shop/services/web").await;
    watch.expect(&["BOOKMARK -"]).await;
    stage.apply(json!([service("web-2", json!({})), service("web", json!({}))])).await;
    watch.expect(&["ADDED web"]).await;
}

#[tokio::test]
async fn what_is_made_of_several_keys_is_watched_as_one() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    let mut nodes = Events::open(&stage, "/v1/nodes").await;
    nodes.expect(&["ADDED a", "BOOKMARK -"]).await;
    stage.put("alive/a", json!({"applied": 9})).await;
    stage.store.delete("alive/a").await.unwrap();
    let (kind, node) = nodes.event().await;
    assert_eq!(kind, "MODIFIED", "how far a node has come is nobody's business");
    assert_eq!(node["status"]["conditions"][0]["status"], "Unknown");
    stage.ask(Method::POST, "/v1/nodes/a/cordon", None).await;
    assert_eq!(nodes.event().await.1["spec"]["unschedulable"], true);
    let mut namespaces = Events::open(&stage, "/v1/namespaces").await;
    namespaces.expect(&["ADDED default", "BOOKMARK -"]).await;
    stage.apply(service("web", json!({}))).await;
    stage.apply(service("api", json!({}))).await;
    stage.ask(Method::DELETE, "/v1/namespaces/shop/services?all=true", None).await;
    namespaces.expect(&["ADDED shop", "DELETED shop"]).await;
}

#[tokio::test]
async fn a_broken_watch_goes_on_where_it_was_even_with_another_daemon() {
    let stage = Stage::new().await;
    stage
        .apply(json!([service("a", json!({})), service("b", json!({})), service("c", json!({}))]))
        .await;
    let list = stage.get("/v1/services").await.body;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let stage = stage.again().await;
    stage.ask(Method::DELETE, "/v1/namespaces/shop/services/a", None).await;
    let patch = json!({"metadata": {"labels": {"x": "y"}}});
    stage.ask(Method::PATCH, "/v1/namespaces/shop/services/b", Some(&patch)).await;
    stage.apply(service("d", json!({}))).await;
    let mut watch = Events::open(&stage, &format!("/v1/services?resourceVersion={version}")).await;
    watch.expect(&["MODIFIED b", "ADDED d", "DELETED a", "BOOKMARK -"]).await;
    let id = watch.id.clone().unwrap();
    drop(watch);
    stage.ask(Method::DELETE, "/v1/namespaces/shop/services/b", None).await;
    let request =
        Request::get("/v1/services?watch=true&resourceVersion=0").header("last-event-id", &id);
    let response = stage.send(request.body(Full::default()).unwrap()).await;
    let mut watch = Events { body: response.into_body(), unread: Vec::new(), id: None };
    watch.expect(&["DELETED b", "BOOKMARK -"]).await;
}

#[tokio::test]
async fn a_state_that_is_too_old_is_gone_and_one_that_never_was_is_wrong() {
    let stage = Stage::new().await;
    stage.apply(service("a", json!({}))).await;
    stage.apply(service("b", json!({}))).await;
    let now = stage.store.list("", None).await.unwrap().revision;
    stage.store.compact(now).await.unwrap();
    for (version, status) in [("2", 410), ("99999", 410), ("x", 400), ("-1", 400)] {
        let answer = stage.get(&format!("/v1/services?watch=true&resourceVersion={version}")).await;
        assert_eq!(answer.status.as_u16(), status, "{version}: {}", answer.body);
    }
    let answer = stage.get("/v1/services?watch=true&resourceVersion=2").await;
    assert!(answer.body["next"].as_str().unwrap().starts_with("list again"), "{}", answer.body);
}

#[tokio::test]
async fn a_watch_that_was_slow_lists_again_and_misses_nothing() {
    let stage = Stage::new().await;
    let mut watch = Events::open(&stage, "/v1/pods").await;
    watch.expect(&["BOOKMARK -"]).await;
    // Far more than is kept for it, and than fits in the socket's buffers.
    let padding = "x".repeat(4000);
    for number in 0..600 {
        let name = format!("shop/p{}", number % 60);
        stage.pod("a", &name, "10.244.1.2", json!({"n": number.to_string(), "p": padding})).await;
    }
    stage.store.delete("pods/a/shop/p7").await.unwrap();
    let mut known: std::collections::BTreeMap<String, Value> = Default::default();
    loop {
        let (kind, object) = watch.event().await;
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        match kind.as_str() {
            "DELETED" => drop(known.remove(&name)),
            _ => drop(known.insert(name, object["metadata"]["labels"]["n"].clone())),
        }
        let last = |number: usize| {
            known.get(&format!("p{number}")) == Some(&json!((540 + number).to_string()))
        };
        if (0..60).filter(|number| *number != 7).all(last) && !known.contains_key("p7") {
            break;
        }
    }
}

#[tokio::test]
async fn endpoints_are_watched_as_they_are_computed() {
    let stage = Stage::new().await;
    stage.host("a", 1).await;
    stage.apply(service("web", json!({}))).await;
    stage.apply(service("api", json!({}))).await;
    let mut watch = Events::open(&stage, "/v1/namespaces/shop/endpoints").await;
    // The daemon may be a moment behind the store.
    let mut seen = vec![watch.line().await, watch.line().await, watch.line().await];
    seen.sort();
    assert_eq!(seen, ["ADDED api", "ADDED web", "BOOKMARK -"]);
    stage.pod("a", "shop/web-0", "10.244.1.2", json!({"app": "web"})).await;
    let (kind, object) = watch.event().await;
    assert_eq!(
        (kind.as_str(), &object["subsets"][0]["addresses"][0]["ip"]),
        ("MODIFIED", &json!("10.244.1.2"))
    );
    let id = watch.id.clone().unwrap();
    drop(watch);
    stage.ask(Method::DELETE, "/v1/namespaces/shop/services/api", None).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut watch = Events::open(&stage, &format!("/v1/endpoints?resourceVersion={id}")).await;
    watch.expect(&["DELETED api", "BOOKMARK -"]).await;
    let stage = stage.again().await;
    let path = format!("/v1/endpoints?watch=true&resourceVersion={id}");
    let mut answer = stage.get(&path).await;
    // Until it has heard of the store.
    while answer.status == StatusCode::SERVICE_UNAVAILABLE {
        tokio::time::sleep(Duration::from_millis(10)).await;
        answer = stage.get(&path).await;
    }
    assert_eq!(answer.status, StatusCode::GONE, "computed states end with the daemon");
}
