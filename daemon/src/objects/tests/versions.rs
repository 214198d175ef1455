//! Documents that say which state of an object they were made from.

use super::*;

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn slice(name: &str) -> Value {
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["192.0.2.1"]}]})
}

fn marked(mut document: Value, mark: &str) -> Value {
    document["metadata"]["labels"]["mark"] = json!(mark);
    document
}

async fn assert_conflict(cluster: &Cluster, document: Value, part: &str) {
    let refused = cluster.refusal(document).await;
    assert_eq!(refused.code, Code::Conflict, "{refused}");
    assert_eq!(refused.field.as_deref(), Some("metadata.resourceVersion"));
    assert!(refused.msg.contains(part), "{refused}");
}

#[tokio::test]
async fn a_change_of_an_older_state_is_refused() {
    let cluster = Cluster::new().await;
    for document in [service("web", json!({"type": "NodePort"})), slice("web-1"), namespace("shop")]
    {
        let read = cluster.apply(document.clone()).await;
        // Who read it first is first.
        let mine = cluster.apply(marked(read.clone(), "mine")).await;
        assert_conflict(&cluster, marked(read.clone(), "theirs"), "has been modified").await;
        let dry =
            cluster.objects.apply(&cluster.config, vec![marked(read.clone(), "theirs")], true);
        assert_eq!(failure(dry.await.remove(0).result).code, Code::Conflict);
        // What is so already is lost by nobody.
        let again = cluster.try_apply(marked(read.clone(), "mine")).await.result;
        assert_eq!(again, OutcomeResult::Unchanged);
        // A manifest without a version is what is to be.
        assert_eq!(cluster.try_apply(document).await.result, OutcomeResult::Configured);
        assert_conflict(&cluster, marked(mine, "later"), "has been modified").await;
    }
    cluster.assert_consistent().await;
}

#[tokio::test]
async fn labels_count_as_changes_and_need_no_version() {
    let cluster = Cluster::new().await;
    let read = cluster.apply(service("web", json!({}))).await;
    let change = LabelChange { set: [("a".into(), "b".into())].into(), ..LabelChange::default() };
    let outcomes = cluster.objects.label(&one(Kind::Service, "web"), &change).await.unwrap();
    assert_eq!(outcomes[0].result, OutcomeResult::Labeled);
    assert_conflict(&cluster, marked(read, "x"), "has been modified").await;
    assert_eq!(cluster.service("web").await["metadata"]["labels"], json!({"a": "b"}));
}

#[tokio::test]
async fn what_was_deleted_comes_back_only_as_a_copy() {
    let cluster = Cluster::new().await;
    let read = cluster.apply(service("web", json!({}))).await;
    cluster.objects.delete(&one(Kind::Service, "web")).await.unwrap();
    let mut edited = marked(read.clone(), "x");
    edited["metadata"].as_object_mut().unwrap().remove("uid");
    assert_conflict(&cluster, edited, "has been deleted").await;
    assert_eq!(cluster.try_apply(read).await.result, OutcomeResult::Created);
}

#[tokio::test]
async fn versions_of_another_cluster_say_nothing() {
    let cluster = Cluster::new().await;
    cluster.apply(service("web", json!({}))).await;
    let mut theirs = marked(service("web", json!({})), "theirs");
    theirs["metadata"]["resourceVersion"] = json!("123456");
    theirs["metadata"]["uid"] = json!("2d5e7c4e-1111-4222-8333-444455556666");
    assert_eq!(cluster.try_apply(theirs).await.result, OutcomeResult::Configured);
}
