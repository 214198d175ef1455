//! Every pod reaches every pod and every host, every host reaches every pod, and each is seen at an
//! address of its own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::reach::{Attempt, Spot, matrix};
use super::{Scene, Shown};
use crate::netns::Netns;
use crate::probe::{self, Responder};

const PORT: u16 = 7777;
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn show(scene: &mut Scene) -> Result<Shown> {
    let mut all: Vec<(Spot, &Netns)> = Vec::new();
    for pod in &scene.pods {
        let (name, addresses) = (format!("pod {}", pod.name()), pod.addresses());
        all.push((
            Spot { name, host: pod.host().name().into(), own: addresses.clone(), addresses },
            pod.netns(),
        ));
    }
    for host in scene.lab.hosts() {
        let (name, addresses) = (host.name().to_owned(), host.addresses());
        all.push((
            Spot { host: name.clone(), name, addresses, own: host.all_addresses()? },
            host.netns(),
        ));
    }
    let _responders =
        all.iter().map(|(_, netns)| Responder::start(netns, PORT)).collect::<Result<Vec<_>>>()?;

    let pods = all.get(..scene.pods.len()).unwrap_or_default();
    let attempts = std::thread::scope(|scope| {
        let rounds: Vec<_> = all
            .iter()
            .enumerate()
            .map(|(index, (from, netns))| {
                // Between hosts there is the underlay only, which promises nothing of ours.
                let targets = if index < pods.len() { &all } else { pods };
                scope.spawn(move || reach_all(from, netns, targets))
            })
            .collect();
        let ended =
            rounds.into_iter().map(|round| round.join().map_err(|_| anyhow!("a probe panicked")));
        ended.collect::<Result<Vec<_>>>()
    })?
    .concat();

    let failures: Vec<_> = attempts.iter().filter_map(Attempt::failure).collect();
    let held = attempts.len() - failures.len();
    let summary =
        format!("{held} of {} connections arrived from the sender's own address", attempts.len());
    Ok(Shown { summary, text: matrix(&attempts).to_string(), failures })
}

fn reach_all(from: &Spot, netns: &Netns, all: &[(Spot, &Netns)]) -> Vec<Attempt> {
    let targets =
        all.iter().flat_map(|(to, _)| to.addresses.iter().map(move |target| (to, *target)));
    targets
        .map(|(to, target)| {
            let seen = probe::tcp(netns, SocketAddr::new(target, PORT), TIMEOUT);
            let outcome = seen.map(|seen| seen.source.ip()).map_err(|error| format!("{error:#}"));
            Attempt { from: from.clone(), to: to.clone(), target, outcome }
        })
        .collect()
}
