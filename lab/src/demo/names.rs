//! A pod finds the service by its name, and whoever serves it answers there.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::web::{self, BLUE, Client, GREEN};
use super::{Scene, Shown};
use crate::pod::Pod;
use crate::probe::dns::{RecordType, resolve};

/// The port of DNS.
const DNS: u16 = 53;
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn show(scene: &mut Scene) -> Result<Shown> {
    ask(scene, BLUE)
}

pub(super) fn show_again(scene: &mut Scene) -> Result<Shown> {
    ask(scene, GREEN)
}

/// Asks from a pod of the last host for what was applied at the first.
fn ask(scene: &Scene, track: &str) -> Result<Shown> {
    let pod = scene.pods.last().context("no pod")?;
    let web = scene.web.as_ref().context("no earlier stage has made a service")?;
    let serving = web::names(&web::pods(web::first(scene)?, track)?);
    let name = name(pod)?;
    let began = Instant::now();
    let found = addresses(pod, &name)?;
    let took = began.elapsed();

    let mut expected = web::cluster_ips(&web.service);
    expected.sort();
    let mut failures: Vec<String> =
        wrong(pod.name(), &name, &found, &expected).into_iter().collect();
    let (client, mut answers) = (of(pod), Vec::new());
    for ip in &found {
        match client.ask((*ip, web::PORT).into(), TIMEOUT) {
            Ok(who) if serving.contains(&who) => answers.push(who),
            Ok(who) => {
                failures.push(format!("{who} is not {track} and answered at http://{name}/"))
            }
            Err(error) => failures.push(format!("http://{name}/: {error:#}")),
        }
    }
    answers.dedup();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let summary = format!(
        "pod {} on {} found {name} at {} in {:.1} ms; http://{name}/ was answered by {}",
        pod.name(),
        pod.host().name(),
        found.join(" and "),
        took.as_secs_f64() * 1e3,
        answers.join(" and "),
    );
    Ok(Shown { summary, failures, ..Shown::default() })
}

/// What the pod's resolver asks for first, when a program of the pod says `web`.
fn name(pod: &Pod) -> Result<String> {
    let searched = pod.result().pointer("/dns/search/0").and_then(|domain| domain.as_str());
    let searched = searched.with_context(|| format!("{} was told no search list", pod.name()))?;
    Ok(format!("{}.{searched}", web::NAME))
}

/// What the pod's name servers, which ADD told it, answer: both types, sorted.
fn addresses(pod: &Pod, name: &str) -> Result<Vec<IpAddr>> {
    let servers = pod.result().pointer("/dns/nameservers").and_then(|list| list.as_array());
    let mut found = Vec::new();
    for server in servers.into_iter().flatten().filter_map(|server| server.as_str()) {
        let server = server.parse().with_context(|| format!("{server:?} is no address"))?;
        for rtype in [RecordType::A, RecordType::AAAA] {
            let answer = resolve(pod.netns(), SocketAddr::new(server, DNS), name, rtype)?;
            found.extend(answer.addresses());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn of(pod: &Pod) -> Client {
    Client { name: format!("pod {}", pod.name()), netns: pod.netns().clone(), targets: Vec::new() }
}

/// The name must lead to the service and to nothing else.
fn wrong(pod: &str, name: &str, found: &[IpAddr], expected: &[IpAddr]) -> Option<String> {
    (found != expected).then(|| {
        format!(
            "pod {pod} found {name} at {found:?} in place of {expected:?}; hint: `pontoon status` on its \
             host, and `pontoon get service {} -o yaml`",
            web::NAME
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_elsewhere_is_told_with_what_it_should_lead_to() {
        let ips = ["10.96.0.7", "fd00::7"].map(|ip| ip.parse().unwrap());
        let name = "web.default.svc.cluster.local";
        assert_eq!(wrong("b-3", name, &ips, &ips), None);
        let said = wrong("b-3", name, &ips[..1], &ips).unwrap();
        let begin = "pod b-3 found web.default.svc.cluster.local at [10.96.0.7] in place of [10.96.0.7, fd00::7]; hint:";
        assert!(said.starts_with(begin), "{said}");
    }
}
