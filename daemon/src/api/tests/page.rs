//! The API in the book, `docs/api.md`, made of the document that describes it. `UPDATE_GOLDEN=1`
//! writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::*;

const HEAD: &str = "# The API

<!-- Made from the document that describes the API: `cargo xtask docs` writes it anew. -->

";

/// How to ask, which no document tells.
const HOW: &str = "
The whole description, with every type, is [openapi.json](openapi.json) (OpenAPI 3.1); a daemon serves its own at
`/v1/openapi.json`. `pontoon` speaks this and nothing else.

```sh
curl --unix-socket /run/pontoon/api.sock http://localhost/v1/status
curl --unix-socket /run/pontoon/api.sock 'http://localhost/v1/namespaces/default/services?labelSelector=app%3Dweb'
curl --unix-socket /run/pontoon/api.sock -N 'http://localhost/v1/endpoints?watch=true'
curl --unix-socket /run/pontoon/api.sock -H 'content-type: application/json' --data @web.json 'http://localhost/v1/apply?dryRun=true'
```
";

/// The name of a schema, or of those that it offers.
fn name(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        return format!("`{}`", target.rsplit('/').next().unwrap());
    }
    match schema["type"].as_str() {
        Some("array") => format!("{}, several", name(&schema["items"])),
        Some(kind) => format!("a JSON {kind}"),
        None => {
            let any = schema["anyOf"].as_array().unwrap();
            any.iter().map(name).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn json_of(part: &Value) -> String {
    match &part["content"]["application/json"]["schema"] {
        Value::Null => "–".to_owned(),
        // What it may be is said at `apply` of the command.
        schema if schema["anyOf"].is_array() => "one document or several".to_owned(),
        schema => name(schema),
    }
}

/// A row for each thing that can be asked of what a tag names.
fn rows(document: &Value, tag: &Value) -> String {
    let mut rows = String::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if operation["tags"][0] != *tag {
                continue;
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let query = parameters.iter().filter(|one| one["in"] == "query");
            let query: Vec<_> =
                query.map(|one| format!("`{}`", one["name"].as_str().unwrap())).collect();
            writeln!(
                rows,
                "| `{} {path}` | {} | {} | {} | {} |",
                method.to_uppercase(),
                operation["summary"].as_str().unwrap(),
                query.join(", "),
                json_of(&operation["requestBody"]),
                json_of(&operation["responses"]["200"]),
            )
            .unwrap();
        }
    }
    rows
}

/// What each parameter of a query means; one name means one thing.
fn parameters(document: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let items = document["paths"].as_object().unwrap().values();
    let operations = items.flat_map(|item| item.as_object().unwrap().values());
    for one in operations.flat_map(|o| o["parameters"].as_array().cloned().unwrap_or_default()) {
        if let Some(about) = one["description"].as_str() {
            let name = one["name"].as_str().unwrap();
            let before = found.insert(name.to_owned(), about.to_owned());
            assert!(before.is_none_or(|before| before == about), "{name} means two things");
        }
    }
    found
}

fn page(document: &Value) -> String {
    let about = document["info"]["description"].as_str().unwrap();
    let mut page = format!("{HEAD}{about}\n{HOW}");
    for tag in document["tags"].as_array().unwrap() {
        let head =
            "| request | what it does | query | body | answer |\n| --- | --- | --- | --- | --- |";
        let rows = rows(document, &tag["name"]);
        write!(page, "\n## {}\n\n{head}\n{rows}", tag["name"].as_str().unwrap()).unwrap();
    }
    page.push_str("\n## What stands in a query\n\n| name | meaning |\n| --- | --- |\n");
    for (name, about) in parameters(document) {
        writeln!(page, "| `{name}` | {about} |").unwrap();
    }
    page.push_str("\n## Errors\n\n| field | meaning |\n| --- | --- |\n");
    let fields = &document["components"]["schemas"]["ApiError"]["properties"];
    for (field, schema) in fields.as_object().unwrap() {
        let about = schema["description"].as_str().unwrap().replace('\n', " ");
        writeln!(page, "| `{field}` | {about} |").unwrap();
    }
    page
}

#[test]
fn the_page_in_the_book_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");
    let page = page(&openapi::document());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let copy = std::fs::read_to_string(path).unwrap_or_default();
    assert!(copy == page, "docs/api.md differs; `cargo xtask docs` writes it anew");
}
