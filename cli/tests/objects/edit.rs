//! `pontoon edit`, with a script for an editor.

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::{Kind, OutcomeResult};
use serde_json::Value;

use crate::support::{Fake, Request, Response, Said, pontoon_as};
use crate::{outcome, service};

/// Has one service, and takes no port above 65535.
fn takes(request: &Request) -> Response {
    match request {
        Request::Get(_) => Response::Objects(vec![service("default", "web")]),
        Request::Apply { documents, .. } => {
            let port = documents[0]["spec"]["ports"][0]["port"].as_u64().unwrap_or_default();
            let result = if port > 65_535 {
                let said = format!("spec.ports[0].port: {port} is not in 1..=65535");
                OutcomeResult::Failed(Failure::new(Code::InvalidObject, said, ""))
            } else {
                OutcomeResult::Configured
            };
            Response::Outcomes(vec![outcome(Kind::Service, "web", result)])
        }
        other => panic!("{other:?}"),
    }
}

/// Edits by a shell script; each time that it runs, a copy of the file that it was given is kept.
fn edit(fake: &Fake, script: &str) -> Said {
    let folder = fake.folder().display().to_string();
    let script =
        format!("#!/bin/sh\ncp \"$1\" \"{folder}/seen.$(ls {folder} | wc -l)\"\n{script}\n");
    let editor = fake.file("editor.sh", &script);
    let said = pontoon_as(fake, &["edit", "svc/web"], "", |command| {
        command.env("PONTOON_EDITOR", format!("sh {editor}")).env("TMPDIR", fake.folder());
    });
    said.unwrap()
}

fn seen(fake: &Fake) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(fake.folder()).unwrap().flatten().collect();
    files.retain(|file| file.file_name().to_string_lossy().starts_with("seen."));
    files.sort_by_key(std::fs::DirEntry::file_name);
    files.iter().map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
}

#[test]
fn what_was_edited_is_applied() {
    let fake = Fake::new(takes);
    let said = edit(&fake, "sed -i 's/port: 80/port: 81/' \"$1\"");
    assert_eq!(said, Said::well("service/web edited\n"));
    let Request::Apply { documents, dry_run: false } = &fake.asked_to_change()[0] else { panic!() };
    assert_eq!(documents[0]["spec"]["ports"][0]["port"], 81);
    assert!(seen(&fake)[0].starts_with("# Edit service/web"));
}

#[test]
fn nothing_edited_changes_nothing() {
    for script in ["true", ": > \"$1\"", "echo '# only a comment' > \"$1\""] {
        let fake = Fake::new(takes);
        let said = edit(&fake, script);
        assert_eq!(said, Said::well("nothing was edited, so nothing is changed\n"), "{script}");
        assert!(fake.asked_to_change().is_empty());
    }
}

#[test]
fn what_is_refused_is_opened_again_with_the_reason() {
    let fake = Fake::new(takes);
    let script = "if grep -q 'was not taken' \"$1\"; then sed -i 's/port: 70000/port: 8080/' \"$1\"; else sed -i 's/port: 80/port: 70000/' \"$1\"; fi";
    let said = edit(&fake, script);
    assert_eq!(said, Said::well("service/web edited\n"));
    assert!(seen(&fake)[1].contains("#   spec.ports[0].port: 70000 is not in 1..=65535"));
}

#[test]
fn what_is_given_up_is_kept_for_the_person() {
    let fake = Fake::new(takes);
    let said = edit(&fake, "sed -i 's/port: 80$/port: 70000/' \"$1\"");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("70000 is not in"), "{}", said.err);
    let path = said.err.trim_end().rsplit(' ').next().unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("port: 70000"));
}

#[test]
fn another_name_and_text_that_is_no_yaml_are_opened_again() {
    for (script, reason) in [
        ("sed -i 's/name: web/name: other/' \"$1\"", "metadata.name: \"web\" cannot be changed"),
        ("echo 'spec: [' >> \"$1\"", "what you wrote: document 1: line"),
    ] {
        let fake = Fake::new(takes);
        let script =
            format!("if grep -q 'was not taken' \"$1\"; then : > \"$1\"; else {script}; fi");
        let said = edit(&fake, &script);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(seen(&fake)[1].contains(reason), "{}", seen(&fake)[1]);
        assert!(fake.asked_to_change().is_empty());
    }
}

#[test]
fn what_others_changed_meanwhile_is_not_overwritten() {
    let fake = Fake::new(|request| match request {
        Request::Get(_) => {
            let mut web = service("default", "web");
            web["metadata"]["resourceVersion"] = "7".into();
            web["metadata"]["uid"] = "u".into();
            Response::Objects(vec![web])
        }
        Request::Apply { documents, .. } => {
            let metadata = &documents[0]["metadata"];
            assert_eq!(
                (&metadata["resourceVersion"], &metadata["uid"]),
                (&"7".into(), &Value::Null)
            );
            let said =
                Failure::new(Code::Conflict, "the object has been modified", "read it again");
            let result = OutcomeResult::Failed(said.of_field("metadata.resourceVersion"));
            Response::Outcomes(vec![outcome(Kind::Service, "web", result)])
        }
        other => panic!("{other:?}"),
    });
    let said = edit(&fake, "sed -i 's/port: 80$/port: 81/' \"$1\"");
    assert_eq!(
        (said.code, said.out.as_str(), said.err.lines().count()),
        (1, "", 1),
        "{}",
        said.err
    );
    assert!(said.err.contains("apply your changes to the latest version"), "{}", said.err);
    let path = said.err.trim_end().rsplit(' ').next().unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("port: 81"));
    assert!(seen(&fake).len() == 1 && !seen(&fake)[0].contains("resourceVersion"));
}

#[test]
fn an_editor_that_fails_changes_nothing() {
    let fake = Fake::new(takes);
    let said = edit(&fake, "exit 3");
    assert_eq!(said.code, 1);
    assert!(said.err.contains("nothing is changed"), "{}", said.err);
}
