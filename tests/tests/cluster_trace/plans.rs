//! What is planned, against what becomes of real packets.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, bail, ensure};
use pontoon_lab::Host;
use pontoon_model::attachment::{PortMapping, PortProtocol};
use pontoon_model::service::Protocol;
use pontoon_model::trace::{Outcome, StepKind, Transport};
use pontoon_tests::cluster::{LEASE, SOON, eventually, skipped};
use pontoon_tests::services::documents::{selecting, service, with_spec};
use pontoon_tests::services::objects::{apply, cluster_ips, node_port};
use pontoon_tests::services::stage::{Position, Stage};
use serde_json::json;

use super::{
    arrives, follow, has, holds, holds_over, live_ends, pontoon, saw_answer, typed, v4, v6,
};

#[test]
fn it_says_of_every_packet_whether_it_arrives() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add_silent(stage.host(2).pod("mute").label("app", "mute"))?;
    let host = stage.host(1);
    let local = json!({"type": "NodePort", "externalTrafficPolicy": "Local"});
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            selecting("near", "near-only", 80, 8080),
            with_spec(selecting("web", "web", 80, 8080), json!({"type": "NodePort"})),
            with_spec(
                selecting("here", "web", 80, 8080),
                json!({"internalTrafficPolicy": "Local"}),
            ),
            with_spec(selecting("door", "web", 80, 8080), local),
            service(
                "datagrams",
                json!({"type": "NodePort", "selector": {"app": "web"},
                    "ports": [{"port": 80, "protocol": "UDP", "targetPort": 8080}]}),
            ),
            service(
                "elsewhere",
                json!({"type": "ExternalName", "externalName": "web.default.svc.cluster.local",
                    "ipFamilyPolicy": null}),
            ),
            service(
                "alone",
                json!({"clusterIP": "None", "selector": {"app": "web"},
                    "ports": [{"name": "http", "port": 8080}]}),
            ),
        ],
    )?;
    let at = |ip: IpAddr, port| SocketAddr::new(ip, port);
    let vip = |name: &str| -> Result<IpAddr> { Ok(v4(&cluster_ips(host, name)?)) };
    let pod = |name: &str| v4(&stage.pod(name).addresses());
    let (web, empty, here) = (vip("web")?, vip("empty")?, vip("here")?);
    let (open, door) = (node_port(host, "web", 80, "TCP")?, node_port(host, "door", 80, "TCP")?);
    let nodes: Vec<IpAddr> = stage.lab.hosts().iter().map(|host| v4(&host.addresses())).collect();
    let mut wrong = Vec::new();
    let mut check =
        |from: Position, typed: &str, to: SocketAddr| match holds(&stage, from, typed, to) {
            Ok(trace) => Some(trace),
            Err(error) => {
                wrong.push(format!("{error:#}"));
                None
            }
        };
    for from in Position::ALL {
        check(from, &format!("{web}:80"), at(web, 80));
        check(from, &format!("{web}:80/udp"), at(web, 80));
        check(from, &format!("{web}:81"), at(web, 81));
        check(from, &format!("{empty}:80"), at(empty, 80));
        check(from, &format!("{here}:80"), at(here, 80));
        for (number, node) in (1..).zip(&nodes) {
            check(from, &format!("node/host-{number}:{open}"), at(*node, open));
            check(from, &format!("node/host-{number}:{door}"), at(*node, door));
        }
        check(from, "pod/web-2:8080", at(pod("web-2"), 8080));
    }
    let pods = [Position::PodNear, Position::PodFar];
    for from in pods {
        let trace = check(from, "svc/web:t80", at(web, 80));
        ensure!(trace.is_none_or(|trace| trace.endpoints.len() == 2));
        check(from, "pod/web-1:8080/udp", at(pod("web-1"), 8080));
        for name in
            ["web:80", "web.default:80", "elsewhere:80", "web.default.svc.cluster.local.:80"]
        {
            let trace = check(from, name, at(web, 80));
            ensure!(trace.is_none_or(|trace| has(&trace, StepKind::Name)));
        }
        check(from, "svc/elsewhere:80", at(web, 80));
        let alone = follow(host, typed(from), "svc/alone")?;
        ensure!(alone.verdict.outcome == Outcome::Delivered, "{alone:#?}");
        ensure!(!has(&alone, StepKind::Service) && alone.packet.port == Some(8080));
    }
    ensure!(wrong.is_empty(), "{} do not hold:\n{}", wrong.len(), wrong.join("\n"));
    // Where only UDP has the node port it need not be typed.
    let over_udp = node_port(host, "datagrams", 80, "UDP")?;
    for from in [Position::Outside, Position::PodFar, Position::NodeNear] {
        let typed = format!("node/host-2:{over_udp}");
        let trace = holds_over(&stage, from, &typed, at(nodes[1], over_udp), Protocol::Udp)?;
        ensure!(trace.packet.protocol == Transport::Udp, "{:?}", trace.packet);
    }
    Ok(())
}

#[test]
fn it_says_the_same_over_ipv6() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(1);
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            with_spec(selecting("web", "web", 80, 8080), json!({"type": "NodePort"})),
        ],
    )?;
    let (web, empty) = (v6(&cluster_ips(host, "web")?), v6(&cluster_ips(host, "empty")?));
    let open = node_port(host, "web", 80, "TCP")?;
    let pod = v6(&stage.pod("web-2").addresses());
    let node = v6(&stage.host(3).addresses());
    let mut wrong = Vec::new();
    for from in Position::ALL {
        for to in [
            SocketAddr::new(web, 80),
            SocketAddr::new(empty, 80),
            SocketAddr::new(node, open),
            SocketAddr::new(pod, 8080),
        ] {
            wrong.extend(holds(&stage, from, &to.to_string(), to).err());
        }
    }
    ensure!(wrong.is_empty(), "{} do not hold:\n{wrong:#?}", wrong.len());
    // And of packets that are really sent.
    for (from, to, node) in [
        ("near", format!("[{pod}]:8080/tcp"), "host-2"),
        ("near", format!("[{pod}]:8080/udp"), "host-2"),
        ("near", format!("{pod}/icmp"), "host-2"),
        ("node/host-3", format!("[{pod}]:8080/tcp"), "host-2"),
    ] {
        let trace = live_ends(host, (from, &to), Outcome::Delivered, node, "answered after")?;
        ensure!(saw_answer(&trace, "host-2"), "{from} to {to}: {:#?}", trace.steps);
    }
    let refused = ("near", &*format!("[{empty}]:80/tcp"));
    live_ends(host, refused, Outcome::Refused, "host-1", "has no endpoints")?;
    let silent = ("near", &*format!("[{pod}]:81/udp"));
    let trace = live_ends(host, silent, Outcome::Refused, "host-2", "nobody listens there")?;
    ensure!(saw_answer(&trace, "host-2"), "the error was not seen: {:#?}", trace.steps);
    Ok(())
}

#[test]
fn a_port_of_the_host_is_followed_into_its_pod() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    let mapping = |host_port, protocol| PortMapping {
        host_port,
        container_port: 8080,
        protocol,
        host_ip: None,
    };
    let mapped = stage
        .host(1)
        .pod("mapped")
        .port(&mapping(8088, PortProtocol::Tcp))
        .port(&mapping(8088, PortProtocol::Udp));
    stage.add(mapped)?;
    let host = stage.host(1);
    let own = stage.pod("mapped").addresses();
    for ip in host.addresses() {
        let to = SocketAddr::new(ip, 8088);
        for (from, protocol) in [
            (Position::Outside, Protocol::Tcp),
            (Position::Outside, Protocol::Udp),
            (Position::PodNear, Protocol::Tcp),
            (Position::PodFar, Protocol::Tcp),
            (Position::NodeFar, Protocol::Tcp),
        ] {
            let typed_to = format!("{to}/{}", protocol.to_string().to_lowercase());
            eventually(SOON, || {
                ensure!(arrives(&stage, from, to, protocol)?, "{from:?} to {to}");
                let trace = follow(host, typed(from), &typed_to)?;
                let choice = trace.endpoints.first();
                ensure!(
                    trace.verdict.outcome == Outcome::Delivered
                        && trace.verdict.text.contains("somebody listens")
                        && choice.is_some_and(|choice| own.contains(&choice.address)),
                    "{from:?} to {typed_to}: {trace:#?}"
                );
                Ok(())
            })?;
        }
    }
    let sent = format!("{}:8088/tcp", v4(&host.addresses()));
    live_ends(host, ("far", &sent), Outcome::Delivered, "host-1", "answered after")?;
    Ok(())
}

#[test]
fn it_names_what_stands_in_the_way() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let mut stage = Stage::build()?;
    stage.add_silent(stage.host(2).pod("mute").label("app", "mute"))?;
    let host = stage.host(1);
    apply(
        host,
        &[
            selecting("empty", "nobody", 80, 8080),
            selecting("mute", "mute", 80, 8080),
            selecting("web", "web", 80, 8080),
        ],
    )?;
    let expect = |host: &Host, from: &str, to: &str, outcome: Outcome, part: &str| {
        eventually(SOON, || {
            let trace = follow(host, from, to)?;
            let text = &trace.verdict.text;
            ensure!(
                trace.verdict.outcome == outcome && text.contains(part),
                "{from} to {to}: {:?}, not {outcome} with {part:?}\n{:#?}",
                trace.verdict,
                trace.steps
            );
            Ok(())
        })
    };
    let refused = Outcome::Refused;
    expect(host, "near", "svc/empty:t80", refused, "service default/empty has no endpoints")?;
    expect(host, "near", "10.96.77.77:80", refused, "no service has 10.96.77.77:80")?;
    let nobody = "nobody.default.svc.cluster.local.:80";
    expect(host, "near", nobody, refused, "stands for no address")?;
    // Along the search path the name is asked outside, where nobody answers in this lab.
    expect(host, "near", "nobody:80", Outcome::Unknown, "cannot be told now")?;
    // Only the pod's own node can look into it.
    expect(stage.host(2), "far", "svc/mute:t80", refused, "nobody listens")?;
    let unleased = "10.244.250.1:80";
    expect(host, "near", unleased, refused, "no node holds the part of 10.244.0.0/16")?;
    let trace = follow(host, "near", "svc/web:t80")?;
    ensure!(trace.verdict.outcome == Outcome::Delivered, "{trace:#?}");
    // What a firewall does here.
    for (script, outcome, part) in [
        (
            "add rule inet filter forward tcp dport 8080 drop",
            Outcome::Dropped,
            "table inet filter, chain forward: rule 1",
        ),
        (
            "flush chain inet filter forward; add chain inet filter forward { policy drop; }",
            Outcome::Dropped,
            "table inet filter, chain forward: its policy",
        ),
        (
            "add rule inet filter forward tcp dport 8080 accept",
            Outcome::Dropped,
            "the answer to it does not",
        ),
        (
            "add rule inet filter forward ct state established accept",
            Outcome::Delivered,
            "it arrives at",
        ),
        (
            "flush chain inet filter forward; add rule inet filter forward tcp dport 8080 reject",
            Outcome::Refused,
            "table inet filter, chain forward: rule 1",
        ),
        (
            "flush chain inet filter forward; add rule inet filter forward tcp dport 8080 accept; add rule inet filter forward tcp sport 8080 reject",
            Outcome::Dropped,
            "the answer to it does not",
        ),
    ] {
        host.nft("add table inet filter; add chain inet filter forward { type filter hook forward priority 0; }")?;
        host.nft(script)?;
        let to = format!("{}:8080", v4(&stage.pod("web-1").addresses()));
        expect_now(host, "near", &to, outcome, part)?;
        let to = to.parse()?;
        let real = arrives(&stage, Position::PodNear, to, Protocol::Tcp)?;
        ensure!(real == (outcome == Outcome::Delivered), "{script}: {real}");
    }
    host.nft("delete table inet filter")?;
    stage.host(2).kill()?;
    let far = format!("{}:8080", v4(&stage.pod("web-2").addresses()));
    eventually(LEASE, || expect_now(host, "near", &far, Outcome::Unknown, "is not alive"))?;
    Ok(())
}

fn expect_now(host: &Host, from: &str, to: &str, outcome: Outcome, part: &str) -> Result<()> {
    let verdict = follow(host, from, to)?.verdict;
    if verdict.outcome == outcome && verdict.text.contains(part) {
        return Ok(());
    }
    bail!("{verdict:?}")
}

#[test]
fn a_person_reads_a_line_a_step_and_typos_are_answered() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = Stage::build()?;
    let host = stage.host(1);
    apply(host, &[with_spec(selecting("web", "web", 80, 8080), json!({"type": "NodePort"}))])?;
    cluster_ips(host, "web")?;
    let said = eventually(SOON, || {
        let said = pontoon(host, &["trace", "far", "web:80"])?;
        ensure!(said.code == Some(0), "{}{}", said.out, said.err);
        Ok(said)
    })?;
    for part in ["from ", "name ", "service ", "slot 0: ", "inet pontoon-services", "crossing"] {
        ensure!(said.out.contains(part), "no {part:?} in\n{}", said.out);
    }
    let last = said.out.trim_end().lines().last().unwrap_or_default();
    ensure!(last.starts_with("delivered on host-"), "{}", said.out);
    eprintln!("{}", said.out);
    for (words, code, part) in [
        (&["trace", "naer", "web:80"][..], 1, "did you mean near?"),
        (&["trace", "near", "svc/wbe:80"], 1, "did you mean web?"),
        (&["trace", "node/host-9", "web:80"], 1, "did you mean host-"),
        (&["trace", "near", "svc/web"], 1, "name one of t80 (80/TCP), u80 (80/UDP)"),
        (&["trace", "near", "svc/web:http"], 1, "no port \"http\""),
        (&["trace", "pdo/near", "web:80"], 2, "did you mean pod?"),
        (&["trace", "outside", "10.96.0.1:0"], 2, "no port"),
        (&["trace", "outside", "10.96.0.1:80", "--by", "hots-1"], 1, "did you mean host-1?"),
        (&["trace", "near", "web:80", "--by", "host-1"], 2, "--by is for packets from outside"),
        (&["trace", "outside", "host-3:80", "--live"], 1, "no node can send a packet from outside"),
    ] {
        let said = pontoon(host, words)?;
        ensure!(said.code == Some(code) && said.err.contains(part), "{words:?}: {}", said.err);
    }
    for words in [&["trace", "outside", "host-3:30080"][..], &["trace", "node/host-2", "near:80"]] {
        eprintln!("{words:?}\n{}", pontoon(host, words)?.out);
    }
    Ok(())
}
