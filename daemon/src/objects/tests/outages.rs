use std::time::{Duration, Instant};

use pontoon_store::{EtcdConfig, EtcdStore};

use super::*;

#[tokio::test]
async fn a_store_that_does_not_answer_is_waited_for_once() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = EtcdStore::new(EtcdConfig {
        endpoints: vec![format!("http://{}", silent.local_addr().unwrap())],
        request_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(200),
        ..EtcdConfig::default()
    });
    let (inquiries, _) = crate::services::inquiry::channel(1);
    let objects = Objects::new(Arc::new(store.unwrap()), inquiries);
    let documents: Vec<Value> = (0..2000).map(|i| service(&format!("s-{i}"), json!({}))).collect();
    let begun = Instant::now();
    let outcomes = objects.apply(&ClusterConfig::default(), documents, false).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(outcomes.len(), 2000);
    for outcome in outcomes {
        let said = failure(outcome.result);
        assert_eq!(said.code, Code::Store);
        assert!(said.details.starts_with("store unavailable"), "{said}");
    }
    let said = objects.get(&all(Kind::Service)).await.unwrap_err();
    assert_eq!(said.code, Code::Store);
}
