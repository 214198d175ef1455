use super::*;

#[tokio::test]
async fn a_service_is_stored_as_it_was_written_with_what_it_got() {
    let cluster = Cluster::new().await;
    let mut document = service("web", json!({"type": "NodePort", "strange": {"kept": [1]}}));
    document["metadata"]["uid"] = json!("theirs");
    document["metadata"]["resourceVersion"] = json!("7");
    document["metadata"]["annotations"] =
        json!({"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"});
    document["status"] = json!({"conditions": [], "loadBalancer": {}});
    let web = cluster.apply(document).await;
    let spec = &web["spec"];
    assert_eq!(spec["strange"], json!({"kept": [1]}));
    assert_eq!(spec["clusterIPs"], json!([spec["clusterIP"]]));
    assert_eq!(
        (&spec["ipFamilies"], &spec["ipFamilyPolicy"]),
        (&json!(["IPv4"]), &json!("SingleStack"))
    );
    assert_eq!(spec["ports"][0]["protocol"], "TCP");
    let port = spec["ports"][0]["nodePort"].as_u64().unwrap();
    assert!((30_086..=32_767).contains(&port), "{port}");
    assert_eq!(web["metadata"]["annotations"], json!({"a": "b"}));
    assert_eq!(web["metadata"]["namespace"], "default");
    assert_ne!(web["metadata"]["uid"], "theirs");
    assert!(web.get("status").is_none());
    assert_eq!(web["metadata"]["resourceVersion"], cluster.revision().await.to_string());
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn what_is_as_it_should_be_is_not_written() {
    let cluster = Cluster::dual().await;
    let document = service(
        "web",
        json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ipFamilyPolicy": "PreferDualStack"}),
    );
    let first = cluster.apply(document.clone()).await;
    let revision = cluster.revision().await;
    for again in [document, first] {
        assert_eq!(cluster.try_apply(again).await.result, OutcomeResult::Unchanged);
    }
    assert_eq!(cluster.revision().await, revision);
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let cluster = Cluster::new().await;
    cluster.apply(service("taken", json!({"clusterIP": "10.96.0.7"}))).await;
    let revision = cluster.revision().await;
    let documents = vec![
        service("web", json!({"type": "NodePort"})),
        service("taken", json!({"type": "NodePort"})),
        service("thief", json!({"clusterIP": "10.96.0.7"})),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}),
    ];
    let outcomes = cluster.objects.apply(&cluster.config, documents, true).await;
    assert_eq!(outcomes[0].result, OutcomeResult::Created);
    assert_eq!(outcomes[1].result, OutcomeResult::Configured);
    assert_eq!(failure(outcomes[2].result.clone()).code, Code::Conflict);
    assert_eq!(outcomes[3].result, OutcomeResult::Created);
    // It says what would be stored, but for what has no outcome.
    let said = |index: usize| outcomes[index].document.clone().unwrap_or_default();
    assert_eq!(said(0)["spec"]["type"], "NodePort");
    assert_eq!(said(1)["spec"]["clusterIP"], "10.96.0.7");
    assert_eq!((said(2), &said(3)["metadata"]["name"]), (Value::Null, &json!("shop")));
    assert_eq!(cluster.revision().await, revision);
}

#[tokio::test]
async fn fields_left_out_keep_what_was_allocated() {
    let cluster = Cluster::dual().await;
    let two = |first: Value, second: Value| {
        service(
            "web",
            json!({
                "type": "LoadBalancer", "externalTrafficPolicy": "Local", "ipFamilyPolicy": "RequireDualStack",
                "ports": [first, second],
            }),
        )
    };
    let web = cluster
        .apply(two(json!({"name": "a", "port": 80}), json!({"name": "b", "port": 81})))
        .await;
    let spec = &web["spec"];
    let renamed = two(json!({"name": "c", "port": 81}), json!({"name": "a", "port": 8080}));
    let again = cluster.apply(renamed).await;
    assert_eq!(again["spec"]["clusterIPs"], spec["clusterIPs"]);
    assert_eq!(again["spec"]["healthCheckNodePort"], spec["healthCheckNodePort"]);
    assert_eq!(again["spec"]["ports"][1]["nodePort"], spec["ports"][0]["nodePort"], "by name");
    assert_eq!(again["spec"]["ports"][0]["nodePort"], spec["ports"][1]["nodePort"], "by port");
    assert_eq!(again["metadata"]["uid"], web["metadata"]["uid"]);
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn the_status_of_a_load_balancer_stays_when_it_is_left_out() {
    let cluster = Cluster::new().await;
    let plain = service("web", json!({"type": "LoadBalancer"}));
    let mut document = plain.clone();
    let balancer = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    document["status"] = balancer.clone();
    cluster.apply(document.clone()).await;
    assert_eq!(cluster.apply(plain).await["status"], balancer);
    document["status"] = json!({"loadBalancer": {}});
    assert!(cluster.apply(document).await.get("status").is_none());
}

#[tokio::test]
async fn another_type_frees_what_it_does_not_need() {
    let cluster = Cluster::new().await;
    let balanced = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"});
    let web = cluster.apply(service("web", balanced.clone())).await;
    assert_eq!(cluster.keys(NODE_PORTS).await.len(), 2);
    let plain = cluster.apply(service("web", json!({}))).await;
    assert_eq!(plain["spec"]["clusterIP"], web["spec"]["clusterIP"]);
    assert!(plain["spec"]["ports"][0].get("nodePort").is_none());
    assert!(plain["spec"].get("healthCheckNodePort").is_none());
    assert_eq!(cluster.keys(NODE_PORTS).await, Vec::<String>::new());
    let named =
        cluster.apply(service("web", json!({"type": "ExternalName", "externalName": "a.b"}))).await;
    assert!(named["spec"].get("clusterIP").is_none());
    assert_eq!(cluster.keys(CLUSTER_IPS).await, Vec::<String>::new());
    let fixed = cluster.apply(service("web", json!({"clusterIP": "10.96.0.9"}))).await;
    assert_eq!(fixed["spec"]["clusterIP"], "10.96.0.9");
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn a_set_cluster_ip_is_not_changed() {
    let cluster = Cluster::dual().await;
    cluster.apply(service("web", json!({"clusterIP": "10.96.0.9"}))).await;
    cluster.apply(service("bare", json!({"clusterIP": "None"}))).await;
    for (name, fields, part) in [
        (
            "web",
            json!({"clusterIP": "10.96.0.10"}),
            "spec.clusterIP: 10.96.0.10 cannot replace 10.96.0.9",
        ),
        ("web", json!({"clusterIP": "None"}), "spec.clusterIP: None cannot replace 10.96.0.9"),
        ("web", json!({"ipFamilies": ["IPv6"]}), "spec.ipFamilies[0]: IPv6 cannot replace IPv4"),
        (
            "bare",
            json!({"clusterIP": "10.96.0.10"}),
            "spec.clusterIP: 10.96.0.10 cannot replace None",
        ),
        ("bare", json!({"type": "NodePort"}), "spec.type: the service is headless"),
    ] {
        let said = cluster.refusal(service(name, fields)).await;
        assert!(said.code == Code::InvalidObject && said.msg.starts_with(part), "{said}");
    }
    let bare = cluster.apply(service("bare", json!({}))).await;
    assert_eq!(bare["spec"]["clusterIP"], "None", "what is left out stays");
}

#[tokio::test]
async fn a_second_family_comes_and_goes_with_the_policy() {
    let cluster = Cluster::dual().await;
    let one = cluster.apply(service("web", json!({}))).await;
    assert_eq!(one["spec"]["ipFamilies"], json!(["IPv4"]));
    let two = cluster.apply(service("web", json!({"ipFamilyPolicy": "PreferDualStack"}))).await;
    assert_eq!(two["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]));
    assert_eq!(two["spec"]["clusterIPs"][0], one["spec"]["clusterIP"]);
    let said = cluster.refusal(service("web", json!({
        "ipFamilyPolicy": "PreferDualStack", "clusterIPs": [one["spec"]["clusterIP"], "fd00:96::9"],
    }))).await;
    assert!(said.msg.starts_with("spec.clusterIPs[1]: fd00:96::9 cannot replace"), "{said}");
    cluster.apply(service("web", json!({"ipFamilyPolicy": "SingleStack"}))).await;
    assert_eq!(cluster.keys(CLUSTER_IPS).await.len(), 1);
    let six = cluster
        .apply(service(
            "six",
            json!({"ipFamilies": ["IPv6"], "ipFamilyPolicy": "RequireDualStack"}),
        ))
        .await;
    assert_eq!(six["spec"]["ipFamilies"], json!(["IPv6", "IPv4"]));
    assert!(six["spec"]["clusterIP"].as_str().unwrap().starts_with("fd00:96::"));
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn families_that_the_cluster_lacks_are_refused() {
    let cluster = Cluster::new().await;
    let prefer = cluster.apply(service("web", json!({"ipFamilyPolicy": "PreferDualStack"}))).await;
    assert_eq!(prefer["spec"]["ipFamilies"], json!(["IPv4"]));
    let bare = cluster.apply(service("bare", json!({"clusterIP": "None"}))).await;
    assert_eq!(bare["spec"]["ipFamilies"], json!(["IPv4", "IPv6"]), "headless without selector");
    for (fields, part) in [
        (
            json!({"ipFamilyPolicy": "RequireDualStack"}),
            "spec.ipFamilyPolicy: RequireDualStack needs two",
        ),
        (
            json!({"ipFamilies": ["IPv6"]}),
            "spec.ipFamilies[0]: the cluster has no IPv6 service CIDR",
        ),
        (json!({"clusterIP": "fd00::1"}), "spec.clusterIP: the cluster has no IPv6 service CIDR"),
        (
            json!({"clusterIPs": ["10.96.0.9", "fd00::1"], "ipFamilyPolicy": "PreferDualStack"}),
            "spec.clusterIPs[1]: the cluster has no IPv6 service CIDR",
        ),
    ] {
        let said = cluster.refusal(service("new", fields)).await;
        assert!(said.code == Code::InvalidObject && said.msg.starts_with(part), "{said}");
    }
    let none =
        Cluster::with(ClusterConfig { service_cidrs: Vec::new(), ..ClusterConfig::default() })
            .await;
    let said = none.refusal(service("web", json!({}))).await;
    assert!(said.msg.starts_with("spec.clusterIP: the cluster has no service CIDR"), "{said}");
    none.apply(service("bare", json!({"clusterIP": "None", "selector": {"a": "b"}}))).await;
}

#[tokio::test]
async fn fixed_addresses_and_ports_are_checked() {
    let dns_addresses = Some(vec!["10.96.0.10".parse().unwrap()]);
    let cluster = Cluster::with(ClusterConfig { dns_addresses, ..ClusterConfig::default() }).await;
    cluster.apply(service("first", json!({"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30080}]}))).await;
    let port =
        |number: u16| json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": number}]});
    for (fields, code, part) in [
        (
            json!({"clusterIP": "10.112.0.1"}),
            Code::InvalidObject,
            "spec.clusterIP: 10.112.0.1 is not in the cluster's service CIDR 10.96.0.0/12",
        ),
        (
            json!({"clusterIP": "10.96.0.0"}),
            Code::InvalidObject,
            "spec.clusterIP: 10.96.0.0 is 10.96.0.0/12's network or",
        ),
        (
            json!({"clusterIP": "10.111.255.255"}),
            Code::InvalidObject,
            "spec.clusterIP: 10.111.255.255 is 10.96.0.0/12's",
        ),
        (
            json!({"clusterIP": "10.96.0.10"}),
            Code::InvalidObject,
            "spec.clusterIP: 10.96.0.10 is held by the cluster's DNS",
        ),
        (
            json!({"clusterIP": "10.96.0.9"}),
            Code::Conflict,
            "spec.clusterIP: cluster IP 10.96.0.9 is held by service default/first",
        ),
        (
            port(80),
            Code::InvalidObject,
            "spec.ports[0].nodePort: 80 is not in the cluster's range 30000-32767",
        ),
        (
            port(30080),
            Code::Conflict,
            "spec.ports[0].nodePort: node port 30080 is held by service default/first",
        ),
        (
            json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30001, "ports": [{"port": 80, "nodePort": 30001}]}),
            Code::InvalidObject,
            "spec.healthCheckNodePort: 30001 is the nodePort of one",
        ),
    ] {
        let said = cluster.refusal(service("second", fields)).await;
        assert!(said.code == code && said.msg.starts_with(part), "{said}");
    }
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn one_port_for_two_protocols_has_one_number() {
    let cluster = Cluster::new().await;
    let ports = json!([{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}, {"name": "web", "port": 80}]);
    let dns = cluster.apply(service("dns", json!({"type": "NodePort", "ports": ports}))).await;
    let ports = &dns["spec"]["ports"];
    assert_eq!(ports[0]["nodePort"], ports[1]["nodePort"]);
    assert_ne!(ports[0]["nodePort"], ports[2]["nodePort"]);
    assert_eq!(cluster.keys(NODE_PORTS).await.len(), 2);
    assert_eq!(cluster.apply(dns.clone()).await["spec"]["ports"], dns["spec"]["ports"]);
}

#[tokio::test]
async fn full_ranges_are_used_up_and_then_refused() {
    let cluster = Cluster::with(ClusterConfig {
        service_cidrs: vec!["10.96.0.0/27".parse().unwrap()],
        node_port_range: "30000-30019".parse().unwrap(),
        ..ClusterConfig::default()
    })
    .await;
    let web = |index: usize| service(&format!("web-{index}"), json!({"type": "NodePort"}));
    for index in 0..20 {
        cluster.apply(web(index)).await;
    }
    let said = cluster.refusal(web(20)).await;
    assert_eq!(
        (said.code, said.msg.as_str()),
        (Code::Conflict, "no node port is free in 30000-30019")
    );
    // One of the thirty is the DNS's.
    for index in 0..9 {
        cluster.apply(service(&format!("plain-{index}"), json!({}))).await;
    }
    let said = cluster.refusal(service("plain", json!({}))).await;
    assert_eq!(said.msg, "no IPv4 cluster IP is free in the cluster's service CIDR");
    cluster.objects.delete(&one(Kind::Service, "web-3")).await.unwrap();
    cluster.apply(web(20)).await;
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn a_service_of_many_ports_fits_or_is_refused() {
    let cluster = Cluster::new().await;
    let many = |count: u16| {
        let ports: Vec<Value> =
            (1..=count).map(|i| json!({"name": format!("p{i}"), "port": i})).collect();
        service("web", json!({"type": "NodePort", "ports": ports}))
    };
    let said = cluster.refusal(many(127)).await;
    assert!(said.msg.starts_with("spec.ports: 128 node ports and addresses are given"), "{said}");
    cluster.apply(many(126)).await;
    cluster.apply(service("web", json!({}))).await;
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn what_one_document_frees_the_next_may_take() {
    let cluster = Cluster::new().await;
    let port = |name: &str, number: u16| {
        service(name, json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": number}]}))
    };
    cluster.apply(port("a", 30001)).await;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [port("a", 30002), port("b", 30001), port("a", 30003)]});
    let outcomes = cluster.objects.apply(&cluster.config, vec![list], false).await;
    let results: Vec<&OutcomeResult> = outcomes.iter().map(|o| &o.result).collect();
    assert_eq!(
        results,
        [&OutcomeResult::Configured, &OutcomeResult::Created, &OutcomeResult::Configured]
    );
    assert_eq!(cluster.service("a").await["spec"]["ports"][0]["nodePort"], 30003);
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn a_damaged_service_is_replaced_and_keeps_nothing_of_others() {
    let cluster = Cluster::new().await;
    cluster.apply(service("web", json!({"clusterIP": "10.96.0.9"}))).await;
    cluster.apply(service("other", json!({"clusterIP": "10.96.0.8"}))).await;
    let liar = service("liar", json!({"clusterIP": "10.96.0.8"}));
    for (name, value) in [("web", b"{".to_vec()), ("liar", liar.to_string().into_bytes())] {
        cluster.objects.store.put(&format!("services/default/{name}"), value, None).await.unwrap();
    }
    assert_eq!(cluster.service("web").await["metadata"]["name"], "web", "it is shown by its name");
    cluster.objects.delete(&one(Kind::Service, "liar")).await.unwrap();
    assert_eq!(cluster.keys(CLUSTER_IPS).await.len(), 2, "10.96.0.8 is not the liar's to free");
    cluster.apply(service("web", json!({"clusterIP": "10.96.0.7"}))).await;
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn what_was_written_past_the_daemon_is_claimed_when_it_is_applied() {
    let cluster = Cluster::new().await;
    let alien = service("alien", json!({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"]}));
    let value = alien.to_string().into_bytes();
    cluster.objects.store.put("services/default/alien", value, None).await.unwrap();
    cluster.apply(service("alien", json!({"selector": {"a": "b"}}))).await;
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn deletion_frees_and_what_is_not_there_is_said() {
    let cluster = Cluster::dual().await;
    cluster
        .apply(service("web", json!({"type": "NodePort", "ipFamilyPolicy": "PreferDualStack"})))
        .await;
    let mut both = one(Kind::Service, "web");
    both.names.push("ghost".to_owned());
    both.names.push("No Name".to_owned());
    let outcomes = cluster.objects.delete(&both).await.unwrap();
    assert_eq!(outcomes[0].result, OutcomeResult::Deleted);
    let said = failure(outcomes[1].result.clone());
    assert_eq!(
        (said.code, said.msg.as_str()),
        (Code::NotFound, "service default/ghost does not exist")
    );
    assert_eq!(failure(outcomes[2].result.clone()).code, Code::NotFound);
    assert_eq!(cluster.keys("").await, Vec::<String>::new());
    let said = cluster.objects.get(&one(Kind::Service, "web")).await.unwrap_err();
    assert_eq!(said.code, Code::NotFound);
}
