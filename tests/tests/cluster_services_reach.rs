//! Cluster IPs, from everywhere: who answers, who is seen, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::probe::{self, Identity, Reply};
use pontoon_model::service::Protocol;
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use pontoon_tests::services::documents::{selecting, service, tcp_and_udp, with_spec};
use pontoon_tests::services::matrix::Expect::{Any, Dropped, Own, Refused, Rejected};
use pontoon_tests::services::matrix::{BOTH, Row, TCP, UDP, check};
use pontoon_tests::services::objects::{apply, node_port, vips};
use pontoon_tests::services::spread::only;
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

const WEB: &[&str] = &["web-1", "web-2"];

#[test]
fn a_cluster_ip_leads_to_its_endpoints_and_every_other_port_and_address_is_refused() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    // Nobody's endpoint: services select pods of their own namespace.
    let stranger = stage.host(1).pod("stranger").namespace("other").label("app", "web");
    stage.add(stranger)?;
    let host = stage.host(2);
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            with_spec(
                selecting("empty-local", "nobody", 80, 8080),
                json!({"internalTrafficPolicy": "Local"}),
            ),
            selecting("web", "web", 80, 8080),
            service(
                "several",
                json!({"selector": {"app": "web"}, "ports": [
                    {"name": "one", "port": 80, "protocol": "TCP", "targetPort": 9090},
                    {"name": "two", "port": 80, "protocol": "UDP", "targetPort": 8080},
                    {"name": "three", "port": 8080, "protocol": "TCP"},
                ]}),
            ),
            with_spec(
                selecting("one-family", "web", 80, 8080),
                json!({"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv6"]}),
            ),
            // The last, so that a node that knows it knows all.
            with_spec(
                selecting("local", "web", 80, 8080),
                json!({"internalTrafficPolicy": "Local"}),
            ),
        ],
    )?;
    let at = |name: &str, port| vips(host, name, port);
    let one_family = at("one-family", 80)?;
    ensure!(one_family.len() == 1 && one_family[0].is_ipv6(), "{one_family:?}");
    ensure!(at("web", 80)?.len() == 2, "{:?}", at("web", 80)?);
    let unallocated: Vec<SocketAddr> =
        vec!["10.96.255.77:80".parse()?, "[fd00:10:96::ff77]:80".parse()?];
    let row = |rule, protocols, to: Vec<SocketAddr>, target, expect| Row {
        rule,
        protocols,
        to,
        target,
        expect,
    };
    let cluster_ip = [Own(WEB), Own(WEB), Own(WEB), Own(WEB), Any(WEB)];
    let near = &["web-1"];
    //                                    pod near   pod far  node       other node  outside, by way of the first node
    let local = [Own(near), Dropped, Own(near), Dropped, Any(near)];
    let rows = [
        row("ClusterIP", BOTH, at("web", 80)?, 8080, cluster_ip),
        row("TCP of one number", TCP, at("several", 80)?, 9090, cluster_ip),
        row("UDP of the same number", UDP, at("several", 80)?, 8080, cluster_ip),
        row("a port without target", TCP, at("several", 8080)?, 8080, cluster_ip),
        row("one family", BOTH, one_family, 8080, cluster_ip),
        row("internalTrafficPolicy Local", BOTH, at("local", 80)?, 8080, local),
        row("no endpoints", BOTH, at("empty", 80)?, 0, [Refused; 5]),
        row("no endpoints, Local", BOTH, at("empty-local", 80)?, 0, [Refused; 5]),
        row("wrong port", BOTH, at("web", 99)?, 0, [Rejected; 5]),
        row("TCP alone", UDP, at("several", 8080)?, 0, [Rejected; 5]),
        row("unallocated", BOTH, unallocated, 0, [Rejected; 5]),
    ];
    check(&stage, &rows)
}

#[test]
fn a_pod_reaches_itself_and_pods_may_name_ports_differently() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let named = |port: &str| format!("http={port}");
    for (host, name, port) in [(1, "named-1", "8080"), (3, "named-2", "9090")] {
        let pod = stage.host(host).pod(name).label("app", "named");
        stage.add(pod.annotation("pontoon.net/ports", &named(port)))?;
    }
    let alone = stage.host(1).pod("alone").label("app", "alone");
    stage.add(alone)?;
    let host = stage.host(3);
    let spec = json!({"selector": {"app": "named"}, "ports": tcp_and_udp(80, "http")});
    let node_ports = json!({"type": "NodePort"});
    apply(
        host,
        &[service("named", spec), with_spec(selecting("alone", "alone", 80, 8080), node_ports)],
    )?;
    let names = &["named-1", "named-2"];
    for to in vips(host, "named", 80)? {
        // Over TCP alone: `pontoon.net/ports` names TCP ports unless told otherwise.
        let mut seen = std::collections::BTreeMap::new();
        eventually(SOON, || {
            for _ in 0..20 {
                let asked = probe::ask(stage.pod("alone").netns(), Protocol::Tcp, to, SOON)?;
                let Reply::Answered(answer) = asked.reply else {
                    anyhow::bail!("{to}: {asked:?}");
                };
                seen.insert(answer.name, answer.local.port());
            }
            ensure!(names.iter().all(|name| seen.contains_key(*name)), "{to}: {seen:?}");
            Ok(())
        })?;
        ensure!(seen["named-1"] == 8080 && seen["named-2"] == 9090, "{to}: {seen:?}");
    }

    let mut itself = vips(host, "alone", 80)?;
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let port = node_port(host, "alone", 80, &protocol.to_string())?;
        itself.retain(|to| to.port() == 80);
        itself.extend(stage.host(1).addresses().into_iter().map(|ip| SocketAddr::new(ip, port)));
        for to in &itself {
            eventually(SOON, || {
                let netns = stage.pod("alone").netns();
                let asked = probe::ask(netns, protocol, *to, Duration::from_secs(1))?;
                ensure!(asked.reply.name() == Some("alone"), "{to}/{protocol}: {asked:?}");
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Fragments and full segments, to endpoints here and behind the overlay.
#[test]
fn large_datagrams_and_long_streams_pass() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(1);
    let spec = json!({"type": "NodePort"});
    apply(host, &[with_spec(selecting("web", "web", 80, 8080), spec)])?;
    for position in Position::ALL {
        let node = SocketAddr::new(host.addresses()[0], node_port(host, "web", 80, "UDP")?);
        let from = stage.netns(position);
        let mut targets = vips(host, "web", 80)?;
        targets.push(node);
        for to in targets {
            only(SOON, from, Protocol::Udp, to, WEB)?;
            let said = |what| format!("{what} from {position:?} to {to}");
            for _ in 0..4 {
                from.run(|| large_datagram(to))?.with_context(|| said("a datagram"))?;
            }
        }
        for to in vips(host, "web", 80)? {
            for _ in 0..4 {
                let sent = probe::connect(from, to, SOON).and_then(long_stream);
                sent.with_context(|| format!("a stream from {position:?} to {to}"))?;
            }
        }
    }
    Ok(())
}

/// A sender is told by ICMP that the way is narrower than its own link, once for each way.
fn large_datagram(to: SocketAddr) -> Result<()> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut said = None;
    for _ in 0..3 {
        match socket.send(&[0; 5000]).and_then(|_| socket.recv(&mut [0; 256])) {
            Ok(_) => return Ok(()),
            Err(error) => said = Some(error),
        }
    }
    Err(said.context("nothing was tried")?.into())
}

fn long_stream(mut stream: TcpStream) -> Result<()> {
    stream.set_read_timeout(Some(SOON))?;
    let mut byte = [0];
    while byte != [b'\n'] {
        stream.read_exact(&mut byte)?;
    }
    let (block, mut echo) = (vec![7; 16 << 10], vec![0; 16 << 10]);
    for _ in 0..32 {
        stream.write_all(&block)?;
        stream.read_exact(&mut echo)?;
        ensure!(echo == block, "the stream came back otherwise");
    }
    Ok(())
}

#[test]
fn one_host_of_one_family_without_etcd_has_services_and_finds_them_again() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded().dual_stack(false))?;
    let host = lab.host(1);
    let web = host.pod("web").label("app", "web").add()?;
    let client = host.add_pod("client")?;
    let _web = Identity::start(web.netns(), "web", &[8080])?;
    let spec = json!({"ipFamilyPolicy": "PreferDualStack"});
    apply(host, &[with_spec(selecting("web", "web", 80, 8080), spec)])?;
    let to = vips(host, "web", 80)?;
    ensure!(to.len() == 1 && to[0].is_ipv4(), "{to:?}");
    for _ in 0..2 {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            only(SOON, client.netns(), protocol, to[0], &["web"])?;
            only(SOON, host.netns(), protocol, to[0], &["web"])?;
        }
        host.restart(SOON)?;
    }
    ensure!(vips(host, "web", 80)? == to);
    Ok(())
}
