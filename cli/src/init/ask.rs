//! Questions, for who gave no flags.

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use ipnetwork::IpNetwork;
use pontoon_model::cluster::ClusterConfig;
use pontoon_model::name::NodeName;

use super::plan::{Etcd, Plan, url};

/// Somebody who answers.
pub(super) trait Person {
    /// Shows a question and reads a line; `None` when there will be no more.
    fn answer(&mut self, question: &str) -> io::Result<Option<String>>;
}

/// A person at a terminal.
pub(super) struct Terminal;

impl Person for Terminal {
    fn answer(&mut self, question: &str) -> io::Result<Option<String>> {
        let mut out = io::stdout().lock();
        write!(out, "{question} ")?;
        out.flush()?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }
}

/// Asks for what no flag has said.
pub(super) fn complete(plan: &mut Plan, person: &mut dyn Person) -> Result<()> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if plan.node_name.is_none() {
        let question = format!("Name of this node? [{}]", host.trim());
        plan.node_name = ask(person, &question, |text| text.parse::<NodeName>())?;
    }
    if plan.etcd.is_none() {
        let question = "etcd that the hosts share, as http://192.0.2.1:2379, with commas between several? [none: this host alone]";
        let endpoints = ask(person, question, |text| {
            text.split(',').map(|part| url(part.trim())).collect::<Result<Vec<_>, _>>()
        })?;
        plan.etcd = endpoints.map(|endpoints| Etcd { endpoints, ..Etcd::default() });
        if let Some(etcd) = &mut plan.etcd {
            credentials(etcd, person)?;
        }
    }
    let is_new =
        plan.pod_cidrs.is_empty() && plan.service_cidrs.is_empty() && plan.backend.is_none();
    if plan.etcd.is_some() && is_new && !plan.join {
        let question = "Are there other hosts already, whose cluster this one joins? [no]";
        plan.join = ask(person, question, yes_or_no)?.unwrap_or(false);
    }
    if !plan.join {
        cluster(plan, person)?;
    }
    Ok(())
}

fn credentials(etcd: &mut Etcd, person: &mut dyn Person) -> Result<()> {
    if !etcd.endpoints.iter().any(|endpoint| endpoint.starts_with("https://")) {
        return Ok(());
    }
    etcd.ca =
        ask(person, "Certificate of whoever signed etcd's? [the host's own authorities]", file)?;
    let cert = ask(person, "Certificate to show to etcd? [none]", file)?;
    if let Some(cert) = cert {
        let key = ask(person, "Key of that certificate?", file)?;
        etcd.pair = Some((cert, key.context("a certificate is of no use without its key")?));
    }
    Ok(())
}

fn cluster(plan: &mut Plan, person: &mut dyn Person) -> Result<()> {
    let default = ClusterConfig::default();
    let ranges = |text: &str| {
        text.split(',').map(|part| part.trim().parse()).collect::<Result<Vec<IpNetwork>, _>>()
    };
    if plan.pod_cidrs.is_empty() {
        let question =
            format!("Range of pods' addresses, one a family? [{}]", shown(&default.pod_cidrs));
        plan.pod_cidrs = ask(person, &question, ranges)?.unwrap_or_default();
    }
    if plan.service_cidrs.is_empty() {
        let question = format!(
            "Range of services' addresses, one a family? [{}]",
            shown(&default.service_cidrs)
        );
        plan.service_cidrs = ask(person, &question, ranges)?.unwrap_or_default();
    }
    if plan.etcd.is_some() && plan.backend.is_none() {
        let question = "How packets cross hosts: vxlan, host-gw or auto? [vxlan]";
        plan.backend = ask(person, question, |text| {
            text.parse::<pontoon_model::cluster::BackendKind>().map(|kind| kind.to_string())
        })?;
    }
    Ok(())
}

/// Asks until the answer can be used; an empty one leaves the default.
fn ask<T, E: Display>(
    person: &mut dyn Person,
    question: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>> {
    const PATIENCE: usize = 5;
    let mut asked = question.to_owned();
    for _ in 0..PATIENCE {
        let Some(answer) = person.answer(&asked).context("no answer can be read")? else {
            bail!("the answers ended: nothing is written");
        };
        if answer.is_empty() {
            return Ok(None);
        }
        match read(&answer) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => asked = format!("{error}\n{question}"),
        }
    }
    bail!("no answer to {question:?} can be used: nothing is written");
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "y" | "yes" => Ok(true),
        "n" | "no" => Ok(false),
        _ => Err("yes or no?".to_owned()),
    }
}

fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => Err(format!("{text} is no file")),
        Err(error) => Err(format!("{text} cannot be read: {error}")),
    }
}

fn shown(ranges: &[IpNetwork]) -> String {
    ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Prepared {
        answers: Vec<&'static str>,
        questions: Vec<String>,
    }

    impl Person for Prepared {
        fn answer(&mut self, question: &str) -> io::Result<Option<String>> {
            self.questions.push(question.to_owned());
            Ok((!self.answers.is_empty()).then(|| self.answers.remove(0).to_owned()))
        }
    }

    fn completed(answers: &[&'static str]) -> (Result<Plan>, Vec<String>) {
        let mut person = Prepared { answers: answers.to_vec(), questions: Vec::new() };
        let mut plan = Plan::default();
        let done = complete(&mut plan, &mut person);
        (done.map(|()| plan), person.questions)
    }

    #[test]
    fn empty_answers_leave_everything_to_the_daemon() {
        let (plan, questions) = completed(&["", "", "", ""]);
        assert_eq!(plan.unwrap(), Plan::default());
        assert_eq!(questions.len(), 4);
    }

    #[test]
    fn a_wrong_answer_is_asked_for_again_with_the_reason() {
        let (plan, questions) = completed(&[
            "Host",
            "host-1",
            "http://192.0.2.1:2379",
            "perhaps",
            "no",
            "10.244.0.0/16, fd00::/48",
            "",
            "host-gw",
        ]);
        let plan = plan.unwrap();
        assert_eq!(plan.node_name.unwrap().as_str(), "host-1");
        assert_eq!((plan.pod_cidrs.len(), plan.backend.as_deref()), (2, Some("host-gw")));
        assert!(questions[1].contains("RFC 1123") && questions[1].contains("Name of this node?"));
    }

    #[test]
    fn who_joins_is_asked_nothing_about_the_cluster() {
        let (plan, questions) = completed(&["", "http://192.0.2.1:2379", "yes"]);
        assert!(plan.unwrap().join);
        assert_eq!(questions.len(), 3);
    }

    #[test]
    fn answers_that_end_write_nothing() {
        assert!(completed(&["a"]).0.is_err());
    }
}
