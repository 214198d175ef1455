//! Names outside the cluster, asked for by pods: whom a node asks, and what it makes of their answers.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::dns::{
    Answer, Manner, NameServer, Over, Question, RecordType, ResponseCode, ask, resolve,
};
use pontoon_lab::{Lab, Pod};
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use pontoon_tests::naming::{asked, is_nothing, leads_to, of_service, servers};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::{apply, cluster_ips};

/// A node, a pod of it, and two upstreams: beyond the cluster and where etcd is.
struct Given {
    first: NameServer,
    second: NameServer,
    pod: Pod,
    lab: Lab,
}

const WWW: &str = "www.example.test";

impl Given {
    fn build(configure: impl FnOnce(&Lab) -> Result<()>) -> Result<Self> {
        let lab = Lab::builder().hosts(1).build()?;
        let host = lab.host(1);
        let upstreams = [lab.outside().addresses()[0], lab.etcd().addresses()[0]];
        host.configure("dns.forward.upstreams", upstreams)?;
        host.configure("dns.forward.policy", "ordered")?;
        let stubs = BTreeMap::from([("corp.test", [upstreams[1]])]);
        host.configure("dns.forward.stubs", stubs)?;
        configure(&lab)?;
        let many: Vec<_> = (1..=100).map(|n| format!("198.51.100.{n}")).collect();
        let mut names =
            vec![(WWW, "192.0.2.80"), (WWW, "2001:db8::80"), ("other.example.test", "192.0.2.81")];
        names.extend(many.iter().map(|ip| ("many.example.test", ip.as_str())));
        let first = NameServer::start(lab.outside().netns(), &names)?;
        names.push(("db.corp.test", "192.0.2.90"));
        let second = NameServer::start(lab.etcd().netns(), &names)?;
        lab.start(SOON)?;
        let pod = lab.host(1).add_pod("pod")?;
        Ok(Self { first, second, pod, lab })
    }

    fn asked(&self, name: &str) -> Result<Answer> {
        asked(self.pod.netns(), name, RecordType::A)
    }

    /// How often the upstreams were asked for a name, each.
    fn counts(&self, name: &str) -> [usize; 2] {
        [&self.first, &self.second].map(|upstream| {
            upstream.take_asked().iter().filter(|(asked, ..)| asked == name).count()
        })
    }
}

fn leads(answer: &Answer, to: &str) -> Result<()> {
    ensure!(answer.addresses() == [to.parse::<IpAddr>()?], "{}", answer.message);
    Ok(())
}

#[test]
fn a_domain_has_upstreams_of_its_own_and_others_stand_in_for_one_that_is_down() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build(|_| Ok(()))?;
    leads(&given.asked("db.corp.test")?, "192.0.2.90")?;
    ensure!(given.counts("db.corp.test") == [0, 1]);
    leads(&given.asked(WWW)?, "192.0.2.80")?;
    ensure!(given.counts(WWW) == [1, 0], "the first is asked first");
    // The next is asked while the client waits.
    for (manner, name) in
        [(Manner::Fails, "other.example.test"), (Manner::Silent, "none.example.test")]
    {
        given.first.set_manner(manner);
        let answer = resolve(given.pod.netns(), servers()[0], name, RecordType::A)?;
        ensure!(answer.code() != ResponseCode::ServFail, "{manner:?}: {}", answer.message);
        ensure!(given.counts(name)[1] == 1, "{manner:?}: the second was not asked for {name}");
    }
    given.first.set_manner(Manner::Answers);
    // Whoever is back is asked again.
    let mut number = 0;
    eventually(SOON, || {
        number += 1;
        let name = format!("back-{number}.example.test");
        ensure!(given.asked(&name)?.is_denial());
        ensure!(given.counts(&name) == [1, 0], "the second is asked still");
        Ok(())
    })
}

#[test]
fn what_is_cut_is_asked_for_over_tcp_and_letters_come_back_as_they_went() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build(|_| Ok(()))?;
    let cut = given.asked("many.example.test")?;
    ensure!(cut.is_cut() && cut.length <= 1232, "{} bytes", cut.length);
    let whole = resolve(given.pod.netns(), servers()[0], "many.example.test", RecordType::A)?;
    ensure!(whole.addresses().len() == 100, "{}", whole.message);
    let asked: Vec<Over> = given.first.take_asked().iter().map(|(.., over)| *over).collect();
    ensure!(asked == [Over::Udp, Over::Tcp], "{asked:?}");

    for spelling in ["wWw.ExAmPlE.tEsT.", "WWW.example.TEST."] {
        let answer = given.asked(spelling)?;
        leads(&answer, "192.0.2.80")?;
        let message = &answer.message;
        let names = [message.queries[0].name(), &message.answers[0].name];
        for name in names.map(ToString::to_string) {
            ensure!(name == spelling, "{name} in place of {spelling}");
        }
    }
    Ok(())
}

#[test]
fn what_was_kept_is_given_while_upstreams_are_silent() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build(|lab| {
        lab.host(1).configure("dns.forward.cache.success-ttl", "1s")?;
        lab.host(1).configure("dns.forward.cache.stale-after", "300ms")
    })?;
    leads(&given.asked(WWW)?, "192.0.2.80")?;
    ensure!(given.counts(WWW) == [1, 0]);
    for upstream in [&given.first, &given.second] {
        upstream.set_manner(Manner::Silent);
    }
    // Behind its second it is asked for anew, in vain.
    let began = Instant::now();
    eventually(SOON, || {
        let answer = given.asked(WWW)?;
        leads(&answer, "192.0.2.80")?;
        ensure!(given.counts(WWW) != [0, 0], "it is from the cache's first second");
        Ok(())
    })?;
    ensure!(began.elapsed() > Duration::from_millis(500), "it was not kept for a second");
    // What was never known fails.
    let unknown = resolve(given.pod.netns(), servers()[0], "new.example.test", RecordType::A);
    ensure!(unknown.map_or(true, |answer| answer.code() == ResponseCode::ServFail));
    given.first.set_manner(Manner::Answers);
    eventually(SOON, || leads(&given.asked("other.example.test")?, "192.0.2.81"))
}

#[test]
fn a_denial_ends_when_its_name_is_made_wherever_it_was_denied() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build(|_| Ok(()))?;
    let (host, from) = (given.lab.host(1), given.pod.netns());
    let late = of_service("late");
    // Along the search path, too, where upstreams deny it for five seconds.
    let walk = [late.clone(), format!("{late}.default.svc.cluster.local"), "late".to_owned()];
    for name in &walk {
        is_nothing(from, name)?;
        is_nothing(from, name)?;
    }
    apply(host, &[selecting("late", "web", 80, 8080)])?;
    let ips = cluster_ips(host, "late")?;
    // Not behind the apply, which is done once the store has it, but long before five seconds.
    let began = Instant::now();
    eventually(Duration::from_secs(2), || {
        leads_to(from, &walk[0], &ips)?;
        leads_to(from, &walk[1], &ips).context("along the search path")
    })?;
    eprintln!("the denial ended {:?} behind the apply", began.elapsed());
    is_nothing(from, &walk[2])
}

#[test]
fn records_of_a_nodes_own_go_before_what_upstreams_say() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let given = Given::build(|lab| {
        let hosts = BTreeMap::from([
            (WWW, vec!["192.0.2.7", "2001:db8::7"]),
            ("registry.test", vec!["192.0.2.8"]),
        ]);
        lab.host(1).configure("dns.hosts", hosts)
    })?;
    let from = given.pod.netns();
    leads_to(from, WWW, &["192.0.2.7".parse()?, "2001:db8::7".parse()?])?;
    leads_to(from, "Registry.Test", &["192.0.2.8".parse()?])?;
    // As a program of a pod asks first, with a search path, once the store knows the pod.
    let searched = format!("{WWW}.default.svc.cluster.local");
    eventually(SOON, || leads(&given.asked(&searched)?, "192.0.2.7"))?;
    let question = Question::new("registry.test", RecordType::AAAA);
    let none = ask(from, servers()[0], Over::Tcp, &question, SOON).ok().context("no answer")?;
    ensure!(none.code() == ResponseCode::NoError && none.records().is_empty(), "{}", none.message);
    ensure!(given.counts(WWW) == [0, 0] && given.counts("registry.test") == [0, 0]);
    leads(&given.asked("other.example.test")?, "192.0.2.81")
}

#[test]
fn a_node_follows_its_hosts_resolv_conf() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1))?;
    let host = lab.host(1);
    let pod = host.add_pod("pod")?;
    let first = NameServer::start(lab.outside().netns(), &[(WWW, "192.0.2.80")])?;
    let second = NameServer::start(lab.etcd().netns(), &[("other.example.test", "192.0.2.81")])?;
    leads(&asked(pod.netns(), WWW, RecordType::A)?, "192.0.2.80")?;
    host.set_resolv_conf(&format!("nameserver {}\n", lab.etcd().addresses()[0]))?;
    let mut number = 0;
    eventually(SOON, || {
        number += 1;
        let name = format!("name-{number}.example.test");
        asked(pod.netns(), &name, RecordType::A)?;
        let asked = second.take_asked().into_iter().any(|(asked, ..)| asked == name);
        ensure!(asked, "the new upstream was not asked for {name}");
        Ok(())
    })?;
    drop(first);
    leads(&asked(pod.netns(), "other.example.test", RecordType::A)?, "192.0.2.81")
}
