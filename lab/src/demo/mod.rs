//! What `cargo xtask demo` shows: a cluster on one machine, and that its promises hold.
//!
//! A demo is a list of [`Stage`]s; a new feature adds one.

mod blue_green;
mod cluster;
mod names;
mod operator;
mod progress;
mod reach;
mod reachability;
mod services;
mod spread;
mod web;

use std::time::Duration;

use anyhow::{Context, Result};

use crate::lab::Lab;
use crate::pod::Pod;
use progress::Progress;
use web::Web;

/// What to show.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many hosts, two pods each.
    pub hosts: u16,
}

/// The cluster on which the stages work, as far as it is built.
#[derive(Debug)]
pub struct Scene {
    /// Once there is a service. Dropped before the pods that it listens in.
    web: Option<Web>,
    lab: Lab,
    pods: Vec<Pod>,
}

/// What a stage has to tell.
#[derive(Debug, Default)]
struct Shown {
    /// In a few words, for the stage's own line.
    summary: String,
    /// Tables and the like, printed below it.
    text: String,
    /// Every promise that does not hold, a line each, with a hint.
    failures: Vec<String>,
}

/// One thing that the demo does and shows.
struct Stage {
    /// What goes on meanwhile.
    title: &'static str,
    run: fn(&mut Scene) -> Result<Shown>,
}

/// What makes the cluster.
const RAISE: [Stage; 2] = [
    Stage { title: "starting pontoond on every host", run: cluster::start },
    Stage { title: "adding two pods on every host", run: cluster::add_pods },
];

/// What looks whether its promises hold.
const CHECK: [Stage; 9] = [
    Stage { title: "asking the cluster", run: cluster::show },
    Stage {
        title: "reaching every pod and host from every pod, and every pod from every host",
        run: reachability::show,
    },
    Stage { title: "asking for a service from a pod, a host and outside", run: services::show },
    Stage { title: "asking for it by name from a pod of another host", run: names::show },
    Stage { title: "changing the service from blue to green under load", run: blue_green::show },
    Stage { title: "asking for it by name once more", run: names::show_again },
    Stage { title: "asking a node how it is", run: operator::status },
    Stage { title: "waiting until nodes know how well they reach each other", run: operator::mesh },
    Stage { title: "following a packet to the service", run: operator::trace },
];

/// How long a daemon may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// How a demo ended.
#[derive(Debug)]
pub struct Outcome {
    /// The cluster, which goes when this is dropped.
    pub scene: Scene,
    /// Every promise that did not hold.
    pub failures: Vec<String>,
}

impl Scene {
    /// The lab and its pods, for who wants to keep them.
    #[must_use]
    pub fn into_parts(self) -> (Lab, Vec<Pod>) {
        (self.lab, self.pods)
    }
}

/// Builds a cluster and checks its promises. What it shows goes to the standard output, progress
/// to the terminal.
///
/// # Errors
/// When a stage cannot be carried out at all.
pub fn run(options: Options) -> Result<Outcome> {
    play(options, RAISE.iter().chain(&CHECK))
}

/// Builds a cluster and checks nothing.
///
/// # Errors
/// When a stage cannot be carried out at all.
pub fn raise(options: Options) -> Result<Outcome> {
    play(options, RAISE.iter())
}

fn play<'a>(options: Options, stages: impl Iterator<Item = &'a Stage>) -> Result<Outcome> {
    let title = format!("building {} hosts, their underlay and an etcd", options.hosts);
    let progress = Progress::start(&title);
    let lab = Lab::builder()
        .hosts(options.hosts)
        .configure("mesh.interval", operator::MESH_INTERVAL)
        .build()?;
    progress.done("hosts, underlay and etcd are up", true);
    let mut scene = Scene { web: None, lab, pods: Vec::new() };
    let mut failures = Vec::new();
    for stage in stages {
        let progress = Progress::start(stage.title);
        let shown = (stage.run)(&mut scene)
            .with_context(|| format!("the demo failed while {}", stage.title))?;
        progress.done(&shown.summary, shown.failures.is_empty());
        if !shown.text.is_empty() {
            println!("{}\n", shown.text);
        }
        for failure in &shown.failures {
            println!("  ✗ {failure}");
        }
        failures.extend(shown.failures);
    }
    Ok(Outcome { scene, failures })
}
