//! Blue/green, canary and rolling replacement under constant load from HTTP clients: no request is
//! lost.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::http::{Connections, HttpLoad, HttpReport, HttpServer};
use pontoon_lab::{Lab, Pod};
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use pontoon_tests::services::clients::{Curl, Hyper};
use pontoon_tests::services::documents::{service, with_spec};
use pontoon_tests::services::objects::{apply, label, node_port, vips};
use serde_json::{Value, json};

/// Between two requests of a client.
const INTERVAL: Duration = Duration::from_millis(20);
/// Some hundreds of requests are made in it.
const WHILE: Duration = Duration::from_millis(700);

/// A pod with a web server.
struct Web {
    pod: Pod,
    server: HttpServer,
}

fn web(lab: &Lab, host: usize, name: &str, labels: &[(&str, &str)], page: &str) -> Result<Web> {
    let mut pod = lab.host(host).pod(name);
    for (key, value) in labels {
        pod = pod.label(key, value);
    }
    let pod = pod.annotation("pontoon.net/readiness", "http:8080/healthz;period=200ms").add()?;
    // A program that takes its time to start.
    std::thread::sleep(Duration::from_millis(300));
    let server = HttpServer::start(pod.netns(), page, 8080)?;
    Ok(Web { pod, server })
}

fn shop(selector: &Value) -> Value {
    let ports = json!([{"name": "http", "port": 80, "targetPort": 8080}]);
    service("shop", json!({"type": "NodePort", "selector": selector, "ports": ports}))
}

/// Everybody who asks: pods on both nodes over the cluster IPs, and outside over node ports.
struct Crowd {
    kept: Vec<HttpLoad>,
    single: Vec<HttpLoad>,
    curl: Option<Curl>,
    hyper: Hyper,
}

impl Crowd {
    fn gather(lab: &Lab, pods: &[&Pod]) -> Result<Self> {
        let vips = vips(lab.host(1), "shop", 80)?;
        let port = node_port(lab.host(1), "shop", 80, "TCP")?;
        let at_node = SocketAddr::new(lab.host(2).addresses()[0], port);
        let mut from: Vec<_> =
            pods.iter().map(|pod| pod.netns()).zip(vips.iter().copied()).collect();
        from.push((lab.outside().netns(), at_node));
        for (netns, to) in &from {
            eventually(SOON, || {
                let page = pontoon_lab::probe::http::get(netns, *to, "/", Duration::from_secs(1))?;
                ensure!(page.0 == 200, "{page:?}");
                Ok(())
            })?;
        }
        let start = |connections| {
            from.iter().map(move |(n, to)| HttpLoad::start(n, *to, connections, 2, INTERVAL))
        };
        Ok(Self {
            kept: start(Connections::Kept).collect(),
            single: start(Connections::PerRequest).collect(),
            curl: Curl::start(pods[0], vips[0])?,
            hyper: Hyper::start(pods[1].netns(), vips[1], INTERVAL),
        })
    }

    /// Who has answered new connections since the last time; none may have failed.
    fn answers(&self) -> Result<BTreeMap<String, u64>> {
        merge(self.single.iter().map(HttpLoad::take))
    }

    /// Who has answered on kept connections since the last time; none may have failed.
    fn answers_on_kept(&self) -> Result<BTreeMap<String, u64>> {
        merge(self.kept.iter().map(HttpLoad::take))
    }

    fn dismiss(self) -> Result<()> {
        let mut reports = Vec::new();
        for load in self.kept.into_iter().chain(self.single) {
            reports.push(load.stop()?);
        }
        let hyper = self.hyper.stop()?;
        eprintln!("hyper: {} requests, {:?}", hyper.requests, hyper.by_server);
        ensure!(hyper.requests > 50, "hyper: {hyper:?}");
        reports.push(hyper);
        if let Some(curl) = self.curl {
            let curl = curl.stop()?;
            eprintln!("curl: {} requests, {:?}", curl.requests, curl.by_server);
            ensure!(curl.requests > 20, "curl: {curl:?}");
            reports.push(curl);
        }
        merge(reports).map(drop)
    }
}

fn merge(reports: impl IntoIterator<Item = HttpReport>) -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for report in reports {
        ensure!(report.failed == 0, "requests were lost: {report:?}");
        for (page, count) in report.by_server {
            *all.entry(page).or_default() += count;
        }
    }
    Ok(all)
}

#[test]
fn blue_green_is_one_change_of_a_selector_and_loses_no_request() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let mut webs = Vec::new();
    for (number, color) in [(1, "blue"), (2, "blue"), (1, "green"), (2, "green")] {
        let name = format!("{color}-{number}");
        webs.push(web(&lab, number, &name, &[("app", "shop"), ("color", color)], color)?);
    }
    apply(lab.host(1), &[shop(&json!({"app": "shop", "color": "blue"}))])?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let crowd = Crowd::gather(&lab, &[&near, &far])?;
    for color in ["green", "blue", "green"] {
        apply(lab.host(2), &[shop(&json!({"app": "shop", "color": color}))])?;
        // What was under way when the change came is done by then.
        std::thread::sleep(Duration::from_millis(500));
        crowd.answers().context("during the change")?;
        std::thread::sleep(WHILE);
        let answers = crowd.answers()?;
        ensure!(answers.keys().eq([color]) && answers[color] > 50, "{answers:?} behind {color}");
    }
    // Kept connections stay until their server ends them.
    ensure!(crowd.answers_on_kept()?.contains_key("blue"));
    for web in webs.iter().filter(|web| web.pod.name().starts_with("blue")) {
        web.server.drain();
    }
    std::thread::sleep(WHILE);
    crowd.answers_on_kept()?;
    std::thread::sleep(WHILE);
    let answers = crowd.answers_on_kept()?;
    ensure!(answers.keys().eq(["green"]), "{answers:?} behind the drain");
    crowd.dismiss()
}

#[test]
fn a_rolling_replacement_beside_a_canary_loses_no_request() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let pod = |host: usize, name: &str, page: &str| {
        web(&lab, host, name, &[("app", "shop"), ("live", "yes")], page)
    };
    let mut old = vec![pod(1, "old-1", "old")?, pod(2, "old-2", "old")?];
    let selector = json!({"app": "shop", "live": "yes"});
    apply(lab.host(1), &[shop(&selector)])?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let crowd = Crowd::gather(&lab, &[&near, &far])?;

    // A canary is another set of pods behind the same selector.
    let canary = pod(2, "canary-1", "canary")?;
    eventually(SOON, || {
        let answers = crowd.answers()?;
        ensure!(answers.contains_key("canary") && answers.contains_key("old"), "{answers:?}");
        Ok(())
    })?;
    retire(&lab, &crowd, canary, "canary")?;

    for (number, retired) in [(1, "old-1"), (2, "old-2")] {
        let name = format!("new-{number}");
        let new = pod(number, &name, &name)?;
        // In once it is ready, and then the other may go.
        eventually(SOON, || {
            let answers = crowd.answers()?;
            ensure!(answers.contains_key(&name), "{answers:?}");
            Ok(())
        })?;
        let web = old.remove(0);
        ensure!(web.pod.name() == retired);
        retire(&lab, &crowd, web, retired)?;
        old.push(new);
    }
    crowd.answers()?;
    std::thread::sleep(WHILE);
    let answers = crowd.answers()?;
    ensure!(answers.keys().eq(["new-1", "new-2"]), "{answers:?}");
    // Some options of a service change without a trace.
    let sticky = json!({"sessionAffinity": "ClientIP"});
    apply(lab.host(2), &[with_spec(shop(&selector), sticky)])?;
    std::thread::sleep(WHILE);
    crowd.answers()?;
    crowd.dismiss()
}

/// Out of the selector, drained, and then removed, as a controller does it.
fn retire(lab: &Lab, crowd: &Crowd, web: Web, name: &str) -> Result<()> {
    label(lab.host(1), web.pod.name(), "live", "no")?;
    // Until every node has heard of it: nobody sends new connections then.
    let served = || {
        let before = web.server.served();
        std::thread::sleep(Duration::from_millis(300));
        web.server.served() - before
    };
    web.server.drain();
    eventually(SOON, || {
        let (open, more) = (web.server.connections(), served());
        ensure!(open == 0 && more == 0, "{name} has {open} connections and served {more} more");
        Ok(())
    })?;
    crowd.answers().with_context(|| format!("while {name} was retired"))?;
    crowd.answers_on_kept().with_context(|| format!("while {name} was retired"))?;
    drop(web.server);
    web.pod.remove()
}
