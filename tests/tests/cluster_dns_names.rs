//! What names lead to on every node, and how they follow pods.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use pontoon_lab::Netns;
use pontoon_lab::probe::dns::{NameServer, RecordType};
use pontoon_lab::probe::http::HttpServer;
use pontoon_model::object::Kind;
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::naming::{asked, is_nothing, leads_to, of_service};
use pontoon_tests::services::documents::{selecting, service, with_spec};
use pontoon_tests::services::objects::{apply, cluster_ips, delete, label};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::{Value, json};

/// A pod on each of two nodes, and two nodes themselves.
const ASKING: [Position; 4] =
    [Position::PodNear, Position::PodFar, Position::NodeNear, Position::NodeFar];

/// Tries from everywhere until it holds.
fn everywhere(stage: &Stage, attempt: impl Fn(&Netns) -> Result<()>) -> Result<()> {
    ASKING.into_iter().try_for_each(|position| {
        let from = stage.netns(position);
        eventually(SOON, || attempt(from)).with_context(|| format!("from {position:?}"))
    })
}

fn headless(name: &str, app: &str) -> Value {
    let ports = json!([{"name": "pg", "port": 5432}]);
    service(name, json!({"clusterIP": "None", "selector": {"app": app}, "ports": ports}))
}

fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let digits: Vec<_> = format!("{:032x}", ip.to_bits()).chars().rev().collect();
            let digits: String = digits.into_iter().flat_map(|digit| [digit, '.']).collect();
            digits + "ip6.arpa"
        }
    }
}

fn dashed(ip: IpAddr) -> String {
    ip.to_string().replace(['.', ':'], "-")
}

fn same(what: &str, found: &[String], expected: &[String]) -> Result<()> {
    let mut expected = expected.to_vec();
    expected.sort();
    ensure!(found == expected, "{what} gives {found:?} in place of {expected:?}");
    Ok(())
}

#[test]
fn services_endpoints_ports_and_addresses_have_their_names_on_every_node() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let named = stage.host(2).pod("db-a").label("app", "db");
    let named = named.annotation("pontoon.net/hostname", "db-0");
    stage.add_silent(named.annotation("pontoon.net/subdomain", "db"))?;
    stage.add_silent(stage.host(3).pod("db-b").label("app", "db"))?;
    let aliased = json!({"pontoon": ["cache"]});
    stage.add_silent(stage.host(1).pod("redis").capability("aliases", aliased))?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080), headless("db", "db")])?;

    let vips = cluster_ips(stage.host(1), "web")?;
    let pods = |name: &str| stage.pod(name).addresses();
    let [a, b] = ["db-a", "db-b"].map(pods);
    let b_names: Vec<String> =
        b.iter().map(|ip| format!("{}.{}", dashed(*ip), of_service("db"))).collect();
    let db = of_service("db");
    everywhere(&stage, |from| {
        leads_to(from, &of_service("web"), &vips)?;
        leads_to(from, &db, &[&a[..], &b[..]].concat())?;
        leads_to(from, &format!("db-0.{db}"), &a)?;
        b.iter().zip(&b_names).try_for_each(|(ip, name)| leads_to(from, name, &[*ip]))?;
        leads_to(from, &of_service("cache"), &pods("redis"))?;
        for ip in pods("web-1") {
            leads_to(from, &format!("{}.default.pod.cluster.local", dashed(ip)), &[ip])?;
            leads_to(from, &format!("{}.{}", dashed(ip), of_service("web")), &[ip])?;
        }
        let srv = asked(from, &format!("_t80._tcp.{}", of_service("web")), RecordType::SRV)?;
        same("SRV of web", &srv.targets(RecordType::SRV), &[of_service("web")])?;
        ensure!(srv.records()[0].contains(" SRV 0 100 80 ") && srv.additional().len() == 2);
        let srv = asked(from, &format!("_pg._tcp.{db}"), RecordType::SRV)?;
        let targets = [&[format!("db-0.{db}")], &b_names[..]].concat();
        same("SRV of db", &srv.targets(RecordType::SRV), &targets)?;
        for (ips, name) in [(&vips, of_service("web")), (&a, format!("db-0.{db}"))] {
            for ip in ips {
                let ptr = asked(from, &reverse(*ip), RecordType::PTR)?;
                same(&reverse(*ip), &ptr.targets(RecordType::PTR), std::slice::from_ref(&name))?;
            }
        }
        for (ip, name) in b.iter().zip(&b_names) {
            let ptr = asked(from, &reverse(*ip), RecordType::PTR)?;
            same(&reverse(*ip), &ptr.targets(RecordType::PTR), std::slice::from_ref(name))?;
        }
        let version = asked(from, "dns-version.cluster.local", RecordType::TXT)?;
        ensure!(version.records() == ["dns-version.cluster.local 5 TXT 1.1.0"], "{version:?}");
        is_nothing(from, "web.other.svc.cluster.local")?;
        is_nothing(from, &format!("nobody.{db}"))
    })?;

    // What is gone has no name, and neither has its address.
    delete(stage.host(3), Kind::Service, &["web", "db"])?;
    let gone = pods("redis");
    stage.remove("redis")?;
    everywhere(&stage, |from| {
        for name in ["web", "db", "cache"] {
            is_nothing(from, &of_service(name))?;
        }
        for ip in vips.iter().chain(&gone).chain(&a) {
            ensure!(asked(from, &reverse(*ip), RecordType::PTR)?.is_denial(), "{ip} has a name");
        }
        let pod = gone.iter().map(|ip| format!("{}.default.pod.cluster.local", dashed(*ip)));
        pod.into_iter().try_for_each(|name| is_nothing(from, &name))
    })
}

#[test]
fn a_headless_name_follows_who_is_ready_and_who_is_selected() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let checked = stage.host(2).pod("checked").label("app", "db");
    let probe = "http:9999/healthz;period=200ms;failure=1";
    stage.add_silent(checked.annotation("pontoon.net/readiness", probe))?;
    stage.add_silent(stage.host(3).pod("plain").label("app", "db"))?;
    let published = json!({"publishNotReadyAddresses": true});
    let all = with_spec(headless("all", "db"), published);
    apply(stage.host(1), &[headless("db", "db"), all])?;
    let [checked, plain] = ["checked", "plain"].map(|pod| stage.pod(pod).addresses());
    let both = [&checked[..], &plain[..]].concat();
    let leads = |name: &str, to: &[IpAddr]| {
        everywhere(&stage, |from| leads_to(from, &of_service(name), to))
    };
    leads("db", &plain)?;
    leads("all", &both)?;
    let web = HttpServer::start(stage.pod("checked").netns(), "checked", 9999)?;
    leads("db", &both)?;
    web.set_healthy(false);
    leads("db", &plain)?;
    leads("all", &both)?;
    label(stage.host(1), "plain", "app", "other")?;
    // Nobody is ready: there is no such name, though there is the service.
    everywhere(&stage, |from| is_nothing(from, &of_service("db")))?;
    leads("all", &checked)?;
    web.set_healthy(true);
    leads("db", &checked)?;
    label(stage.host(2), "plain", "app", "db")?;
    leads("db", &both)
}

#[test]
fn an_external_name_leads_into_the_cluster_and_out_of_it() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let known = [
        ("www.example.test", "front.example.test"),
        ("front.example.test", "192.0.2.80"),
        ("front.example.test", "2001:db8::80"),
    ];
    let upstream = NameServer::start(stage.lab.outside().netns(), &known)?;
    let external = |name: &str, target: &str| {
        service(
            name,
            json!({"type": "ExternalName", "externalName": target, "ipFamilyPolicy": null}),
        )
    };
    apply(
        stage.host(2),
        &[
            selecting("web", "web", 80, 8080),
            external("in", &of_service("web")),
            external("out", "www.example.test"),
            external("far", &of_service("out")),
            external("none", "none.example.test"),
            external("ring", &of_service("ring-2")),
            external("ring-2", &of_service("ring")),
        ],
    )?;
    let vips = cluster_ips(stage.host(1), "web")?;
    let outside: [IpAddr; 2] = ["192.0.2.80".parse()?, "2001:db8::80".parse()?];
    everywhere(&stage, |from| {
        leads_to(from, &of_service("in"), &vips)?;
        leads_to(from, &of_service("out"), &outside)?;
        leads_to(from, &of_service("far"), &outside)?;
        let far = asked(from, &of_service("far"), RecordType::A)?;
        let links = [of_service("out"), "www.example.test".into(), "front.example.test".into()];
        same("far", &far.targets(RecordType::CNAME), &links)?;
        let none = asked(from, &of_service("none"), RecordType::A)?;
        same("none", &none.targets(RecordType::CNAME), &["none.example.test".to_owned()])?;
        ensure!(none.records().len() == 1 && !none.is_denial(), "{}", none.message);
        let ring = asked(from, &of_service("ring"), RecordType::A)?;
        ensure!(ring.addresses().is_empty() && !ring.records().is_empty(), "{}", ring.message);
        Ok(())
    })?;
    // Each node asked once and keeps it.
    let asked_for_front = upstream.take_asked().into_iter();
    let count = asked_for_front.filter(|(name, ..)| name == "www.example.test").count();
    ensure!(count <= 2 * 2, "{count} questions of two nodes for two types of one name");
    // A name is another's as soon as the store has it.
    apply(stage.host(3), &[external("out", &of_service("web"))])?;
    everywhere(&stage, |from| leads_to(from, &of_service("far"), &vips))
}
