//! Every pod reaches every pod and every host, and is seen at its own address.

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
    let pods: Vec<(Spot, &Netns)> = scene
        .pods
        .iter()
        .map(|pod| {
            let name = format!("pod {}", pod.name());
            (Spot { name, host: pod.host().name().into(), addresses: pod.addresses() }, pod.netns())
        })
        .collect();
    let hosts = scene.lab.hosts().iter().map(|host| {
        let (name, addresses) = (host.name().to_owned(), host.addresses());
        (Spot { host: name.clone(), name, addresses }, host.netns())
    });
    let all: Vec<_> = pods.iter().cloned().chain(hosts).collect();
    let _responders =
        all.iter().map(|(_, netns)| Responder::start(netns, PORT)).collect::<Result<Vec<_>>>()?;

    let attempts = std::thread::scope(|scope| {
        let (pods, all) = (&pods, &all);
        let rounds: Vec<_> = pods
            .iter()
            .map(|(from, netns)| scope.spawn(move || reach_all(from, netns, all)))
            .collect();
        let ended =
            rounds.into_iter().map(|round| round.join().map_err(|_| anyhow!("a probe panicked")));
        ended.collect::<Result<Vec<_>>>()
    })?
    .concat();

    let failures: Vec<_> = attempts.iter().filter_map(Attempt::failure).collect();
    let held = attempts.len() - failures.len();
    let summary =
        format!("{held} of {} connections arrived from the pod's own address", attempts.len());
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
