//! The alert rules and the dashboard in `packaging/`, by Debian's Prometheus.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::binaries;
use pontoon_lab::host::Host;
use pontoon_lab::probe::dns::RecordType;
use pontoon_lab::process::Process;
use pontoon_tests::cluster::{cluster, eventually, skipped};
use pontoon_tests::{installed, naming};
use serde_json::Value;

/// Prometheus reads every second, and a rate needs two readings.
const PATIENCE: Duration = Duration::from_secs(40);
/// Where it listens, in a host's network namespace.
const PROMETHEUS: &str = "127.0.0.1:9090";

fn file(name: &str) -> PathBuf {
    installed::packaging().unwrap().join(name)
}

fn lacks(program: &str) -> bool {
    let lacks = binaries::on_path(program).is_none();
    if lacks {
        eprintln!("skipped: needs {program}: `cargo xtask setup`");
    }
    lacks
}

/// What the dashboard asks, as the panel's title and the query, with its variables filled in.
fn queries() -> Vec<(String, String)> {
    let text = fs::read_to_string(file("grafana/pontoon.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let annotations = dashboard["annotations"]["list"].as_array().unwrap().iter();
    let mut queries = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((panel["title"].clone(), target["expr"].clone()));
        }
    }
    queries.extend(annotations.map(|one| (one["name"].clone(), one["expr"].clone())));
    let variables = [
        ("$__rate_interval", "1m"),
        ("$__interval", "1m"),
        ("$job", "pontoon"),
        ("$instance", ".*"),
    ];
    let fill = |query: &str| {
        variables.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
    };
    let text = |value: Value| value.as_str().unwrap().to_owned();
    queries.into_iter().map(|(title, query)| (text(title), fill(&text(query)))).collect()
}

/// The names of figures in a text.
fn figures(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = |word: &&str| {
        ["pontoon_", "coredns_", "process_"].iter().any(|prefix| word.starts_with(prefix))
    };
    words.filter(ours).collect()
}

#[test]
fn promtool_finds_no_fault_and_each_alert_fires_when_it_should() {
    if lacks("promtool") {
        return;
    }
    for args in
        [["check", "rules", "pontoon.rules.yaml"], ["test", "rules", "pontoon.rules.test.yaml"]]
    {
        let mut promtool = Command::new("promtool");
        let output = promtool.args(args).current_dir(file("prometheus")).output().unwrap();
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(output.status.success(), "promtool {args:?}: {said:?}");
    }
    let rules = fs::read_to_string(file("prometheus/pontoon.rules.yaml")).unwrap();
    let tests = fs::read_to_string(file("prometheus/pontoon.rules.test.yaml")).unwrap();
    for line in rules.lines() {
        if let Some(alert) = line.trim().strip_prefix("- alert: ") {
            assert!(tests.contains(&format!("- name: {alert}\n")), "{alert} has no test");
        }
    }
}

/// That page is held to what the daemon registers.
#[test]
fn every_figure_that_is_asked_for_is_in_the_book() {
    let page = fs::read_to_string(file("../docs/metrics.md")).unwrap();
    let told = figures(&page);
    let rules = fs::read_to_string(file("prometheus/pontoon.rules.yaml")).unwrap();
    let dashboard: String = queries().into_iter().map(|(_, query)| query + "\n").collect();
    for figure in figures(&rules).into_iter().chain(figures(&dashboard)) {
        let name = figure.strip_suffix("_bucket").unwrap_or(figure);
        assert!(told.contains(name), "docs/metrics.md has no {name}");
    }
}

/// The labels by which figures are chosen in this text, by the figures' names.
fn selected(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for figure in figures(text) {
        for (at, _) in text.match_indices(figure) {
            let Some(rest) = text[at + figure.len()..].strip_prefix('{') else { continue };
            let selector = rest.split('}').next().unwrap();
            // A comma in a value begins no label.
            let labels = selector.split(',').filter_map(|one| one.split_once(['=', '!']));
            found.extend(labels.map(|(label, _)| (figure, label.trim())));
        }
    }
    found
}

#[test]
fn figures_are_chosen_by_labels_that_they_have() {
    let page = fs::read_to_string(file("../docs/metrics.md")).unwrap();
    let row = |name: &str| page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
    let rules = fs::read_to_string(file("prometheus/pontoon.rules.yaml")).unwrap();
    let dashboard: String = queries().into_iter().map(|(_, query)| query + "\n").collect();
    let mut looked = 0;
    for (figure, label) in selected(&rules).into_iter().chain(selected(&dashboard)) {
        // Prometheus adds those itself, and buckets have their bounds.
        if ["job", "instance", "le"].contains(&label) {
            continue;
        }
        let name = figure.strip_suffix("_bucket").unwrap_or(figure);
        let labels = row(name).unwrap().split('|').nth(3).unwrap();
        assert!(labels.contains(&format!("`{label}`")), "{name} has no label {label}: {labels}");
        looked += 1;
    }
    assert!(looked > 5, "{looked} labels");
}

/// Starts Prometheus on a host, where it reads the daemon's own figures.
fn prometheus(host: &Host) -> Result<Process> {
    let config = host.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n  \
         - {{job_name: pontoon, static_configs: [{{targets: ['127.0.0.1:9553']}}]}}\n",
        file("prometheus/pontoon.rules.yaml").display(),
    );
    fs::write(&config, text).with_context(|| format!("cannot write {config:?}"))?;
    let config = format!("--config.file={}", config.display());
    let storage = format!("--storage.tsdb.path={}", host.path().join("prometheus").display());
    let listen = format!("--web.listen-address={PROMETHEUS}");
    host.spawn(&["prometheus", &config, &storage, &listen])
}

/// What Prometheus answers.
fn ask(host: &Host, path: &str, query: &str) -> Result<Value> {
    let url = format!("http://{PROMETHEUS}/api/v1/{path}");
    let query = format!("query={query}");
    let said = host.exec(&[
        "curl",
        "--silent",
        "--show-error",
        "--get",
        "--data-urlencode",
        &query,
        &url,
    ])?;
    let answer: Value = serde_json::from_str(&said).with_context(|| format!("no JSON: {said}"))?;
    ensure!(answer["status"] == "success", "{query}: {answer}");
    Ok(answer["data"].clone())
}

#[test]
fn a_real_prometheus_answers_every_panel_of_the_dashboard_and_raises_no_alert() {
    if skipped() || lacks("prometheus") || lacks("curl") {
        return;
    }
    let lab = cluster(pontoon_lab::Lab::builder().hosts(1).embedded()).unwrap();
    let host = lab.host(1);
    let pod = host.add_pod("curious").unwrap();
    let _prometheus = prometheus(host).unwrap();
    eventually(PATIENCE, || {
        let up = ask(host, "query", "up{job=\"pontoon\"}")?;
        ensure!(up["result"][0]["value"][1] == "1", "{up}");
        Ok(())
    })
    .unwrap();
    // What never happens here has no figures: failed calls, changes that fail, upstreams.
    let nothing = [
        "Calls that failed",
        "Questions without an answer",
        "Upstreams",
        "Answers of upstreams",
        "Daemon started",
        "Cache, share",
    ];
    for (title, query) in queries() {
        eventually(PATIENCE, || {
            naming::asked(pod.netns(), "dns-version.cluster.local.", RecordType::TXT)?;
            let answer = ask(host, "query", &query)?;
            let some = answer["result"].as_array().is_some_and(|result| !result.is_empty());
            ensure!(
                some || nothing.iter().any(|part| title.starts_with(part)),
                "{title}: {query}: {answer}"
            );
            Ok(())
        })
        .unwrap();
    }
    let rules = ask(host, "rules", "").unwrap();
    for group in rules["groups"].as_array().unwrap() {
        for rule in group["rules"].as_array().unwrap() {
            assert_eq!(
                (&rule["health"], &rule["state"]),
                (&"ok".into(), &"inactive".into()),
                "{rule}"
            );
        }
    }
}
