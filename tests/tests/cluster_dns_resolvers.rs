//! The resolvers that programs have, in pods, with what ADD told them.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::probe::dns::NameServer;
use pontoon_lab::{Lab, Pod};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::naming::leads_to;
use pontoon_tests::naming::resolver::{Program, Resolver};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::apply;
use pontoon_tests::services::stage::Stage;
use serde_json::{Value, json};

/// So often each of the names is looked up that every pod looks up all day.
const TIMES: usize = 200;
/// A lookup that lost one of its packets takes 2.5 (musl) or 5 seconds (glibc, Go).
const LONGEST: Duration = Duration::from_secs(1);

/// A service of those addresses, in a namespace.
fn fixed(name: &str, namespace: &str, ips: [&str; 2]) -> Value {
    let mut document = selecting(name, "web", 80, 8080);
    document["metadata"]["namespace"] = namespace.into();
    document["spec"]["clusterIPs"] = json!(ips);
    document
}

fn ips(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// What a service and names outside have.
struct Known {
    web: BTreeSet<IpAddr>,
    other: BTreeSet<IpAddr>,
    outside: BTreeSet<IpAddr>,
}

impl Known {
    /// In one pod, as often as it takes for a race to show.
    fn looked_up(&self, resolver: Resolver, program: &Program, pod: &Pod) -> Result<()> {
        let many = [("web", &self.web), ("www.example.test", &self.outside)];
        let few = [
            ("web.default.svc.cluster.local", &self.web),
            ("web.default.svc.cluster.local.", &self.web),
            ("web.other", &self.other),
            ("web.other.svc", &self.other),
            ("WEB.Other.svc.cluster.local", &self.other),
            ("www.example.test.", &self.outside),
        ];
        let many = many.into_iter().map(|(name, to)| (TIMES, name, to));
        for (times, name, to) in many.chain(few.into_iter().map(|(name, to)| (5, name, to))) {
            let found = program.look_up(pod, times, &[name])?;
            ensure!(found.len() == times, "{} lookups of {times}", found.len());
            let wrong = found.iter().find(|one| one.addresses != *to || one.took > LONGEST);
            ensure!(wrong.is_none(), "{wrong:?} in place of {to:?}");
            let longest = found.iter().map(|one| one.took).max().unwrap_or_default();
            eprintln!(
                "{resolver:?} in {}, {times} times {name}: the longest {longest:?}",
                pod.name()
            );
        }
        let nothing = ["nowhere", "web.nowhere.svc", "nowhere.example.test"];
        for found in program.look_up(pod, 2, &nothing)? {
            let is_nothing = found.addresses.is_empty() && !found.problem.is_empty();
            ensure!(is_nothing && found.took < LONGEST, "{found:?}");
        }
        Ok(())
    }
}

fn looks_up_all_there_is(resolver: Resolver) -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let Some(program) = Program::compile(resolver, Path::new(env!("CARGO_TARGET_TMPDIR")))? else {
        return Ok(());
    };
    let web = ["10.96.7.1", "fd00:10:96::71"];
    let other = ["10.96.7.2", "fd00:10:96::72"];
    let outside = ["192.0.2.80", "2001:db8::80"];
    // The resolvers of one node's pods walk along the search path themselves.
    let stage =
        Stage::configured(Lab::builder(), |lab| lab.host(1).configure("dns.autopath", false))?;
    let answers = outside.map(|ip| ("www.example.test", ip));
    let upstream = NameServer::start(stage.lab.outside().netns(), &answers)?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}});
    let services = [fixed("web", "default", web), fixed("web", "other", other)];
    apply(stage.host(1), &[&[namespace], &services[..]].concat())?;
    let known = Known { web: ips(&web), other: ips(&other), outside: ips(&outside) };
    for pod in ["web-1", "web-2"].map(|name| stage.pod(name)) {
        for (namespace, to) in [("default", &known.web), ("other", &known.other)] {
            let to: Vec<IpAddr> = to.iter().copied().collect();
            let name = format!("web.{namespace}.svc.cluster.local");
            eventually(SOON, || leads_to(pod.netns(), &name, &to))?;
        }
        known.looked_up(resolver, &program, pod)?;
        // Once for each type, however often it was looked up.
        let asked = upstream.take_asked();
        let count = asked.iter().filter(|(name, ..)| name == "www.example.test").count();
        ensure!(count == 2, "{count} questions for two types of one name: {asked:?}");
    }
    Ok(())
}

#[test]
fn glibc_gets_both_families_at_once_along_the_search_path() -> Result<()> {
    looks_up_all_there_is(Resolver::Glibc)
}

#[test]
fn musl_gets_both_families_at_once_along_the_search_path() -> Result<()> {
    looks_up_all_there_is(Resolver::Musl)
}

#[test]
fn go_gets_both_families_at_once_along_the_search_path() -> Result<()> {
    looks_up_all_there_is(Resolver::Go)
}
