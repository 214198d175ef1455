//! Node ports, external addresses and load balancers, from everywhere.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::{Host, Lab, Netns, probe};
use pontoon_model::service::Protocol;
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::services::documents::{behind, selecting, with_spec};
use pontoon_tests::services::matrix::Expect::{Any, Dropped, NoAnswer, Own, Rejected};
use pontoon_tests::services::matrix::{BOTH, Expects, Row, TCP, UDP, check};
use pontoon_tests::services::objects::{apply, label, node_port, vips};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

const WEB: &[&str] = &["web-1", "web-2"];
const NEAR: &[&str] = &["web-1"];
const EVERYWHERE: Expects = [Any(WEB), Any(WEB), Any(WEB), Any(WEB), Any(WEB)];

fn at(addresses: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
}

fn row(rule: &'static str, to: Vec<SocketAddr>, expect: Expects) -> Row {
    Row { rule, protocols: BOTH, to, target: 8080, expect }
}

/// Rows for TCP and UDP, whose node ports may differ.
fn at_node(rule: &'static str, service: &str, node: &Host, expect: Expects) -> Result<[Row; 2]> {
    let of = |protocols, name| -> Result<Row> {
        let to = at(&node.addresses(), node_port(node, service, 80, name)?);
        Ok(Row { protocols, ..row(rule, to, expect) })
    };
    Ok([of(TCP, "TCP")?, of(UDP, "UDP")?])
}

#[test]
fn a_node_port_leads_to_the_endpoints_that_its_policy_allows() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::configured(Lab::builder(), |lab| {
        let v4 = format!("{}/32", lab.host(2).addresses()[0]);
        lab.host(2).configure("node.node-port-addresses", [v4])
    })?;
    let host = stage.host(1);
    let with = |name, more| with_spec(selecting(name, "web", 80, 8080), more);
    apply(
        host,
        &[
            with("ports", json!({"type": "NodePort"})),
            with("local", json!({"type": "NodePort", "externalTrafficPolicy": "Local"})),
        ],
    )?;
    let mut rows = Vec::new();
    let (first, second, third) = (stage.host(1), stage.host(2), stage.host(3));
    rows.extend(at_node("NodePort beside an endpoint", "ports", first, EVERYWHERE)?);
    rows.extend(at_node("NodePort where no endpoint is", "ports", third, EVERYWHERE)?);
    // From inside, Local is no restriction: pods anywhere, and a node at its own port.
    let beside = [Any(WEB), Any(WEB), Any(WEB), Own(NEAR), Own(NEAR)];
    let without = [Any(WEB), Any(WEB), Dropped, Any(WEB), Dropped];
    rows.extend(at_node("NodePort Local beside an endpoint", "local", first, beside)?);
    rows.extend(at_node("NodePort Local where no endpoint is", "local", third, without)?);
    for mut of_second in at_node("nodePortAddresses", "ports", second, EVERYWHERE)? {
        let v6 = of_second.to.split_off(1);
        rows.push(of_second.clone());
        rows.push(Row { to: v6, expect: [Rejected; 5], ..of_second });
    }
    // A port of a node that is no node port is the node's own business.
    rows.push(row("another port", at(&first.addresses(), 29_999), [Rejected; 5]));
    check(&stage, &rows)
}

#[test]
fn external_and_load_balancer_addresses_answer_whom_they_may() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(2);
    let pair = |last: u8| -> Vec<IpAddr> {
        vec![[203, 0, 113, last].into(), format!("2001:db8::{last:x}").parse().unwrap()]
    };
    for range in ["203.0.113.0/24", "2001:db8::/64"] {
        stage.lead(range, 1)?;
    }
    // Addresses of the same local service, one led to a node with an endpoint, one to one without.
    for range in ["203.0.113.21/32", "2001:db8::15/128"] {
        stage.lead(range, 3)?;
    }
    let with = |name, more| with_spec(selecting(name, "web", 80, 8080), more);
    let balanced = |name| with(name, json!({"type": "LoadBalancer"}));
    let local = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local"});
    let [v4, v6] = [0, 1].map(|family| stage.lab.outside().addresses()[family]);
    let from_outside =
        json!({"loadBalancerSourceRanges": [format!("{v4}/32"), format!("{v6}/128")]});
    let from_pods = json!({"loadBalancerSourceRanges": ["10.244.0.0/16", "fd00:10:244::/48"]});
    apply(
        host,
        &[
            with("external", json!({"externalIPs": pair(10)})),
            behind(balanced("proxied"), &pair(30), "Proxy"),
            behind(with("local", local), &[pair(20), pair(21)].concat(), "VIP"),
            behind(with_spec(balanced("outsiders"), from_outside), &pair(40), "VIP"),
            behind(with_spec(balanced("insiders"), from_pods), &pair(41), "VIP"),
            behind(balanced("balanced"), &pair(50), "VIP"),
        ],
    )?;
    let outsiders = [Dropped, Dropped, Dropped, Dropped, Any(WEB)];
    let insiders = [Any(WEB), Any(WEB), Dropped, Dropped, Dropped];
    let beside = [Any(WEB), Any(WEB), Any(WEB), Any(WEB), Own(NEAR)];
    let without = [Any(WEB), Any(WEB), Any(WEB), Any(WEB), Dropped];
    let rows = [
        row("external IP", at(&pair(10), 80), EVERYWHERE),
        row("load balancer", at(&pair(50), 80), EVERYWHERE),
        row("load balancer Local beside an endpoint", at(&pair(20), 80), beside),
        row("load balancer Local where no endpoint is", at(&pair(21), 80), without),
        row("source ranges of outside", at(&pair(40), 80), outsiders),
        row("source ranges of pods", at(&pair(41), 80), insiders),
        // Source ranges are for the load balancer's addresses alone.
        row("cluster IP beside source ranges", vips(host, "outsiders", 80)?, EVERYWHERE),
        row("ipMode Proxy", at(&pair(30), 80), [NoAnswer; 5]),
    ];
    check(&stage, &rows)
}

#[test]
fn a_health_check_port_tells_load_balancers_where_endpoints_are() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let spec = json!({
        "type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31_999,
    });
    apply(stage.host(2), &[with_spec(selecting("web", "web", 80, 8080), spec)])?;
    let outside = stage.netns(Position::Outside);
    let says = |node: usize, status: u16, endpoints: u64| {
        eventually(SOON, || health(outside, stage.host(node), status, endpoints))
    };
    says(1, 200, 1)?;
    says(2, 200, 1)?;
    says(3, 503, 0)?;
    label(stage.host(2), "web-1", "app", "other")?;
    says(1, 503, 0)?;
    says(2, 200, 1)?;
    // It is no port of the service.
    let at = SocketAddr::new(stage.host(2).addresses()[0], 31_999);
    let asked = probe::ask(outside, Protocol::Udp, at, Duration::from_secs(1))?;
    ensure!(asked.reply.name().is_none(), "{asked:?}");
    Ok(())
}

fn health(from: &Netns, node: &Host, status: u16, endpoints: u64) -> Result<()> {
    for ip in node.addresses() {
        let at = SocketAddr::new(ip, 31_999);
        let (code, body) = probe::http::get(from, at, "/healthz", Duration::from_secs(2))?;
        let said: serde_json::Value = serde_json::from_str(&body)?;
        ensure!(code == status && said["localEndpoints"] == endpoints, "{at}: {code} {body}");
        ensure!(said["service"]["name"] == "web", "{body}");
    }
    Ok(())
}
