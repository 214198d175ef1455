//! `pontoon diff`.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, OutcomeResult};

use crate::support::{Fake, Request, Response, Said, assert_golden, pontoon};
use crate::{outcome, service};

/// Has a service `web`; what it is told to apply would be as it is written, with a type, and with an
/// address if it is new.
fn compares(request: &Request) -> Response {
    match request {
        Request::Get(selection) if selection.names == ["web"] => {
            let mut web = service("default", "web");
            web["spec"]["type"] = "ClusterIP".into();
            web["metadata"]["resourceVersion"] = "7".into();
            Response::Objects(vec![web])
        }
        Request::Get(_) => Response::Failed(Failure::new(Code::NotFound, "there is none", "")),
        Request::Apply { documents, dry_run: true } => {
            let one = |document: &serde_json::Value| {
                let name = document["metadata"]["name"].as_str().unwrap();
                let mut document = document.clone();
                let result = match name {
                    "same" => OutcomeResult::Unchanged,
                    "web" => OutcomeResult::Configured,
                    "bad" => OutcomeResult::Failed(Failure::new(
                        Code::InvalidObject,
                        "spec.ports[0].port: 70000 is not in 1..=65535",
                        "",
                    )),
                    _ => {
                        document["spec"]["clusterIP"] = "10.96.9.9".into();
                        OutcomeResult::Created
                    }
                };
                if document["spec"]["clusterIP"].is_null() {
                    document["spec"]["clusterIP"] = "10.96.0.10".into();
                }
                document["spec"]["type"] = "ClusterIP".into();
                let mut outcome = outcome(Kind::Service, name, result);
                outcome.document = Some(document);
                outcome
            };
            Response::Outcomes(documents.iter().map(one).collect())
        }
        other => panic!("{other:?}"),
    }
}

fn manifest(name: &str, port: u32) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, labels: {{\"on\": \"yes\"}}}}\nspec: {{selector: {{app: web}}, ports: [{{port: {port}}}]}}\n"
    )
}

#[test]
fn diff_shows_what_apply_would_change_and_changes_nothing() {
    let fake = Fake::new(compares);
    let text = [manifest("same", 80), manifest("web", 81), manifest("new", 80)].concat();
    let said = pontoon(&fake, &["diff", "-f", "-"], &text);
    assert_eq!(said.code, 1, "{}", said.err);
    assert_golden("diff", &said.without(&fake));
    assert!(
        fake.asked_to_change().iter().all(|r| matches!(r, Request::Apply { dry_run: true, .. }))
    );
}

#[test]
fn diff_compares_with_what_is_there_now_whatever_a_file_was_made_from() {
    let fake = Fake::new(compares);
    let text = manifest("web", 81).replace("name: web,", "name: web, resourceVersion: \"3\",");
    assert_eq!(pontoon(&fake, &["diff", "-f", "-"], &text).code, 1);
    let asked = fake.asked_to_change();
    let Request::Apply { documents, dry_run: true } = &asked[0] else { panic!("{asked:?}") };
    assert_eq!(documents[0]["metadata"]["resourceVersion"], serde_json::Value::Null);
}

#[test]
fn diff_of_nothing_different_says_nothing() {
    let fake = Fake::new(compares);
    assert_eq!(pontoon(&fake, &["diff", "-f", "-"], &manifest("same", 80)), Said::well(""));
    assert_eq!(pontoon(&fake, &["diff", "-f", "-"], &manifest("web", 80)), Said::well(""));
}

#[test]
fn what_cannot_be_compared_is_more_than_a_difference() {
    let fake = Fake::new(compares);
    let text = [manifest("web", 81), manifest("bad", 70_000)].concat();
    let said = pontoon(&fake, &["diff", "-f", "-"], &text);
    assert_eq!(said.code, 7);
    assert!(said.out.contains("+  - port: 81"), "{}", said.out);
    let expected = "error: standard input: document 2: Service default/bad: spec.ports[0].port: 70000 is not in 1..=65535\n";
    assert_eq!(said.err, expected);
    assert_eq!(pontoon(&fake, &["diff", "-f", "/nonexistent.yaml"], "").code, 7);
    assert_eq!(pontoon(&fake, &["diff"], "").code, 2);
}
