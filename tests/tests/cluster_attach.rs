//! What a pod gets, what it may send, and how it is reached from where.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::cni::Verb;
use pontoon_lab::probe::{self, Responder};
use pontoon_lab::{Lab, Netns, Pod};
use pontoon_model::attachment::{PortMapping, PortProtocol};
use pontoon_tests::cluster::{PORT, SOON, all_reach_all, cluster, eventually, reach, skipped};

const BRIEF: Duration = Duration::from_millis(600);

fn mapping(host_port: u16, protocol: PortProtocol, host_ip: Option<IpAddr>) -> PortMapping {
    PortMapping { host_port, container_port: PORT, protocol, host_ip }
}

#[test]
fn no_pod_before_its_network() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(5).build()?;
    let mut pods: Vec<Pod> = Vec::new();
    for host in lab.hosts() {
        // The node joins, and its first pod is asked for before anybody could know of it.
        host.start()?;
        host.wait_ready(SOON)?;
        pods.push(host.add_pod("first")?);
        let newest = pods.last().unwrap();
        let _here = Responder::start(newest.netns(), PORT)?;
        for other in &pods[..pods.len() - 1] {
            for to in newest.addresses() {
                // One packet each way, no second try.
                probe::ping(other.netns(), to, BRIEF)?;
            }
            for to in other.addresses() {
                probe::ping(newest.netns(), to, BRIEF)?;
            }
        }
        for other in lab.hosts().iter().take(pods.len()) {
            for to in newest.addresses() {
                probe::ping(other.netns(), to, BRIEF)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_new_subnet_waits_for_live_nodes_and_not_for_dead_ones() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(2).build()?;
    lab.host(1).start()?;
    lab.host(1).wait_ready(SOON)?;
    let daemon = lab.host(1).daemon().unwrap();
    let pid = daemon.pid().to_string();
    lab.host(1).exec(&["kill", "-STOP", &pid])?;
    lab.host(2).start()?;
    lab.host(2).wait_ready(SOON)?;
    let mut pod = lab.host(2).pod("early").create()?;
    let refused = format!("{:#}", pod.add().unwrap_err());
    assert!(refused.contains("waiting for host-1"), "{refused}");
    // Its lease runs out, and a dead node is waited for no more.
    eventually(SOON * 3, || pod.add())?;
    lab.host(1).exec(&["kill", "-CONT", &pid])?;
    let other = eventually(SOON * 3, || lab.host(1).add_pod("late"))?;
    eventually(SOON, || all_reach_all(&[lab.host(1), lab.host(2)], &[&pod, &other]))
}

#[test]
fn a_pod_sends_from_its_own_addresses_only() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let (honest, liar, far) =
        (lab.host(1).add_pod("honest")?, lab.host(1).add_pod("liar")?, lab.host(2).add_pod("far")?);
    for (stolen, bits, to) in [(honest.v4()?, 32, far.v4()?), (honest.v6()?, 128, far.v6()?)] {
        liar.exec(&["ip", "address", "add", &format!("{stolen}/{bits}"), "dev", "lo"])?;
        let lie =
            ["ping", "-c1", "-W1", "-I", &stolen.to_string(), &to.to_string()].map(str::to_owned);
        let lie: Vec<&str> = lie.iter().map(String::as_str).collect();
        assert!(liar.exec(&lie).is_err(), "a packet from {stolen} passed");
        liar.exec(&["ip", "address", "del", &format!("{stolen}/{bits}"), "dev", "lo"])?;
        probe::ping(liar.netns(), to, BRIEF)?;
    }
    let counted = lab.host(1).exec(&["nft", "list", "chain", "bridge", "pontoon", "sender"])?;
    assert!(!counted.contains("counter packets 0 bytes 0 drop comment \"an address"), "{counted}");

    let own = liar.exec(&["cat", "/sys/class/net/eth0/address"]);
    liar.exec(&["ip", "link", "set", "eth0", "address", "02:00:00:00:00:99"])?;
    assert!(probe::ping(liar.netns(), far.v4()?, BRIEF).is_err(), "another MAC passed");
    drop(own);
    // Past the gateway: straight to the neighbour's MAC.
    let mac = honest.exec(&["ip", "-br", "link", "show", "eth0"])?;
    let mac =
        mac.split_whitespace().find(|word| word.matches(':').count() == 5).unwrap().to_owned();
    let direct = lab.host(1).add_pod("direct")?;
    let target = honest.v4()?.to_string();
    direct.exec(&[
        "ip",
        "neigh",
        "replace",
        &target,
        "lladdr",
        &mac,
        "dev",
        "eth0",
        "nud",
        "permanent",
    ])?;
    direct.exec(&["ip", "route", "add", &target, "dev", "eth0"])?;
    assert!(
        probe::ping(direct.netns(), honest.v4()?, BRIEF).is_err(),
        "a frame went past the gateway"
    );
    all_reach_all(&[lab.host(1), lab.host(2)], &[&honest, &far])
}

#[test]
fn only_what_leaves_the_cluster_is_masqueraded() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2).default_route(true))?;
    let (pod, far) = (lab.host(1).add_pod("pod")?, lab.host(2).add_pod("far")?);
    all_reach_all(&[lab.host(1), lab.host(2)], &[&pod, &far])?;
    let _outside = Responder::start(lab.outside().netns(), PORT)?;
    let own = lab.host(1).all_addresses()?;
    for to in lab.outside().addresses() {
        reach(pod.netns(), &own, *to)?;
    }
    Ok(())
}

#[test]
fn a_host_port_leads_to_the_pod_from_everywhere() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(2))?;
    let host = lab.host(1);
    let [v4, v6] = [host.addresses()[0], host.addresses()[1]];
    let web = host
        .pod("web")
        .port(&mapping(8080, PortProtocol::Tcp, None))
        .port(&mapping(8080, PortProtocol::Udp, None))
        .port(&mapping(9090, PortProtocol::Tcp, Some(v4)))
        .add()?;
    let (near, far) = (host.add_pod("near")?, lab.host(2).add_pod("far")?);
    let _web = Responder::start(web.netns(), PORT)?;
    let outside = lab.outside();
    let clients: [(&Netns, Vec<IpAddr>); 4] = [
        (outside.netns(), outside.addresses().to_vec()),
        (lab.host(2).netns(), lab.host(2).all_addresses()?),
        (near.netns(), near.addresses()),
        (far.netns(), far.addresses()),
    ];
    for (client, own) in &clients {
        for to in [v4, v6] {
            let at = SocketAddr::new(to, 8080);
            let seen = probe::tcp(client, at, SOON)?.source.ip();
            assert!(own.contains(&seen), "{at} saw {seen} in place of {own:?}");
            assert!(own.contains(&probe::udp(client, at, SOON)?.source.ip()));
        }
        probe::tcp(client, SocketAddr::new(v4, 9090), SOON)?;
        assert!(
            probe::tcp(client, SocketAddr::new(v6, 9090), BRIEF).is_err(),
            "a port of one address"
        );
    }
    for itself in [v4, v6, "127.0.0.1".parse()?] {
        probe::tcp(host.netns(), SocketAddr::new(itself, 8080), SOON)?;
        if itself.is_ipv4() == v4.is_ipv4() && !itself.is_loopback() {
            // A pod that reaches itself sees its gateway.
            probe::tcp(web.netns(), SocketAddr::new(itself, 8080), SOON)?;
        }
    }
    assert!(probe::tcp(near.netns(), "127.0.0.1:8080".parse()?, BRIEF).is_err());

    let mut rival = host.pod("rival").port(&mapping(8080, PortProtocol::Tcp, None)).create()?;
    let refused = format!("{:#}", rival.add().unwrap_err());
    assert!(refused.contains("103") && refused.contains("8080/tcp"), "{refused}");
    web.remove()?;
    assert!(probe::tcp(outside.netns(), SocketAddr::new(v4, 8080), BRIEF).is_err());
    rival.add()?;
    let _rival = Responder::start(rival.netns(), PORT)?;
    probe::tcp(outside.netns(), SocketAddr::new(v4, 8080), SOON).map(drop)
}

#[test]
fn addresses_and_macs_are_had_on_request_and_rest_when_released() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let first = host.add_pod("first")?;
    let (v4, v6) = (first.v4()?, first.v6()?);
    let after = |ip: IpAddr, steps: u8| match ip {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) + u32::from(steps)).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) + u128::from(steps)).into()),
    };
    let wish = [after(v4, 40), after(v6, 40)];
    let chosen = host.pod("chosen").addresses(&wish).mac("02:00:00:00:00:42").add()?;
    assert_eq!(chosen.addresses(), wish);
    assert!(chosen.exec(&["ip", "link", "show", "eth0"])?.contains("02:00:00:00:00:42"));
    all_reach_all(&[host], &[&first, &chosen])?;
    for (wish, why) in
        [(vec![wish[0]], "in use"), (vec!["203.0.113.9".parse()?], "not an address for pods")]
    {
        let mut refused = host.pod("refused").addresses(&wish).create()?;
        let said = format!("{:#}", refused.add().unwrap_err());
        assert!(said.contains("102") && said.contains(why), "{said}");
    }
    first.remove()?;
    for n in 0..5 {
        let next = host.add_pod(&format!("next-{n}"))?;
        assert!(!next.addresses().contains(&v4), "{v4} was given away at once");
    }
    host.restart(SOON)?;
    assert!(!host.add_pod("behind-a-restart")?.addresses().contains(&v4));
    Ok(())
}

#[test]
fn a_released_address_takes_its_connections_along() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let pod = host.pod("udp").port(&mapping(5353, PortProtocol::Udp, None)).add()?;
    let responder = Responder::start(pod.netns(), PORT)?;
    let at = SocketAddr::new(host.addresses()[0], 5353);
    probe::udp(lab.outside().netns(), at, SOON)?;
    let (ip, tracked) = (pod.v4()?.to_string(), || host.exec(&["conntrack", "-L"]));
    if tracked().is_err() {
        eprintln!("skipped: needs conntrack: apt-get install conntrack");
        return Ok(());
    }
    assert!(tracked()?.contains(&ip));
    drop(responder);
    pod.remove()?;
    eventually(SOON, || {
        let left = tracked()?;
        ensure!(!left.contains(&ip), "{left}");
        Ok(())
    })
}

#[test]
fn check_and_add_again_find_what_add_made() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = cluster(Lab::builder().hosts(1).embedded())?;
    let host = lab.host(1);
    let mut pod = host.add_pod("pod")?;
    pod.check()?;
    let before = pod.addresses();
    pod.add()?;
    assert_eq!(pod.addresses(), before, "the same attachment");
    pod.exec(&["ip", "address", "flush", "dev", "eth0", "scope", "global"])?;
    let said = format!("{:#}", pod.check().unwrap_err());
    assert!(said.contains("107") && said.contains("is not on eth0"), "{said}");
    pod.add()?;
    pod.check()?;
    let mut call = pod.call().clone();
    call.prev_result = Some(pod.result().clone());
    for _ in 0..2 {
        pod.del()?;
    }
    let unknown = host.cni(Verb::Check, &call)?;
    ensure!(unknown.error_code()? == 3, "{unknown:?}");
    Ok(())
}
