use proptest::collection::{btree_map, btree_set};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> LabelSelector {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn selectors_mean_what_kubernetes_says_they_mean() {
    let web = json!({"metadata": {"labels": {"app": "web", "tier": "front", "empty": ""}}});
    let bare = json!({"metadata": {}});
    for (text, of_web, of_bare) in [
        ("app=web", true, false),
        ("app==web", true, false),
        ("app=api", false, false),
        ("app!=web", false, true),
        ("app != api", true, true),
        ("app in (api, web)", true, false),
        ("app in(api)", false, false),
        ("app notin (api)", true, true),
        ("app notin (api,web)", false, true),
        ("app", true, false),
        ("!app", false, true),
        ("! other", true, true),
        ("empty=", true, false),
        ("empty in (,x)", true, false),
        ("app in (web,api),tier!=back", true, false),
        ("app,!tier", false, false),
        ("in in (a,b)", false, false),
    ] {
        let selector = read(text);
        assert_eq!(selector.matches_document(&web), of_web, "{text}");
        assert_eq!(selector.matches_document(&bare), of_bare, "{text}");
    }
    assert!(LabelSelector::default().matches_document(&bare));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for text in [
        "",
        "a=b,",
        ",a",
        "=x",
        "!=x",
        "!",
        "!a=b",
        "a=b c",
        "a=1,a=2",
        "a in (1),a=2",
        "a in",
        "a in ()",
        "a in b",
        "a in (b",
        "a in b)",
        "a in ((b))",
        "a in (b)c",
        "a among (b)",
        "in (a)",
        "a>1",
        "a in (b c)",
    ] {
        assert!(text.parse::<LabelSelector>().is_err(), "{text}");
    }
    let said = "app among (web)".parse::<LabelSelector>().unwrap_err();
    assert!(said.contains("notin (a,b)"), "{said}");
}

fn key() -> impl Strategy<Value = String> {
    "([a-z]{1,3}\\.org/)?([a-z]|in|notin)([a-zA-Z0-9._-]{0,8}[a-z0-9])?"
}

fn values() -> impl Strategy<Value = BTreeSet<String>> {
    btree_set("([a-zA-Z0-9]([a-z0-9._-]{0,8}[a-z0-9])?)?", 1..4)
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        Just(Test::Exists),
        Just(Test::Absent),
        values().prop_map(Test::In),
        values().prop_map(Test::NotIn),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(tests in btree_map(key(), test(), 1..5)) {
        let selector: LabelSelector =
            tests.into_iter().map(|(key, test)| Requirement { key, test }).collect();
        prop_assert_eq!(selector.to_string().parse(), Ok(selector.clone()));
        let spaced = selector.to_string().replace(',', " , ").replace('(', "( ").replace('=', " = ");
        let spaced = spaced.replace("! =", " !=");
        prop_assert_eq!(spaced.parse(), Ok(selector));
    }

    #[test]
    fn a_test_and_its_opposite_share_all_objects(key in key(), values in values(), own in proptest::option::of("[a-z0-9]{0,2}")) {
        let is = |test: Test| {
            let selector: LabelSelector = [Requirement { key: key.clone(), test }].into_iter().collect();
            selector.matches(|asked| own.as_deref().filter(|_| asked == key))
        };
        prop_assert_ne!(is(Test::In(values.clone())), is(Test::NotIn(values)));
        prop_assert_ne!(is(Test::Exists), is(Test::Absent));
    }

    #[test]
    fn no_text_panics(text in "[a-z=!(), ]{0,20}|.{0,40}") {
        let _ = text.parse::<LabelSelector>();
    }
}
