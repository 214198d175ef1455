use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::*;

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[-a-z0-9:#{}\\[\\],&*!|>'\"%@~<=._ \\n\\t]{0,12}",
        "[-+0-9._xobe]{1,8}",
        ".{0,20}",
        Just("x".repeat(300)),
        Just("word ".repeat(60)),
        "(y|n|on|off|yes|No|null|None|~|<<|=|0o7|010|1:30|---|\\.inf)",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// `pontoon get -o yaml | pontoon apply -f -` gives back what was there.
    #[test]
    fn what_get_prints_apply_reads(document in value()) {
        let text = yaml(&json!({"kind": "X", "it": document})).unwrap();
        let read = crate::documents::of_text("test", &text).into_iter();
        let read: Vec<_> = read.map(|object| object.map(|found| found.value)).collect();
        prop_assert_eq!(&read, &[Ok(json!({"kind": "X", "it": document}))], "{}", text);
    }
}

#[test]
fn one_stands_by_itself_and_several_in_a_list() {
    let objects = [json!({"a": 1}), json!({"b": ["10.0.0.1"]})];
    assert_eq!(whole(objects[..1].iter(), true), objects[0]);
    assert_eq!(whole(objects.iter(), false)["items"], json!(objects));
    assert_eq!(whole([].iter(), true)["items"], json!([]));
    assert_eq!(json(&objects[0]).unwrap(), "{\n    \"a\": 1\n}");
}
