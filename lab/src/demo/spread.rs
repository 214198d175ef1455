//! Who answered how often, and what it means. Pure.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::{CellAlignment, Table};

use super::cluster::table;

/// What one client met with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spread {
    pub client: String,
    /// Answers by the name of who answered.
    pub answers: BTreeMap<String, u64>,
    /// Requests without an answer, in words.
    pub failures: Vec<String>,
}

/// How many answers there were, and from how many servers.
pub(super) fn answers(spreads: &[Spread]) -> (u64, usize) {
    let all = || spreads.iter().flat_map(|spread| &spread.answers);
    (
        all().map(|(_, count)| count).sum(),
        all().map(|(name, _)| name).collect::<BTreeSet<_>>().len(),
    )
}

/// What does not hold: every request is answered, by an endpoint, and every endpoint answers some.
pub(super) fn failures(spreads: &[Spread], endpoints: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for Spread { client, answers, failures } in spreads {
        found.extend(failures.iter().map(|failure| {
            format!("a request from {client} failed: {failure}; hint: `nft list ruleset` there, and pontoond's log")
        }));
        found.extend(answers.keys().filter(|name| !endpoints.contains(name)).map(|name| {
            format!(
                "{name} answered {client} and is no endpoint; hint: compare `pontoon get pods --show-labels` \
                 with the service's selector"
            )
        }));
    }
    let idle = endpoints
        .iter()
        .filter(|name| spreads.iter().all(|spread| !spread.answers.contains_key(name.as_str())));
    found.extend(idle.map(|name| {
        format!(
            "{name} is an endpoint and answered none of {} requests; hint: is it ready?",
            answers(spreads).0
        )
    }));
    found
}

/// A row an endpoint, a column a client.
pub(super) fn counts(spreads: &[Spread], endpoints: &[String]) -> Table {
    let head = spreads.iter().map(|spread| format!("from {}", spread.client));
    let head: Vec<_> = std::iter::once("answers by".to_owned()).chain(head).collect();
    let mut table = table(&head.iter().map(String::as_str).collect::<Vec<_>>());
    for name in endpoints {
        let of = |spread: &Spread| spread.answers.get(name).copied().unwrap_or_default();
        let counts = spreads.iter().map(|spread| of(spread).to_string());
        table.add_row(std::iter::once(name.clone()).chain(counts));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(client: &str, answers: &[(&str, u64)]) -> Spread {
        let answers = answers.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Spread { client: client.into(), answers, failures: Vec::new() }
    }

    fn endpoints() -> Vec<String> {
        vec!["a-1".into(), "a-2".into()]
    }

    #[test]
    fn it_is_enough_that_every_endpoint_answers_somebody() {
        let one = spread("pod b-2", &[("a-1", 60)]);
        let other = spread("host-1", &[("a-1", 29), ("a-2", 31)]);
        let both = [one.clone(), other];
        assert_eq!(failures(&both, &endpoints()), Vec::<String>::new());
        assert_eq!(answers(&both), (120, 2));
        let said = failures(&[one], &endpoints());
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("a-2 is an endpoint and answered none of 60 requests"),
            "{said:?}"
        );
    }

    #[test]
    fn strangers_and_unanswered_requests_are_told() {
        let mut met = spread("outside", &[("a-1", 1), ("a-2", 1), ("b-1", 1)]);
        met.failures.push("timed out".into());
        let said = failures(&[met], &endpoints());
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("a request from outside failed: timed out; hint:"), "{said:?}");
        assert!(said[1].starts_with("b-1 answered outside and is no endpoint; hint:"), "{said:?}");
    }

    #[test]
    fn an_endpoint_that_a_client_did_not_meet_is_counted_as_none() {
        let text = counts(&[spread("host-1", &[("a-1", 7)])], &endpoints()).to_string();
        let row = text.lines().find(|line| line.contains("a-2"));
        assert!(row.is_some_and(|row| row.contains("0 │")), "{text}");
    }
}
