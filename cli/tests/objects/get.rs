//! `pontoon get`.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use serde_json::{Value, json};

use crate::support::{Fake, Request, Response, Said, assert_golden, pontoon};
use crate::{selection, service};

/// Finds what it has; one name that is nothing's refuses all.
fn has(objects: Vec<Value>) -> impl Fn(&Request) -> Response {
    move |request| {
        let Request::Get(selection) = request else { panic!("{request:?}") };
        let meant = |object: &&Value| {
            let namespace = &object["metadata"]["namespace"];
            object["kind"] == selection.kind.names().kind
                && selection.namespace.as_ref().is_none_or(|wanted| namespace == wanted.as_str())
                && selection.labels.matches_document(object)
                && (selection.names.is_empty()
                    || selection
                        .names
                        .iter()
                        .any(|name| object["metadata"]["name"] == name.as_str()))
        };
        let found: Vec<Value> = objects.iter().filter(meant).cloned().collect();
        if found.len() < selection.names.len() {
            let said = format!("one of {} does not exist", selection.names.join(" "));
            return Response::Failed(Failure::new(Code::NotFound, said, ""));
        }
        Response::Objects(found)
    }
}

#[test]
fn get_selects_by_labels_as_kubectl_does() {
    let fake = Fake::new(has(vec![service("default", "web")]));
    for (labels, found) in [
        ("on=yes", true),
        ("on!=no,!off", true),
        ("on in (no, yes),off notin (yes)", true),
        ("on notin (yes,no)", false),
        ("!on", false),
    ] {
        let said = pontoon(&fake, &["get", "svc", "-o", "name", "-l", labels], "");
        assert_eq!((said.code, said.out == "service/web\n"), (0, found), "{labels}: {}", said.err);
    }
    let said = pontoon(&fake, &["get", "svc", "-l", "on in (yse)"], "");
    assert!(said.err.contains("Did you mean on=yes?"), "{}", said.err);
}

#[test]
fn get_shows_tables_documents_and_names() {
    let objects = vec![
        service("prod", "web"),
        service("default", "web"),
        service("default", "api"),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}),
    ];
    let fake = Fake::new(has(objects));
    for (name, arguments) in [
        ("get-table", "get svc"),
        ("get-all-wide", "get services,ns -A -o wide --show-labels"),
        ("get-one-yaml", "get svc/web -n prod -o yaml"),
        ("get-one-json", "get svc web -n prod -o json"),
        ("get-list-yaml", "get svc,ns -o yaml"),
        ("get-name", "get svc,ns -o name"),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let said = pontoon(&fake, &arguments, "");
        assert_eq!(said.code, 0, "{}", said.err);
        assert_golden(name, &said.without(&fake));
    }
    let Request::Get(asked) = &fake.asked()[0] else { panic!() };
    assert_eq!(*asked, selection(Kind::Service, Some("default"), &[]));
}

#[test]
fn get_asks_by_labels() {
    let fake = Fake::new(has(vec![service("default", "web")]));
    assert_eq!(pontoon(&fake, &["get", "po", "-A", "-l", "app=web,tier"], "").code, 0);
    let mut expected = selection(Kind::Pod, None, &[]);
    expected.labels = "app=web,tier".parse().unwrap();
    assert_eq!(fake.asked()[0], Request::Get(expected));
}

#[test]
fn get_of_nothing_is_said_and_no_failure() {
    let fake = Fake::new(has(Vec::new()));
    let said = pontoon(&fake, &["get", "svc"], "");
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert_eq!(said.err, "No services found in namespace default.\n");
    let said = pontoon(&fake, &["get", "svc,ns", "-A"], "");
    assert_eq!(said.err, "No services found.\nNo namespaces found.\n");
    let said = pontoon(&fake, &["get", "svc", "-o", "json"], "");
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap()["items"], json!([]));
}

#[test]
fn get_says_what_was_probably_meant() {
    let mut other = service("prod", "billing");
    other["metadata"]["labels"] = json!({"app": "billing"});
    let namespaces = ["default", "prod"]
        .map(|name| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    let fake =
        Fake::new(has([vec![service("default", "web"), other], namespaces.to_vec()].concat()));
    for (arguments, code, hint) in [
        ("get svc wbe", 1, "error: one of wbe does not exist; did you mean web?\n"),
        ("get svc billing", 1, "there is one in namespace prod: use -n prod\n"),
        ("get svc -n prdo", 0, "Nothing at all is in namespace prdo. Did you mean prod?\n"),
        ("get svc -A -l apps", 0, "None of the services has a label apps. Did you mean app?\n"),
        ("get svc -A -l app=biling", 0, "has app=biling. Did you mean app=billing?\n"),
        ("get svc -A -l app=billing", 0, ""),
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let said = pontoon(&fake, &arguments, "");
        assert_eq!(said.code, code, "{arguments:?}: {}", said.err);
        assert!(said.err.ends_with(hint), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn get_shows_those_that_are_there_and_names_the_others() {
    let fake = Fake::new(has(vec![service("default", "web")]));
    let said = pontoon(&fake, &["get", "svc", "web", "gone", "-o", "name"], "");
    assert_eq!((said.code, said.out.as_str()), (1, "service/web\n"));
    assert_eq!(said.err, "error: one of gone does not exist\n");
    let said = pontoon(&fake, &["get", "svc", "gone", "--ignore-not-found"], "");
    assert_eq!(said, Said::well(""));
    let said = pontoon(&fake, &["get", "svc", "gone", "-o", "yaml"], "");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
}
