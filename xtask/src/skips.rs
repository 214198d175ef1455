//! Which tests did not test, and why: they print `skipped: REASON` and pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell::Workspace;

/// Where nextest's profile `xtask` writes its report.
fn junit(workspace: &Workspace) -> PathBuf {
    workspace.target().join("nextest/xtask/junit.xml")
}

/// Removes the report of an earlier run.
pub(crate) fn forget(workspace: &Workspace) {
    let _never_ran = fs::remove_file(junit(workspace));
}

/// Prints the tests of the last run that were skipped, by reason.
pub(crate) fn report(workspace: &Workspace) -> Result<()> {
    let file = junit(workspace);
    if !file.exists() {
        return Ok(());
    }
    let xml = fs::read_to_string(&file).with_context(|| format!("cannot read {file:?}"))?;
    for (reason, tests) in find(&xml) {
        println!("skipped, {reason}:");
        for test in tests {
            println!("  {test}");
        }
    }
    Ok(())
}

/// Tests by reason, from a JUnit report.
fn find(xml: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut test = String::new();
    for line in xml.lines() {
        if line.contains("<testcase ") {
            test = format!("{}::{}", attribute(line, "classname"), attribute(line, "name"));
        }
        if let Some((_, reason)) = line.split_once("skipped: ") {
            let reason = unescape(reason.split("</").next().unwrap_or(reason));
            let tests = found.entry(reason).or_default();
            if !tests.contains(&test) {
                tests.push(test.clone());
            }
        }
    }
    found
}

fn attribute(line: &str, name: &str) -> String {
    let value =
        line.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split('"').next());
    unescape(value.unwrap_or("?"))
}

fn unescape(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn skipped_tests_are_grouped_by_reason() {
        let xml = r#"<testsuite name="pontoon-lab::smoke">
    <testcase name="a" classname="pontoon-lab::smoke" time="0.1">
        <system-err>skipped: needs &quot;root&quot;</system-err>
    </testcase>
    <testcase name="b" classname="pontoon-lab::smoke"><system-err>
skipped: needs &quot;root&quot;
</system-err></testcase>
    <testcase name="c" classname="pontoon-lab::smoke"/>
"#;
        let found = find(xml);
        assert_eq!(found.len(), 1);
        assert_eq!(found["needs \"root\""], ["pontoon-lab::smoke::a", "pontoon-lab::smoke::b"]);
    }
}
