//! `pontoon delete` and `pontoon label`.

use pontoon_model::api::{Code, Failure, Request, Response};
use pontoon_model::object::{Kind, OutcomeResult};

use crate::support::{Fake, Said, assert_golden, pontoon};
use crate::{MANIFESTS, outcome, selection};

/// Deletes or labels what is named, but for `gone`.
fn changes(request: &Request) -> Response {
    let (selection, result) = match request {
        // What is not there is looked for among what is.
        Request::Get(_) => return Response::Objects(Vec::new()),
        Request::Delete(selection) => (selection, OutcomeResult::Deleted),
        Request::Label { objects, .. } => (objects, OutcomeResult::Labeled),
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
        selection(Kind::Service, Some("default"), &["gone", "web", "taken"]),
        selection(Kind::Namespace, None, &["prod"]),
    ];
    assert_eq!(fake.asked_to_change(), expected.map(Request::Delete));
    let said = pontoon(&fake, &["delete", "svc", "gone", "--ignore-not-found"], "");
    assert_eq!(said, Said::well(""));
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
    let Request::Label { objects, change } = &fake.asked_to_change()[0] else { panic!() };
    assert_eq!(*objects, selection(Kind::Pod, Some("default"), &["web", "same", "gone"]));
    assert_eq!(
        (change.set["app"].as_str(), change.remove.as_slice(), change.overwrite),
        ("web", &["tier".to_owned()][..], true)
    );
    let said = pontoon(&fake, &["label", "pod/web", "tier-"], "");
    assert_eq!(said, Said::well("pod/web unlabeled\n"));
}
