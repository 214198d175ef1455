//! `pontoon apply`.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, OutcomeResult};
use serde_json::Value;

use crate::support::{Fake, Request, Response, Said, assert_golden, pontoon};
use crate::{MANIFESTS, outcome, service};

/// Creates every document that has a name, and warns of every `spec.foo`.
fn applies(request: &Request) -> Response {
    let Request::Apply { documents, .. } = request else { panic!("{request:?}") };
    let one = |document: &Value| {
        let name = document["metadata"]["name"].as_str().unwrap_or_default();
        let result = match name {
            "" => OutcomeResult::Failed(Failure::new(
                Code::InvalidObject,
                "metadata.name: it is missing",
                "",
            )),
            "same" => OutcomeResult::Unchanged,
            "old" => OutcomeResult::Configured,
            _ => OutcomeResult::Created,
        };
        let kind = Kind::ALL.into_iter().find(|kind| document["kind"] == kind.names().kind);
        let mut outcome = outcome(kind.unwrap_or(Kind::Service), name, result);
        if !document["spec"]["foo"].is_null() {
            outcome.warnings.push("spec.foo: not used".to_owned());
        }
        outcome
    };
    Response::Outcomes(documents.iter().map(one).collect())
}

#[test]
fn apply_does_what_it_can_and_names_what_it_cannot() {
    let fake = Fake::new(applies);
    let file = fake.file("web.yaml", MANIFESTS);
    let said = pontoon(&fake, &["apply", "-f", &file], "");
    assert_eq!(said.code, 1);
    assert_golden("apply", &said.without(&fake));
    let Request::Apply { documents, dry_run: false } = &fake.asked()[0] else { panic!() };
    let namespaces: Vec<Option<&str>> =
        documents.iter().map(|d| d["metadata"]["namespace"].as_str()).collect();
    let (default, prod) = (Some("default"), Some("prod"));
    assert_eq!(namespaces, [default, None, prod, default, default]);
}

#[test]
fn apply_reads_standard_input_and_changes_nothing_when_dry() {
    let fake = Fake::new(applies);
    let json = service("prod", "web").to_string();
    for flag in ["--dry-run", "--dry-run=server", "--dry-run=client"] {
        let said = pontoon(&fake, &["apply", flag, "-n", "prod", "-f", "-"], &json);
        assert_eq!(said, Said::well("service/web created (dry run)\n"));
    }
    let all_dry = |request: &Request| matches!(request, Request::Apply { dry_run: true, .. });
    assert!(fake.asked().iter().all(all_dry));
}

#[test]
fn apply_says_how_far_it_came_before_the_store_went() {
    let fake = Fake::new(|request| {
        let Response::Outcomes(mut outcomes) = applies(request) else { panic!() };
        let failure = Failure::new(Code::Store, "the store is away", "");
        for outcome in &mut outcomes[1..] {
            outcome.result = OutcomeResult::Failed(failure.clone());
        }
        Response::Outcomes(outcomes)
    });
    let three = ["a", "b", "c"].map(|name| service("default", name).to_string()).join("\n---\n");
    let said = pontoon(&fake, &["apply", "-f", "-"], &three);
    assert_eq!((said.code, said.out.as_str()), (5, "service/a created\n"));
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(said.err.contains("this came behind 1 of 3 objects"), "{}", said.err);
}

#[test]
fn apply_tells_names_only_when_asked_to() {
    let fake = Fake::new(applies);
    let file = fake.file("web.yaml", MANIFESTS);
    let said = pontoon(&fake, &["apply", "-o", "name", "-f", &file], "");
    assert_eq!(said.out, "service/web\nnamespace/prod\nservice/old\nservice/same\n");
    assert_eq!(said.code, 1);
    let said = pontoon(&fake, &["apply", "-o", "json", "-f", &file], "");
    assert!(said.code == 2 && said.err.contains("name"), "{}", said.err);
}

#[test]
fn apply_refuses_an_object_of_another_namespace_than_asked_for() {
    let fake = Fake::new(applies);
    let said =
        pontoon(&fake, &["apply", "-n", "test", "-f", "-"], &service("prod", "web").to_string());
    assert_eq!(said.code, 1);
    let expected = "error: standard input: document 1: Service prod/web: metadata.namespace: \"prod\" is not the namespace test of -n";
    assert!(said.err.starts_with(expected), "{}", said.err);
    assert!(fake.asked().is_empty());
}

#[test]
fn apply_cuts_what_is_too_long_for_one_request() {
    let fake = Fake::new(applies);
    let text: String = (0..1200)
        .map(|number| {
            let long = "x".repeat(10_000);
            format!("---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{number}, annotations: {{a: {long}}}}}\n")
        })
        .collect();
    let said = pontoon(&fake, &["apply", "-f", &fake.file("many.yaml", &text)], "");
    assert_eq!((said.code, said.out.lines().count()), (0, 1200));
    assert_eq!(said.out.lines().last(), Some("service/s1199 created"));
    assert!(fake.asked().len() >= 3);
}

#[test]
fn apply_without_objects_is_a_mistake() {
    let fake = Fake::new(applies);
    assert_eq!(pontoon(&fake, &["apply"], "").code, 2);
    assert_eq!(pontoon(&fake, &["apply", "-f", "-"], "---\n# nothing\n").code, 1);
    let said = pontoon(
        &fake,
        &["apply", "-f", "/nonexistent.yaml", "-f", "-"],
        &service("default", "web").to_string(),
    );
    assert_eq!((said.code, said.out.as_str()), (1, "service/web created\n"));
    assert!(said.err.contains("/nonexistent.yaml: it cannot be read"), "{}", said.err);
}

#[test]
fn apply_stops_where_the_daemon_goes_and_says_how_far_it_came() {
    let fake = Fake::new(|request| match request {
        Request::Apply { documents, .. } if documents[0]["metadata"]["name"] == "s0" => {
            applies(request)
        }
        _ => Response::Failed(Failure::new(Code::TryAgainLater, "the store is away", "")),
    });
    let text: String = (0..1100)
        .map(|number| {
            format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: s{number}}}\n")
        })
        .collect();
    let said = pontoon(&fake, &["apply", "-f", "-"], &text);
    assert_eq!((said.code, said.out.lines().count(), fake.asked().len()), (1, 500, 2));
    assert!(
        said.err.starts_with("pontoon: the store is away; this came behind 500 of 1100"),
        "{}",
        said.err
    );
}
