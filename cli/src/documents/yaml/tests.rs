use proptest::prelude::*;
use serde_json::json;

use super::*;

fn one(text: &str) -> Result<Value, String> {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "{text}");
    documents.remove(0).map_err(|fault| fault.to_string())
}

#[test]
fn a_service_reads_as_people_write_it() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {on: \"yes\", tier: \"010\"}}
spec:
  clusterIP: None   # headless
  ports:
  - port: 80
    targetPort: http
  - {port: 0o1, name: 'on'}
  description: >
    two
    lines
";
    let expected = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "labels": {"true": "yes", "tier": "010"}},
        "spec": {"clusterIP": "None", "ports": [
            {"port": 80, "targetPort": "http"}, {"port": 1, "name": "on"}],
            "description": "two lines\n"},
    });
    assert_eq!(one(text), Ok(expected));
}

#[test]
fn empty_documents_are_null_and_counted() {
    let values: Vec<_> = documents("---\n---\n# nothing\n---\na: 1\n...\n---\nnull\n")
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(values, [json!(null), json!(null), json!({"a": 1}), json!(null)]);
    assert_eq!(documents(""), []);
    assert_eq!(documents("# nothing\n"), []);
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let found = documents("a: 1\n---\nb: [\n---\nc: 1\nc: 2\n---\nd: *x\n---\n'e\n---\nf: 1\n");
    let said: Vec<_> = found
        .iter()
        .map(|document| match document {
            Ok(value) => value.to_string(),
            Err(fault) => format!("{}:{}", fault.line, fault.column),
        })
        .collect();
    // An open quote reaches as far as the text does, or to the marker that it may not hold.
    assert_eq!(said, ["{\"a\":1}", "3:4", "6:1", "8:4", "10:1", "{\"f\":1}"]);
}

#[test]
fn a_fault_names_line_and_column() {
    assert_eq!(
        one("a:\n  b: 1\n  b: 2\n"),
        Err("line 3, column 3: the key \"b\" is there twice".into())
    );
    assert_eq!(one("a: 1\n? [x]\n: 2\n"), Err("line 2, column 3: a key must be a text".into()));
    let tabs = one("a:\n\tb: 1\n").unwrap_err();
    assert!(tabs.starts_with("line 2, column "), "{tabs}");
}

#[test]
fn anchors_and_merges_are_filled_in() {
    let text = "\
base: &base {port: 80, protocol: TCP}
ports:
- *base
- <<: *base
  port: 81
- port: 82
  <<: [{port: 1}, *base]
- {&k name: *k , '<<': quoted}
";
    let expected = json!([
        {"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"},
        {"port": 82, "protocol": "TCP"}, {"name": "name", "<<": "quoted"}]);
    assert_eq!(one(text).unwrap()["ports"], expected);
}

#[test]
fn aliases_cannot_blow_a_document_up() {
    let mut laughs = "a0: &a0 [\"lol\"]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        laughs +=
            &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]\n");
    }
    let said = one(&laughs).unwrap_err();
    assert!(said.contains("its aliases make the document longer than"), "{said}");

    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    let said = one(&deep).unwrap_err();
    assert!(said.contains("deeper than 64"), "{said}");

    assert!(one("a: &a [*a]\n").is_err());
    let nested = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert!(one(&nested).unwrap_err().contains("deeper than 64"));
    assert!(one(&nested[1..129]).is_ok());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[-a-z0-9:{}\\[\\],&*!|>'\"%@#\\n \\t<]{0,80}", strange in ".{0,40}") {
        for text in [text, strange] {
            for fault in documents(&text).into_iter().filter_map(Result::err) {
                prop_assert!(fault.line >= 1 && !fault.reason.is_empty());
            }
        }
    }
}
