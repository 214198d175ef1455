//! The value of one document from the parser's events.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use pontoon_model::api::MAX_REQUEST;
use serde_json::{Map, Value};

use super::Fault;
use crate::documents::scalar;

/// The deepest nesting that is read. Kubernetes' kinds have about ten; the daemon's reader of JSON
/// refuses 128, and with it the whole request.
const MAX_DEPTH: usize = 64;

/// A value and what it costs to repeat it.
#[derive(Debug, Clone)]
struct Node {
    value: Value,
    /// How deep it is itself.
    height: usize,
    /// About its length in JSON.
    weight: u64,
}

impl Node {
    fn leaf(value: Value) -> Self {
        let weight = value.as_str().map_or(4, |text| text.len() as u64 + 2);
        Self { value, height: 1, weight }
    }
}

/// Reads one document.
pub(super) struct Builder<'p, 'i> {
    parser: &'p mut Parser<'i, StrInput<'i>>,
    anchors: HashMap<usize, Node>,
    /// What aliases have added so far.
    copied: u64,
}

impl<'p, 'i> Builder<'p, 'i> {
    pub(super) fn new(parser: &'p mut Parser<'i, StrInput<'i>>) -> Self {
        Self { parser, anchors: HashMap::new(), copied: 0 }
    }

    /// The document whose start was read just now.
    pub(super) fn document(mut self) -> Result<Value, Fault> {
        let (event, span) = self.next()?;
        if matches!(event, Event::DocumentEnd) {
            return Ok(Value::Null);
        }
        Ok(self.node(event, span, 1)?.value)
    }

    fn next(&mut self) -> Result<(Event<'i>, Span), Fault> {
        match self.parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(error.into()),
            None => Err(Fault::new(1, 1, "the document ends too early")),
        }
    }

    fn node(&mut self, event: Event<'i>, span: Span, depth: usize) -> Result<Node, Fault> {
        let fault = |reason: String| Fault::at(&span.start, reason);
        if depth > MAX_DEPTH {
            return Err(fault(format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let value = scalar(&text, plain, tag.as_deref()).map_err(fault)?;
                (Node::leaf(value), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, depth).map_err(fault),
            other => return Err(fault(format!("{other:?} stands where a value belongs"))),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, depth: usize) -> Result<Node, String> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err("the alias stands inside of what it repeats".to_owned());
        };
        if depth + node.height > MAX_DEPTH + 1 {
            return Err(format!("with its aliases it is nested deeper than {MAX_DEPTH} levels"));
        }
        self.copied = self.copied.saturating_add(node.weight);
        if self.copied > MAX_REQUEST {
            return Err(format!(
                "its aliases make the document longer than {MAX_REQUEST} bytes, which is more than an object may have"
            ));
        }
        Ok(node.clone())
    }

    fn sequence(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        let (mut height, mut weight) = (1, 2);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { value: items.into(), height, weight });
            }
            let item = self.node(event, span, depth + 1)?;
            height = height.max(item.height + 1);
            weight += item.weight + 1;
            items.push(item.value);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut fields = Map::new();
        let mut merged = Vec::new();
        let (mut height, mut weight) = (1, 2);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<");
            let key = self.node(event, span, depth + 1)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            height = height.max(value.height + 1);
            weight += key.weight + value.weight + 2;
            if is_merge {
                merged.extend(sources(value.value).ok_or_else(|| {
                    Fault::at(&value_span.start, "<< takes an object or a list of objects")
                })?);
                continue;
            }
            let Some(key) = scalar::key(key.value) else {
                return Err(Fault::at(&span.start, "a key must be a text"));
            };
            if fields.contains_key(&key) {
                return Err(Fault::at(&span.start, format!("the key {key:?} is there twice")));
            }
            fields.insert(key, value.value);
        }
        // What stands there itself wins over what is merged in, the first source over the later ones.
        for (key, value) in merged.into_iter().flatten() {
            fields.entry(key).or_insert(value);
        }
        Ok(Node { value: fields.into(), height, weight })
    }
}

fn sources(value: Value) -> Option<Vec<Map<String, Value>>> {
    let one = |value| match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    };
    match value {
        Value::Array(items) => items.into_iter().map(one).collect(),
        other => one(other).map(|fields| vec![fields]),
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    match tag {
        None => scalar::resolve(text, plain, None),
        // Tags of others' are no concern of an object's.
        Some(tag) => match tag.suffix_in_namespace("tag:yaml.org,2002:") {
            Some(name) => scalar::resolve(text, plain, Some(&name)),
            None => Ok(text.into()),
        },
    }
}
