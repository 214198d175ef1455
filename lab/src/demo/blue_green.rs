//! A service changes from one release to the other under load, and no request is lost.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::web::{self, BLUE, GREEN, names};
use super::{Scene, Shown};
use crate::probe::http::{Connections, HttpLoad, HttpReport};

/// Of each client to each address, over a new connection each.
const INTERVAL: Duration = Duration::from_millis(4);
/// How long each release is looked at while nothing changes.
const WHILE: Duration = Duration::from_millis(300);
/// The change is through when blue has been silent for so long.
const SILENT: Duration = Duration::from_millis(400);
/// How long the change may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn show(scene: &mut Scene) -> Result<Shown> {
    let web = scene.web.as_ref().context("no earlier stage has made a service")?;
    let host = scene.lab.hosts().last().context("the lab has no host")?;
    let (blue, green) = (names(&web::pods(host, BLUE)?), names(&web::pods(host, GREEN)?));
    let loads = web.clients.iter().flat_map(|client| {
        let start = |to| HttpLoad::start(&client.netns, to, Connections::PerRequest, 1, INTERVAL);
        client.targets.iter().copied().map(start)
    });
    let loads: Vec<_> = loads.collect();

    std::thread::sleep(WHILE);
    let before = merge(loads.iter().map(HttpLoad::take));
    let asked = Instant::now();
    web::apply(host, GREEN)?;
    let (mut during, mut last) = (HttpReport::default(), asked);
    while last.elapsed() < SILENT && asked.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
        let report = merge(loads.iter().map(HttpLoad::take));
        last = blue.iter().filter_map(|name| report.latest.get(name)).fold(last, |a, b| a.max(*b));
        during = merge([during, report]);
    }
    std::thread::sleep(WHILE);
    let after = merge(loads.into_iter().map(HttpLoad::stop).collect::<Result<Vec<_>>>()?);

    let requests = before.requests + during.requests + after.requests;
    let failed = before.failed + during.failed + after.failed;
    let failures = [
        lost(&before, "before the change"),
        lost(&during, "during the change"),
        lost(&after, "after the change"),
        wrong(&before, "before the change", &blue),
        wrong(&after, "after the change", &green),
    ];
    Ok(Shown {
        summary: format!(
            "{requests} requests, {failed} failed; the switch from blue to green took {} ms",
            last.duration_since(asked).as_millis()
        ),
        failures: failures.into_iter().flatten().collect(),
        ..Shown::default()
    })
}

/// What several loads met with.
fn merge(reports: impl IntoIterator<Item = HttpReport>) -> HttpReport {
    let mut all = HttpReport::default();
    for report in reports {
        all.requests += report.requests;
        all.failed += report.failed;
        all.failures.extend(report.failures);
        for (name, count) in report.by_server {
            *all.by_server.entry(name).or_default() += count;
        }
        for (name, at) in report.latest {
            let latest = all.latest.entry(name).or_insert(at);
            *latest = at.max(*latest);
        }
    }
    all
}

/// No request may fail.
fn lost(report: &HttpReport, when: &str) -> Option<String> {
    (report.failed > 0).then(|| {
        format!(
            "{} of {} requests failed {when}, such as {}; hint: was an endpoint taken away before every \
             host had the new ones? See the hosts' pontoond.log",
            report.failed,
            report.requests,
            report.failures.first().map(String::as_str).unwrap_or_default()
        )
    })
}

/// Only these may answer, and somebody must.
fn wrong(report: &HttpReport, when: &str, right: &[String]) -> Option<String> {
    let others = report.by_server.iter().filter(|(name, _)| !right.contains(name));
    let others: Vec<_> = others.map(|(name, count)| format!("{name} ({count})")).collect();
    let expected = right.join(", ");
    if report.by_server.is_empty() {
        return Some(format!("nobody answered {when} in place of {expected}"));
    }
    (!others.is_empty()).then(|| {
        format!(
            "{} answered {when} and not only {expected}; hint: `pontoon get service {} -o yaml` \
             tells the selector, `nft list ruleset` on the clients' hosts what was made of it",
            others.join(", "),
            web::NAME
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(by_server: &[(&str, u64)]) -> HttpReport {
        let by_server: std::collections::BTreeMap<_, _> =
            by_server.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        HttpReport { requests: by_server.values().sum(), by_server, ..HttpReport::default() }
    }

    #[test]
    fn one_lost_request_is_told_with_its_time() {
        let mut broken = report(&[("b-1", 9)]);
        assert_eq!(lost(&broken, "during the change"), None);
        (broken.requests, broken.failed) = (10, 1);
        broken.failures.push("connection refused".into());
        let said = lost(&merge([report(&[("b-2", 5)]), broken]), "during the change").unwrap();
        let begin = "1 of 15 requests failed during the change, such as connection refused; hint:";
        assert!(said.starts_with(begin), "{said}");
    }

    #[test]
    fn after_the_change_only_green_may_answer_and_somebody_must() {
        let green = ["b-1".to_owned(), "b-2".to_owned()];
        let said = |report| wrong(&report, "after the change", &green);
        assert_eq!(said(report(&[("b-1", 3), ("b-2", 4)])), None);
        let strange = said(report(&[("a-1", 2), ("b-1", 3)])).unwrap();
        assert!(strange.starts_with("a-1 (2) answered after the change and not only b-1, b-2"));
        assert!(said(report(&[])).unwrap().starts_with("nobody answered after the change"));
    }
}
