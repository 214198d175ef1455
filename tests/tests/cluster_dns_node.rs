//! The cluster's DNS addresses on every node: whose they are, and what the kernel makes of questions.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::dns::{Over, Question, RecordType, Silence, ask, resolve};
use pontoon_lab::probe::{self, Responder};
use pontoon_lab::{Lab, Netns};
use pontoon_model::attachment::{PortMapping, PortProtocol};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::naming::{SERVERS, servers};

/// A name that leads to another address on each node, so that it is seen which one answered.
const WHICH: &str = "which.test";

fn address_of(number: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, u8::try_from(number).unwrap()])
}

fn dns_cluster(hosts: u16) -> Result<Lab> {
    let lab = Lab::builder().hosts(hosts).build()?;
    for (number, host) in lab.hosts().iter().enumerate() {
        let names = std::collections::BTreeMap::from([(WHICH, [address_of(number + 1)])]);
        host.configure("dns.hosts", names)?;
    }
    lab.start(SOON)?;
    Ok(lab)
}

/// Which node answers.
fn asked(from: &Netns, server: SocketAddr) -> Result<IpAddr> {
    let answer = resolve(from, server, WHICH, RecordType::A)?;
    answer.addresses().first().copied().with_context(|| format!("{answer:?}"))
}

/// Why a question has no answer.
fn silence(from: &Netns, server: SocketAddr, patience: Duration) -> Option<Silence> {
    ask(from, server, Over::Udp, &Question::new(WHICH, RecordType::A), patience).err()
}

/// What is tracked of the DNS; `None` where there is no conntrack to tell.
fn tracked(host: &Host) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let listing = host.exec(&["conntrack", "-L", "-f", family]).ok()?;
        let lines = listing.lines().filter(|line| SERVERS.iter().any(|ip| line.contains(ip)));
        found.extend(lines.map(str::to_owned));
    }
    Some(found)
}

#[test]
fn a_question_goes_to_the_pods_own_node_and_is_no_connection() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(2)?;
    for (number, host) in lab.hosts().iter().enumerate() {
        let pod = host.add_pod(&format!("pod-{}", number + 1))?;
        for server in servers() {
            for bridge_calls in ["0", "1"] {
                // Where there is no br_netfilter, there is one way only.
                let _ = host.set_sysctl("net.bridge.bridge-nf-call-iptables", bridge_calls);
                let _ = host.set_sysctl("net.bridge.bridge-nf-call-ip6tables", bridge_calls);
                for from in [pod.netns(), host.netns()] {
                    assert_eq!(asked(from, server)?, address_of(number + 1), "{server}");
                    from.run(|| TcpStream::connect_timeout(&server, SOON))?
                        .with_context(|| format!("{server} over TCP"))?;
                }
            }
        }
        match tracked(host) {
            Some(found) => assert!(found.is_empty(), "{found:#?}"),
            None => eprintln!("skipped: needs conntrack: apt-get install conntrack"),
        }
    }
    Ok(())
}

#[test]
fn the_addresses_are_no_source_for_anything_else() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(2)?;
    let (near, host) = (lab.host(1), lab.host(2));
    let pod = host.add_pod("far")?;
    let responder = Responder::start(pod.netns(), 7777)?;
    for to in pod.addresses() {
        let seen = probe::udp(near.netns(), SocketAddr::new(to, 7777), SOON)?;
        assert!(!servers().map(|at| at.ip()).contains(&seen.source.ip()), "{seen:?}");
        let seen = probe::udp(host.netns(), SocketAddr::new(to, 7777), SOON)?;
        assert!(!servers().map(|at| at.ip()).contains(&seen.source.ip()), "{seen:?}");
    }
    drop(responder);
    Ok(())
}

#[test]
fn a_pod_is_told_where_the_dns_is_and_what_its_host_searches() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).embedded().build()?;
    let host = lab.host(1);
    let file = host.path().join("resolv.conf");
    std::fs::write(&file, "nameserver 192.0.2.53\nsearch lan\n")?;
    host.configure("dns.forward.resolv-conf", file)?;
    lab.start(SOON)?;
    let pod = host.add_pod("pod")?;
    let told = serde_json::json!({
        "nameservers": SERVERS,
        "search": ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"],
        "options": ["ndots:5"],
    });
    assert_eq!(pod.result()["dns"], told);
    host.configure("dns.enabled", false)?;
    host.restart(SOON)?;
    let later = host.add_pod("later")?;
    assert_eq!(later.result()["dns"], serde_json::json!({}));
    let mut pod = pod;
    pod.add()?;
    assert_eq!(pod.result()["dns"], told, "the same attachment");
    Ok(())
}

#[test]
fn what_somebody_takes_away_is_mended() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(1)?;
    let host = lab.host(1);
    let pod = host.add_pod("pod")?;
    let answered = || {
        servers().into_iter().try_for_each(|server| asked(pod.netns(), server).map(drop))?;
        let found = tracked(host).unwrap_or_default();
        ensure!(found.is_empty(), "{found:#?}");
        Ok(())
    };
    answered()?;
    for command in [
        "ip address del 10.96.0.10/32 dev pontoon0",
        "ip address del fd00:10:96::a/128 dev pontoon0",
        "ip address flush dev pontoon0",
        "nft flush table inet pontoon",
        "nft delete table inet pontoon",
        "nft flush set inet pontoon dns4",
        "nft delete table inet pontoon-services",
    ] {
        host.exec(&command.split(' ').collect::<Vec<_>>())?;
        eventually(SOON, || {
            let flushed = ["conntrack", "-F"];
            let _ = host.exec(&flushed);
            answered()
        })
        .with_context(|| command.to_owned())?;
    }
    host.kill()?;
    host.exec(&["ip", "address", "del", "10.96.0.10/32", "dev", "pontoon0"])?;
    host.start()?;
    host.wait_ready(SOON)?;
    eventually(SOON, answered)
}

#[test]
fn a_node_without_dns_does_not_have_the_addresses() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(1)?;
    let host = lab.host(1);
    let pod = host.add_pod("pod")?;
    let has = || -> Result<bool> {
        let all = host.all_addresses()?;
        Ok(servers().iter().all(|at| all.contains(&at.ip())))
    };
    assert!(has()?);
    host.configure("dns.enabled", false)?;
    host.restart(SOON)?;
    assert!(!has()?, "{:?}", host.all_addresses()?);
    for server in servers() {
        // Nobody is there, as at any other address of the range: that is said at once.
        let said = silence(pod.netns(), server, SOON);
        assert!(matches!(said, Some(Silence::Refused)), "{said:?}");
    }
    host.configure("dns.enabled", true)?;
    host.restart(SOON)?;
    assert!(has()?);
    servers().into_iter().try_for_each(|server| asked(pod.netns(), server).map(drop))
}

#[test]
fn while_the_daemon_is_away_nobody_is_told_to_give_up() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(1)?;
    let host = lab.host(1);
    let pod = host.add_pod("pod")?;
    host.kill()?;
    for server in servers() {
        for from in [pod.netns(), host.netns()] {
            let said = silence(from, server, Duration::from_millis(300));
            assert!(matches!(said, Some(Silence::TimedOut)), "{said:?}");
        }
    }
    host.start()?;
    host.wait_ready(SOON)?;
    servers().into_iter().try_for_each(|server| asked(pod.netns(), server).map(drop))
}

#[test]
fn a_host_port_53_is_not_the_clusters() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = dns_cluster(1)?;
    let host = lab.host(1);
    let mapping = PortMapping {
        host_port: 53,
        container_port: 7777,
        protocol: PortProtocol::Udp,
        host_ip: None,
    };
    let pod = host.pod("other-dns").port(&mapping).add()?;
    let responder = Responder::start(pod.netns(), 7777)?;
    let client = host.add_pod("client")?;
    let at = SocketAddr::new(host.addresses()[0], 53);
    probe::udp(client.netns(), at, SOON)?;
    for server in servers() {
        assert_eq!(asked(client.netns(), server)?, address_of(1));
    }
    drop(responder);
    Ok(())
}
