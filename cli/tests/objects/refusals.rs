//! What is wrong before or behind a command.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, OutcomeResult};
use serde_json::json;

use crate::support::{Fake, Request, Response, pontoon};
use crate::{MANIFESTS, outcome, service};

#[test]
fn what_cannot_be_meant_is_told_before_the_daemon_is_asked() {
    let fake = Fake::new(|request| panic!("{request:?}"));
    for (arguments, hint) in [
        ("get servics", "did you mean services?"),
        ("get svc web -l app=web", "leave the names out"),
        ("get svc web -A", "use -n"),
        ("get svc -l app=(web", "key notin (a,b)"),
        ("get svc -n Prod", "RFC 1123"),
        ("get", "KIND"),
        ("delete svc", "give names, -l LABELS or --all"),
        ("delete", "there is no kind"),
        ("delete svc web --all", "leave the names out"),
        ("delete -f x.yaml -A", "leave -l and -A out"),
        ("label svc web", "there is no label"),
        ("label svc app=web", "give names, -l LABELS or --all"),
        ("label svc web app=-", "is no label's value"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let said = pontoon(&fake, &arguments, "");
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(hint), "{arguments:?}: {}", said.err);
        assert!(!said.err.contains("pontoon-cli"), "{arguments:?}: {}", said.err);
    }
    assert!(fake.asked().is_empty());
}

#[test]
fn a_daemon_that_is_not_there_is_said_with_the_next_step() {
    let fake = Fake::absent();
    for arguments in ["get svc", "delete svc web", "label svc web a=b", "apply -f -"] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let said = pontoon(&fake, &arguments, &service("default", "web").to_string());
        assert_eq!((said.code, said.out.as_str()), (3, ""));
        assert_eq!(said.err.lines().count(), 1, "{}", said.err);
        assert!(said.err.starts_with("pontoon: pontoond is not running: "), "{}", said.err);
        assert!(said.err.contains("systemctl start pontoond"), "{}", said.err);
    }
}

#[test]
fn a_node_that_is_misspelt_has_its_likes_beside_it() {
    let fake = Fake::new(|request| match request {
        Request::Get(_) => {
            let node = |name: &str| json!({"metadata": {"name": name}});
            Response::Objects(vec![node("host-1"), node("storage")])
        }
        _ => Response::Failed(Failure::new(Code::NotFound, "node hots-1 does not exist", "")),
    });
    for verb in ["cordon", "uncordon", "remove"] {
        let said = pontoon(&fake, &["node", verb, "hots-1"], "");
        let expected = "error: node hots-1 does not exist; did you mean host-1?\n";
        assert_eq!((said.code, said.err.as_str()), (1, expected), "{verb}");
    }
}

#[test]
fn a_store_that_is_away_is_said_once_for_all_objects() {
    let away = || OutcomeResult::Failed(Failure::new(Code::Store, "the store is away", "no etcd"));
    let fake = Fake::new(move |request| {
        let count = match request {
            Request::Apply { documents, .. } => documents.len(),
            Request::Delete(_) | Request::Change { .. } => 3,
            other => panic!("{other:?}"),
        };
        Response::Outcomes((0..count).map(|_| outcome(Kind::Service, "web", away())).collect())
    });
    let three = [service("default", "a"), service("default", "b"), service("default", "c")];
    let three = three.map(|document| document.to_string()).join("\n---\n");
    let many: String = (0..1100)
        .map(|n| format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: s{n}}}\n"))
        .collect();
    for (line, input) in [
        ("apply -f -", &three),
        ("apply -f -", &many),
        ("diff -f -", &three),
        ("delete svc --all", &three),
        ("label svc --all a=b", &three),
    ] {
        let before = fake.asked().len();
        let said = pontoon(&fake, &line.split(' ').collect::<Vec<_>>(), input);
        let expected = "pontoon: the store is away: no etcd; see `pontoon status` for the store, and try again when it answers\n";
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (5, "", expected), "{line}");
        assert_eq!(fake.asked().len() - before, 1, "{line}");
    }
}

#[test]
fn a_refused_request_is_said_once() {
    let away = |_: &Request| {
        Response::Failed(Failure::new(Code::Store, "the store is away", "see `pontoon status`"))
    };
    let fake = Fake::new(away);
    let said = pontoon(
        &fake,
        &["apply", "-f", &fake.file("web.yaml", &MANIFESTS.replace("broken", "whole}"))],
        "",
    );
    assert_eq!(
        (said.code, said.err.as_str()),
        (5, "pontoon: the store is away: see `pontoon status`\n")
    );
    let said = pontoon(&fake, &["get", "svc"], "");
    assert_eq!(
        (said.code, said.err.as_str()),
        (5, "pontoon: the store is away: see `pontoon status`\n")
    );
}
