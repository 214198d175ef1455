use proptest::prelude::*;

use super::*;

/// What somebody does.
#[derive(Debug, Clone)]
enum Deed {
    Apply(Value),
    Delete(usize),
    DeleteNamespace,
}

const NAMES: [(&str, &str); 5] =
    [("default", "a"), ("default", "b"), ("default", "c"), ("shop", "a"), ("shop", "b")];

prop_compose! {
    /// A service that wants things which others want, too.
    fn wish()(
        who in 0..NAMES.len(),
        kind in prop::sample::select(vec!["ClusterIP", "ClusterIP", "NodePort", "NodePort", "LoadBalancer", "ExternalName"]),
        ports in prop::collection::btree_map(1u16..4, prop::option::weighted(0.3, 30_000u16..30_012), 1..4),
        udp in any::<bool>(),
        ip in prop::option::weighted(0.3, prop::sample::select(vec!["None", "10.96.0.1", "10.96.0.2", "10.96.0.7"])),
        policy in prop::option::of(prop::sample::select(vec!["SingleStack", "PreferDualStack", "RequireDualStack"])),
        local in any::<bool>(),
        health in prop::option::weighted(0.2, 30_000u16..30_012),
    ) -> Value {
        let (namespace, name) = NAMES[who];
        let exposed = kind == "NodePort" || kind == "LoadBalancer";
        let local = local && exposed;
        let ports: Vec<Value> = ports
            .iter()
            .map(|(port, number)| json!({
                "name": format!("p{port}"), "port": port, "nodePort": number.filter(|_| exposed),
                "protocol": if udp && *port == 1 { "UDP" } else { "TCP" },
            }))
            .collect();
        let plain = kind != "ExternalName";
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "type": kind, "ports": ports, "selector": {"app": name},
                "clusterIP": ip.filter(|_| plain), "ipFamilyPolicy": policy.filter(|_| plain),
                "externalName": (!plain).then_some("a.b"),
                "externalTrafficPolicy": local.then_some("Local"),
                "healthCheckNodePort": health.filter(|_| local && kind == "LoadBalancer"),
            },
        })
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => wish().prop_map(Deed::Apply),
        2 => (0..NAMES.len()).prop_map(Deed::Delete),
        1 => Just(Deed::DeleteNamespace),
    ]
}

/// A cluster where addresses and ports are scarce.
async fn scarce() -> Cluster {
    Cluster::with(ClusterConfig {
        service_cidrs: vec!["10.96.0.0/28".parse().unwrap(), "fd00:96::/125".parse().unwrap()],
        node_port_range: "30000-30011".parse().unwrap(),
        dns_addresses: Some(vec!["10.96.0.10".parse().unwrap()]),
        ..ClusterConfig::default()
    })
    .await
}

/// Does it, and checks that the answer is one that may be given.
async fn act(objects: &Objects, config: &ClusterConfig, deed: &Deed) -> Option<OutcomeResult> {
    match deed {
        Deed::Apply(document) => {
            let mut outcomes = objects.apply(config, vec![document.clone()], false).await;
            let result = outcomes.remove(0).result;
            if let OutcomeResult::Failed(failure) = &result {
                assert!(matches!(failure.code, Code::InvalidObject | Code::Conflict), "{failure}");
            }
            Some(result)
        }
        Deed::Delete(who) => {
            let (namespace, name) = NAMES[*who];
            let namespace = Some(namespace.parse().unwrap());
            objects.delete(&Selection { namespace, ..one(Kind::Service, name) }).await.unwrap();
            None
        }
        Deed::DeleteNamespace => {
            objects.delete(&one(Kind::Namespace, "shop")).await.unwrap();
            None
        }
    }
}

/// Whether a stored service has what its type needs.
fn assert_complete(document: &Value) {
    let service = manifest::stored_service(document.to_string().as_bytes()).unwrap();
    let external = document["spec"]["type"] == "ExternalName";
    assert_eq!(service.cluster_ips.is_empty(), service.headless || external, "{document}");
    if !service.headless {
        let families = document["spec"]["ipFamilies"].as_array().map_or(0, Vec::len);
        assert_eq!(families, service.cluster_ips.len(), "{document}");
    }
    let exposed =
        document["spec"]["type"] == "NodePort" || document["spec"]["type"] == "LoadBalancer";
    assert!(service.ports.iter().all(|port| port.node_port.is_some() == exposed), "{document}");
}

fn runtime(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn services_hold_exactly_what_they_say(deeds in prop::collection::vec(deed(), 1..25)) {
        runtime(1).block_on(async {
            let cluster = scarce().await;
            for deed in &deeds {
                let result = act(&cluster.objects, &cluster.config, deed).await;
                cluster.assert_consistent().await;
                let (Deed::Apply(document), Some(result)) = (deed, result) else { continue };
                if matches!(result, OutcomeResult::Failed(_)) {
                    continue;
                }
                let again = act(&cluster.objects, &cluster.config, deed).await;
                assert_eq!(again, Some(OutcomeResult::Unchanged));
                let metadata = &document["metadata"];
                let namespace = metadata["namespace"].as_str().unwrap().parse().ok();
                let name = metadata["name"].as_str().unwrap();
                let selection = Selection { namespace, ..one(Kind::Service, name) };
                let stored = cluster.objects.get(&selection).await.unwrap().remove(0);
                assert_complete(&stored);
                assert_eq!(cluster.try_apply(stored).await.result, OutcomeResult::Unchanged);
            }
        });
    }

    #[test]
    fn two_daemons_at_once_share_nothing(
        left in prop::collection::vec(deed(), 1..20),
        right in prop::collection::vec(deed(), 1..20),
    ) {
        runtime(2).block_on(async {
            let cluster = scarce().await;
            let run = |deeds: Vec<Deed>| {
                let (objects, config) = (cluster.objects.clone(), cluster.config.clone());
                tokio::spawn(async move {
                    for deed in deeds {
                        act(&objects, &config, &deed).await;
                    }
                })
            };
            let (left, right) = tokio::join!(run(left), run(right));
            left.unwrap();
            right.unwrap();
            cluster.assert_consistent().await;
        });
    }
}
