//! `pontoon delete` and `pontoon label`.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, OutcomeResult};

use crate::support::{Fake, Request, Response, Said, assert_golden, pontoon};
use crate::{MANIFESTS, outcome, selection};

/// Deletes or labels what is named, but for `gone`.
fn changes(request: &Request) -> Response {
    let (selection, result) = match request {
        // What is not there is looked for among what is.
        Request::Get(_) => return Response::Objects(Vec::new()),
        Request::Delete(selection) => (selection, OutcomeResult::Deleted),
        Request::Change { objects, change } => {
            let labels = change.annotations.is_empty();
            (objects, if labels { OutcomeResult::Labeled } else { OutcomeResult::Annotated })
        }
        other => panic!("{other:?}"),
    };
    let one = |name: &String| match name.as_str() {
        "gone" => {
            let failure = Failure::new(Code::NotFound, "service default/gone does not exist", "");
            outcome(selection.kind, name, OutcomeResult::Failed(failure))
        }
        "taken" => {
            let failure = Failure::new(Code::Conflict, "somebody else changed it", "try again");
            outcome(selection.kind, name, OutcomeResult::Failed(failure))
        }
        "same" => outcome(selection.kind, name, OutcomeResult::Unchanged),
        _ => outcome(selection.kind, name, result.clone()),
    };
    Response::Outcomes(selection.names.iter().map(one).collect())
}

#[test]
fn delete_goes_by_names_and_on_after_a_failure() {
    let fake = Fake::new(changes);
    let said = pontoon(&fake, &["delete", "svc/gone", "svc/web", "ns/prod", "svc/taken"], "");
    assert_eq!(said.code, 1);
    assert_eq!(said.out, "service \"web\" deleted\nnamespace \"prod\" deleted\n");
    assert_eq!(
        said.err,
        "error: service default/gone does not exist\nerror: service/taken: somebody else changed it: try again\n"
    );
    let expected = [
        selection(Kind::Service, Some("default"), &["gone"]),
        selection(Kind::Service, Some("default"), &["web"]),
        selection(Kind::Service, Some("default"), &["taken"]),
        selection(Kind::Namespace, None, &["prod"]),
    ];
    assert_eq!(fake.asked_to_change(), expected.map(Request::Delete));
    let said = pontoon(&fake, &["delete", "svc", "gone", "--ignore-not-found"], "");
    assert_eq!(said, Said::well(""));
}

#[test]
fn only_names_are_told_when_asked_for() {
    let fake = Fake::new(changes);
    for (line, expected) in [
        ("delete svc/web ns/prod -o name", "service/web\nnamespace/prod\n"),
        ("label svc web same a=b -o name", "service/web\nservice/same\n"),
        ("annotate svc web a=b -o name", "service/web\n"),
    ] {
        let said = pontoon(&fake, &line.split(' ').collect::<Vec<_>>(), "");
        assert_eq!(said, Said::well(expected), "{line}");
    }
}

#[test]
fn delete_takes_the_names_of_a_file() {
    let fake = Fake::new(changes);
    let said = pontoon(&fake, &["delete", "-f", &fake.file("web.yaml", MANIFESTS)], "");
    assert_eq!(said.code, 1);
    assert_golden("delete-file", &said.without(&fake));
    let expected = [
        selection(Kind::Service, Some("default"), &["web"]),
        selection(Kind::Namespace, None, &["prod"]),
        selection(Kind::Service, Some("prod"), &["old"]),
        selection(Kind::Service, Some("default"), &["same"]),
    ];
    assert_eq!(fake.asked_to_change(), expected.map(Request::Delete));
}

#[test]
fn delete_of_all_says_when_there_is_none() {
    let fake = Fake::new(changes);
    let said = pontoon(&fake, &["delete", "svc", "--all", "-n", "prod"], "");
    assert_eq!(
        (said.code, said.err.as_str()),
        (0, "No services found in namespace prod.\nNothing at all is in namespace prod.\n")
    );
    assert_eq!(
        fake.asked_to_change(),
        [Request::Delete(selection(Kind::Service, Some("prod"), &[]))]
    );
}

#[test]
fn label_sets_and_takes_away() {
    let fake = Fake::new(changes);
    let said = pontoon(
        &fake,
        &["label", "pod", "web", "same", "gone", "app=web", "tier-", "--overwrite"],
        "",
    );
    assert_eq!((said.code, said.out.as_str()), (1, "pod/web labeled\npod/same not labeled\n"));
    assert_eq!(said.err, "error: service default/gone does not exist\n");
    let asked = fake.asked_to_change();
    let Request::Change { objects, change } = &asked[0] else { panic!("{asked:?}") };
    assert_eq!(*objects, selection(Kind::Pod, Some("default"), &["web"]));
    assert_eq!((asked.len(), change.annotations.is_empty()), (3, true));
    let change = &change.labels;
    assert_eq!(
        (change.set["app"].as_str(), change.remove.as_slice(), change.overwrite),
        ("web", &["tier".to_owned()][..], true)
    );
    let said = pontoon(&fake, &["label", "pod/web", "tier-"], "");
    assert_eq!(said, Said::well("pod/web unlabeled\n"));
}

#[test]
fn annotate_sets_and_takes_away() {
    let fake = Fake::new(changes);
    let check = "pontoon.net/readiness=http:8080/a b;period=2s";
    let said = pontoon(&fake, &["annotate", "po/web", "po/same", check, "old-"], "");
    assert_eq!(said, Said::well("pod/web annotated\npod/same not annotated\n"));
    let asked = fake.asked_to_change();
    let Request::Change { change, .. } = &asked[0] else { panic!("{asked:?}") };
    let annotations = &change.annotations;
    assert_eq!(annotations.set["pontoon.net/readiness"], "http:8080/a b;period=2s");
    assert_eq!(
        (annotations.remove.as_slice(), annotations.overwrite),
        (&["old".to_owned()][..], false)
    );
    assert!(change.labels.is_empty());
    let said = pontoon(&fake, &["annotate", "pods", "-l", "app=web", "a=b"], "");
    assert_eq!(said.code, 0, "{}", said.err);
    for (arguments, hint) in [
        (["annotate", "ep/web", "a=b"], "they follow from services"),
        (["annotate", "po/web", "po/api"], "there is no annotation"),
    ] {
        let said = pontoon(&fake, &arguments, "");
        assert!(said.code == 2 && said.err.contains(hint), "{}", said.err);
    }
}

#[test]
fn nodes_are_cordoned_labeled_and_removed() {
    let fake = Fake::new(|request| match request {
        Request::Other(said) if said.starts_with("POST /v1/nodes/a/") => {
            Response::Outcomes(vec![outcome(Kind::Node, "a", OutcomeResult::Configured)])
        }
        Request::Other(said) if said.starts_with("PUT /v1/backend") => {
            assert!(said.ends_with(r#"{"kind":"auto"}"#), "{said}");
            Response::Choice("auto")
        }
        other => changes(other),
    });
    let out = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let said = pontoon(&fake, &arguments, "");
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
        said.out
    };
    assert_eq!(out("node cordon a --reason disk"), "node/a cordoned\n");
    assert_eq!(out("node uncordon a"), "node/a uncordoned\n");
    assert_eq!(out("label node a disk=ssd"), "node/a labeled\n");
    assert_eq!(out("node remove a"), "node a is removed; its subnets are free\n");
    assert!(out("backend set auto").starts_with("the cluster's backend is auto"));
    let asked = fake.asked_to_change();
    let cordon = r#"POST /v1/nodes/a/cordon {"reason":"disk"}"#;
    assert_eq!(asked[0], Request::Other(cordon.to_owned()));
    let said = pontoon(&fake, &["node", "remove", "gone"], "");
    assert_eq!(said.code, 1);
    assert_eq!(pontoon(&fake, &["backend", "set", "vxlen"], "").code, 2);
}
