//! `pontoon top`: what moves on this node, from the kernel's own counters.

mod counters;
mod flows;
mod rates;

use std::io::{self, IsTerminal};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use pontoon_model::api::Status;
use pontoon_model::kernel::VXLAN;
use pontoon_model::object::Kind;
use serde_json::Value;

use crate::api::{Api, Server};
use crate::exit::Exit;
use crate::scope::Scope;
use crate::table::labels_match;
use crate::usage::Usage;
use crate::{behind, output, say};
use counters::Counters;
use rates::Row;

const EXAMPLES: &str = "\
Examples:
  pontoon top pods -A                  the busiest pods of this node, until it is interrupted
  pontoon top services --once          one look of a second, for scripts
  pontoon top node --once -o json

What it can show: the counters that the kernel of this node keeps for the interfaces of its pods and
for the overlay, so each node shows its own. A service's rates are those of its pods on this node; its
flows are the tracked connections from this node to its cluster IPs (as root only, or else a -). IN and
OUT are as the pod sees them.";

/// What `pontoon top` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What is counted
    #[arg(value_enum, default_value = "pods", value_name = "KIND")]
    what: What,
    #[command(flatten)]
    scope: Scope,
    /// Looks once, over one interval, and ends
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// The most lines to show
    #[arg(long, value_name = "NUMBER", default_value = "20")]
    lines: usize,
    /// How to show it
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// This node: its pods together, and the overlay
    #[value(alias = "no", alias = "node")]
    Nodes,
    /// The pods of this node
    #[value(alias = "po", alias = "pod")]
    Pods,
    /// Services, by their pods on this node
    #[value(alias = "svc", alias = "service")]
    Services,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each, the busiest first
    Table,
    /// An array, with --once
    Json,
}

pub(crate) fn run(api: &Api, arguments: &Arguments, server: &Server) -> Result<Exit> {
    if !server.is_local() {
        let said =
            "the counters are those of the host where it is typed: run it there, without --server";
        return Err(Usage(said.to_owned()).into());
    }
    let on_terminal = io::stdout().is_terminal();
    let mut before = (counters::read()?, Instant::now());
    loop {
        sleep(Duration::from_secs(arguments.interval));
        let now = (counters::read()?, Instant::now());
        let passed = now.1.duration_since(before.1);
        let mut rows = rows(api, arguments, &before.0, &now.0, passed)?;
        rows.sort_by(|a, b| b.rates.bytes().total_cmp(&a.rates.bytes()).then(a.name.cmp(&b.name)));
        let text = show(arguments, &rows)?;
        let clear = if on_terminal && !arguments.once { "\u{1b}[H\u{1b}[2J" } else { "" };
        if !say::read_line(format_args!("{clear}{text}"))? || arguments.once {
            return Ok(Exit::Done);
        }
        before = now;
    }
}

fn show(arguments: &Arguments, rows: &[Row]) -> Result<String> {
    if arguments.output == Format::Json {
        return output::json(&rows.iter().map(Row::document).collect());
    }
    let shown = if arguments.once { rows.len() } else { rows.len().min(arguments.lines) };
    let mut text = rates::table(&rows[..shown], arguments.what == What::Services);
    if shown < rows.len() {
        text.push_str(&format!("\nand {} that are less busy", rows.len() - shown));
    }
    Ok(text)
}

fn rows(
    api: &Api,
    arguments: &Arguments,
    before: &Counters,
    now: &Counters,
    passed: Duration,
) -> Result<Vec<Row>> {
    let status = api.status()?;
    let pods = pods(&status, before, now, passed);
    Ok(match arguments.what {
        What::Nodes => vec![node(&status, &pods, before, now, passed)],
        What::Pods => {
            let meant = match &arguments.scope.selector {
                Some(_) => Some(selected_pods(api, &arguments.scope)?),
                None => None,
            };
            let namespace = arguments.scope.namespace();
            let shown = pods.into_iter().filter(|row| {
                namespace.as_ref().is_none_or(|n| n.as_str() == row.namespace)
                    && meant.as_ref().is_none_or(|meant| meant.contains(&row.key()))
            });
            shown.collect()
        }
        What::Services => services(api, &arguments.scope, &pods)?,
    })
}

fn pods(status: &Status, before: &Counters, now: &Counters, passed: Duration) -> Vec<Row> {
    let row = |pod: &pontoon_model::api::PodStatus| Row {
        namespace: pod.pod.namespace.to_string(),
        name: pod.pod.name.to_string(),
        // What the host sends into the interface the pod receives.
        rates: rates::between(before, now, &pod.host_interface, passed).turned(),
        flows: None,
    };
    status.pods.iter().map(row).collect()
}

fn node(status: &Status, pods: &[Row], before: &Counters, now: &Counters, passed: Duration) -> Row {
    let mut rates = rates::sum(pods.iter().map(|pod| pod.rates));
    rates.overlay = Some(rates::between(before, now, VXLAN, passed).pair());
    Row { namespace: String::new(), name: status.node.to_string(), rates, flows: None }
}

fn selected_pods(api: &Api, scope: &Scope) -> Result<Vec<(String, String)>> {
    let all = api.all(Kind::Pod, scope.namespace())?;
    let meant = all.iter().filter(|pod| labels_match(pod, scope));
    let text = |pod: &Value, path| crate::table::text(pod, path).to_owned();
    Ok(meant.map(|pod| (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"))).collect())
}

fn services(api: &Api, scope: &Scope, pods: &[Row]) -> Result<Vec<Row>> {
    let services = api.all(Kind::Service, scope.namespace())?;
    let around = api.around(scope.namespace())?;
    let flows = flows::read();
    let row = |service: &Value| {
        let text = |path| crate::table::text(service, path).to_owned();
        let namespace = text("/metadata/namespace");
        let mut own: Vec<String> =
            behind::of(service, &around).into_iter().filter_map(|endpoint| endpoint.pod).collect();
        own.sort();
        own.dedup();
        let here = pods.iter().filter(|row| row.namespace == namespace && own.contains(&row.name));
        Row {
            rates: rates::sum(here.map(|row| row.rates)),
            flows: flows.as_ref().map(|flows| flows.to(service)),
            name: text("/metadata/name"),
            namespace,
        }
    };
    Ok(services.iter().filter(|service| labels_match(service, scope)).map(row).collect())
}
