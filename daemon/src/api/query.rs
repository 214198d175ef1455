//! Parameters behind the `?`.

use std::collections::BTreeMap;

use pontoon_model::api::{Code, Failure};
use pontoon_model::rest::LabelSelector;

/// A parameter that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Whether it is `true` or `false`; any text otherwise.
    pub(crate) flag: bool,
}

/// Labels that objects must have.
pub(crate) const SELECTOR: Parameter = Parameter {
    name: "labelSelector",
    about: "Only objects with these labels, as Kubernetes selects by them: `key=value`, `key!=value`, `key in (a,b)`, `key notin (a,b)`, `key` or `!key`, with commas between. `!=` and `notin` also mean objects without the key.",
    flag: false,
};
/// A stream of what happens in place of what is there.
pub(crate) const WATCH: Parameter = Parameter {
    name: "watch",
    about: "Answers with server-sent events (`text/event-stream`): what is there, then what happens to it.",
    flag: true,
};
/// Where a stream begins.
pub(crate) const VERSION: Parameter = Parameter {
    name: "resourceVersion",
    about: "A watch begins behind this state, which is the `metadata.resourceVersion` of a list or the `id` of the last event; the header `Last-Event-ID` does the same.",
    flag: false,
};
/// Nothing is written.
pub(crate) const DRY_RUN: Parameter =
    Parameter { name: "dryRun", about: "Only says what would be done.", flag: true };
/// Every object is meant.
pub(crate) const ALL: Parameter = Parameter {
    name: "all",
    about: "Means every object; without it a request for several must have a `labelSelector`.",
    flag: true,
};
/// Whether what is there may be replaced.
pub(crate) const OVERWRITE: Parameter = Parameter {
    name: "overwrite",
    about: "With `false`, nothing is changed where a label or an annotation has another value already.",
    flag: true,
};

/// One check is meant.
pub(crate) const CHECK: Parameter =
    Parameter { name: "check", about: "Only what this check finds, such as `mtu`.", flag: false };

/// The parameters of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(BTreeMap<&'static str, String>);

impl Query {
    /// Reads those that an operation takes.
    pub(crate) fn read(text: &str, known: &[Parameter]) -> Result<Self, Failure> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let Some(parameter) = known.iter().find(|known| known.name == name) else {
                return Err(unknown(&name, known));
            };
            if query.0.insert(parameter.name, value.into_owned()).is_some() {
                return Err(wrong(parameter.name, "it is there twice"));
            }
        }
        for parameter in known.iter().filter(|parameter| parameter.flag) {
            query.flag(parameter, false)?;
        }
        Ok(query)
    }

    /// A parameter as text.
    pub(crate) fn text(&self, parameter: &Parameter) -> Option<&str> {
        self.0.get(parameter.name).map(String::as_str)
    }

    /// A parameter that is true or false; `default` where it is not given.
    pub(crate) fn flag(&self, parameter: &Parameter, default: bool) -> Result<bool, Failure> {
        match self.text(parameter) {
            None => Ok(default),
            // `All` is what kubectl says of a dry run.
            Some("" | "true" | "1" | "All") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => {
                Err(wrong(parameter.name, format!("{other:?} is neither true nor false")))
            }
        }
    }

    /// The labels of [`SELECTOR`]; none where it is not given.
    pub(crate) fn labels(&self) -> Result<LabelSelector, Failure> {
        match self.text(&SELECTOR) {
            None | Some("") => Ok(LabelSelector::default()),
            Some(text) => text.parse().map_err(|problem| wrong(SELECTOR.name, problem)),
        }
    }
}

fn wrong(name: &str, problem: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Decode, format!("{name}: {problem}"), "").of_field(name)
}

fn unknown(name: &str, known: &[Parameter]) -> Failure {
    let nearest = known
        .iter()
        .map(|parameter| (strsim::jaro_winkler(name, parameter.name), parameter.name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7);
    match nearest {
        Some((_, near)) => wrong(name, format!("there is no such parameter; did you mean {near}?")),
        None => wrong(name, "there is no such parameter here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Parameter; 3] = [SELECTOR, WATCH, VERSION];

    #[test]
    fn parameters_are_read_and_unknown_ones_refused() {
        let query = Query::read("labelSelector=app%3Dweb,tier&watch", &KNOWN).unwrap();
        assert_eq!(query.labels().unwrap().to_string(), "app=web,tier");
        assert!(query.flag(&WATCH, false).unwrap());
        assert_eq!(query.text(&VERSION), None);
        for (text, part) in [
            ("labelselector=a", "did you mean labelSelector?"),
            ("limit=5", "no such parameter here"),
            ("watch=yes", "\"yes\" is neither"),
            ("watch=1&watch=1", "twice"),
        ] {
            let said = Query::read(text, &KNOWN).unwrap_err().to_string();
            assert!(said.contains(part), "{said}");
        }
        let query = Query::read("labelSelector=a+in+(b", &KNOWN).unwrap();
        assert_eq!(query.labels().unwrap_err().field.as_deref(), Some("labelSelector"));
    }
}
