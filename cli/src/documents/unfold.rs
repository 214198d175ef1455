//! From a text to the objects in it.

use serde_json::Value;

use super::yaml::{self, Fault};
use super::{Document, Origin, Unread};

/// Lists in lists deeper than this are a mistake.
const MAX_LISTS: usize = 8;

/// The objects of a file, in order.
pub(super) fn objects(file: &str, text: &str) -> Vec<Result<Document, Unread>> {
    let mut objects = Vec::new();
    for (index, document) in values(text).into_iter().enumerate() {
        let origin = Origin { file: file.to_owned(), number: index + 1, items: Vec::new() };
        match document {
            Ok(value) => unfold(origin, value, &mut objects),
            Err(fault) => objects.push(Err(format!("{origin}: {fault}"))),
        }
    }
    objects
}

/// JSON where it is JSON: it may be indented by tabs and have long keys, which YAML refuses.
fn values(text: &str) -> Vec<Result<Value, Fault>> {
    if !text.trim_start().starts_with('{') {
        return yaml::documents(text);
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let fault =
            |error: serde_json::Error| Fault::new(error.line(), error.column(), reason(&error));
        let broken = value.is_err();
        values.push(value.map_err(fault));
        if broken {
            // A mapping in YAML may begin with a brace, too.
            let yaml = yaml::documents(text);
            return if yaml.iter().all(Result::is_ok) { yaml } else { values };
        }
    }
    values
}

/// Without the place, which is named already.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

fn unfold(origin: Origin, mut value: Value, objects: &mut Vec<Result<Document, Unread>>) {
    if value.is_null() {
        return;
    }
    if let Some(items) = items(&mut value) {
        if origin.items.len() >= MAX_LISTS {
            objects.push(Err(format!("{origin}: there are more than {MAX_LISTS} lists in lists")));
            return;
        }
        for (index, item) in items.into_iter().enumerate() {
            let mut origin = origin.clone();
            origin.items.push(index + 1);
            unfold(origin, item, objects);
        }
        return;
    }
    objects.push(Ok(Document { origin, value }));
}

/// The objects of a `List`, or of a kind's own such as `ServiceList`, whose items may leave it out.
fn items(value: &mut Value) -> Option<Vec<Value>> {
    let kind = value.get("kind")?.as_str()?.strip_suffix("List")?.to_owned();
    let api_version = value.get("apiVersion").cloned().unwrap_or_default();
    let mut items = match value.get_mut("items") {
        Some(Value::Array(items)) => std::mem::take(items),
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return None,
    };
    for item in items.iter_mut().filter_map(Value::as_object_mut).filter(|_| !kind.is_empty()) {
        item.entry("kind").or_insert_with(|| kind.as_str().into());
        item.entry("apiVersion").or_insert_with(|| api_version.clone());
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        objects("f", text)
            .into_iter()
            .map(|object| match object {
                Ok(Document { origin, value }) => format!("{origin} = {value}"),
                Err(unread) => unread,
            })
            .collect()
    }

    #[test]
    fn lists_are_unfolded_and_empty_documents_skipped() {
        let text = "---\n# nothing\n---\nkind: List\nitems:\n- a: 1\n- null\n- kind: ServiceList\n  apiVersion: v1\n  items: [{b: 2}]\n---\nkind: List\n---\nc: 3\n";
        assert_eq!(
            said(text),
            [
                "f: document 2, item 1 = {\"a\":1}",
                "f: document 2, item 3, item 1 = {\"apiVersion\":\"v1\",\"b\":2,\"kind\":\"Service\"}",
                "f: document 4 = {\"c\":3}",
            ]
        );
    }

    #[test]
    fn json_may_come_in_several_and_with_tabs() {
        assert_eq!(
            said("{\n\t\"a\": 1\n}\n{\"b\": 2}"),
            ["f: document 1 = {\"a\":1}", "f: document 2 = {\"b\":2}"]
        );
        assert_eq!(
            said("{\"a\": 1}\n{\"b\": }"),
            ["f: document 1 = {\"a\":1}", "f: document 2: line 2, column 7: expected value"]
        );
    }

    #[test]
    fn braces_may_begin_yaml() {
        assert_eq!(
            said("{a: 1}\n---\n{b: on}\n"),
            ["f: document 1 = {\"a\":1}", "f: document 2 = {\"b\":true}"]
        );
    }

    #[test]
    fn a_list_of_no_list_is_left_to_be_refused() {
        assert_eq!(
            said("kind: List\nitems: 5\n"),
            ["f: document 1 = {\"items\":5,\"kind\":\"List\"}"]
        );
    }
}
