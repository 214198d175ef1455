//! Other programs of the host.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};
use pontoon_lab::Lab;
use pontoon_lab::host::Host;
use pontoon_lab::probe::Responder;
use pontoon_lab::probe::dns::RecordType;
use pontoon_model::doctor::Severity;
use pontoon_tests::cluster::{PORT, SOON, eventually, reach, skipped};
use pontoon_tests::doctor::{finds, finds_nothing, healthy, mended};
use pontoon_tests::naming;

use crate::{built, made_and_mended, typed};

/// A policy that drops, by each program that may set it; packets are really dropped, and pass again.
#[test]
fn a_forward_policy_that_drops() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (near, far) = (lab.host(1).add_pod("near")?, lab.host(2).add_pod("far")?);
    let _responder = Responder::start(far.netns(), PORT)?;
    let passes = || reach(near.netns(), &near.addresses(), far.v4()?);
    passes()?;
    let nft = "nft 'table inet guard { chain forward { type filter hook forward priority 5; policy drop; ct state established,related accept; }; }'";
    let docker = "iptables-nft -N DOCKER; iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -P FORWARD DROP";
    for (fault, check, part, end) in [
        (
            nft,
            "firewall",
            "the policy of chain forward in table inet guard",
            "nft delete table inet guard",
        ),
        (
            "iptables-nft -P FORWARD DROP",
            "firewall",
            "chain FORWARD in table ip filter",
            "nft delete table ip filter",
        ),
        (
            "iptables-legacy -P FORWARD DROP",
            "firewall",
            "(iptables-legacy)",
            "iptables-legacy -P FORWARD ACCEPT",
        ),
        (docker, "docker-forward", "chain FORWARD", "nft delete table ip filter"),
    ] {
        typed(lab.host(1), fault)?;
        let finding = finds(lab.host(1), check, part)?;
        assert_eq!(finding.severity, Severity::Fault, "{finding:?}");
        ensure!(passes().is_err(), "{fault} drops nothing");
        mended(lab.host(1), &finding)?;
        passes()?;
        healthy(lab.host(1))?;
        typed(lab.host(1), end)?;
    }
    Ok(())
}

#[test]
fn an_input_policy_that_drops_the_overlay_and_the_dns() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let fault = "nft 'table inet guard { chain input { type filter hook input priority 0; policy drop; \
        ct state established,related accept; iif lo accept; meta l4proto { icmp, icmpv6 } accept; }; }'";
    let expected = "encapsulated ones from other nodes; from pods to the cluster's DNS";
    made_and_mended(lab.host(1), fault, "firewall", expected)
}

/// Packets pass that begin a connection, and those that answer do not.
#[test]
fn rules_that_drop_answers() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let (near, far) = (host.add_pod("near")?, lab.host(2).add_pod("far")?);
    let _responder = Responder::start(far.netns(), PORT)?;
    let passes = || reach(near.netns(), &near.addresses(), far.v4()?);
    let forward = "nft 'table inet guard { chain forward { type filter hook forward priority 5; policy drop; \
        iifname pontoon0 accept; iifname pontoon-vxlan ct state new accept; }; }'";
    typed(host, forward)?;
    let finding =
        finds(host, "firewall", "packets: answers to those from pods here to pods of other nodes")?;
    ensure!(passes().is_err(), "the answers pass");
    mended(host, &finding)?;
    passes()?;
    healthy(host)?;
    typed(host, "nft delete table inet guard")?;

    // The DNS does not track questions, so that its answers are not known as such.
    let ask = || naming::asked(near.netns(), &naming::of_service("web"), RecordType::A).map(drop);
    ask()?;
    let output = "nft 'table inet guard { chain output { type filter hook output priority 0; \
        oifname pontoon0 ct state established,related accept; oifname pontoon0 udp sport 53 drop; }; }'";
    typed(host, output)?;
    let finding = finds(host, "firewall", "answers to those from pods to the cluster's DNS")?;
    ensure!(ask().is_err(), "the DNS' answers pass");
    mended(host, &finding)?;
    ask()?;
    healthy(host)
}

/// A chain that several others lead to is mended by all that is found.
#[test]
fn a_chain_that_drops_at_several_places() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let fault = "iptables-nft -N FW; iptables-nft -A FW -m conntrack --ctstate ESTABLISHED -j ACCEPT; \
        iptables-nft -A FW -i eth0 -p tcp -j ACCEPT; iptables-nft -A FW -i lo -j ACCEPT; iptables-nft -A FW -j DROP; \
        iptables-nft -A INPUT -j FW; iptables-nft -A FORWARD -j FW";
    typed(host, fault)?;
    for part in ["from pods here to pods of other nodes", "encapsulated ones from other nodes"] {
        let finding = finds(host, "firewall", part)?;
        let commands = finding.mend.lines().filter(|line| !line.starts_with('#'));
        commands.into_iter().try_for_each(|command| typed(host, command))?;
    }
    healthy(host)
}

/// They are named by their tables and chains; their own commands are those of the checks' tests.
#[test]
fn rules_of_firewalld_and_ufw() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    let firewalld = "nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; \
        ct state established,related accept; iifname \"lo\" accept; reject with icmpx admin-prohibited; }; }'";
    let ufw = "iptables-nft -N ufw-before-forward; iptables-nft -A FORWARD -j ufw-before-forward; \
        iptables-nft -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; \
        iptables-nft -P FORWARD DROP";
    for (fault, check, command, end) in [
        (firewalld, "firewalld", "firewall-cmd --permanent --zone=trusted", "inet firewalld"),
        (ufw, "ufw", "ufw route allow in on pontoon0", "ip filter"),
    ] {
        typed(host, fault)?;
        let finding = finds(host, check, "from pods of other nodes to pods here")?;
        ensure!(finding.mend.contains(command), "{finding:?}");
        typed(host, &format!("nft delete table {end}"))?;
        healthy(host)?;
    }
    Ok(())
}

#[test]
fn what_another_network_left() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    made_and_mended(
        host,
        "ip link add cni0 type bridge",
        "other-cni",
        "cni0 (the bridge plugin's",
    )?;
    let other = host.cni_conf_dir().join("05-other.conflist");
    std::fs::write(&other, r#"{"name":"other","plugins":[{"type":"bridge"}]}"#)?;
    mended(host, &finds(host, "conflist", "05-other.conflist (network other) comes before")?)?;
    ensure!(!other.exists());
    std::fs::remove_file(host.cni_conf_dir().join("10-pontoon.conflist"))?;
    mended(host, &finds(host, "conflist", "there is no network configuration of Pontoon's")?)?;
    typed(host, "nft add table ip kube-proxy")?;
    typed(host, "nft add table ip6 kube-proxy")?;
    let finding = finds(host, "kube-proxy", "table ip kube-proxy")?;
    let commands = finding.mend.lines().filter(|line| line.starts_with("nft "));
    commands.into_iter().try_for_each(|command| typed(host, command))?;
    healthy(host)
}

/// A host whose daemon finds this when it starts.
fn taken(fault: &str) -> Result<Lab> {
    let lab = Lab::builder().hosts(1).build()?;
    typed(lab.host(1), fault)?;
    lab.host(1).start()?;
    Ok(lab)
}

#[test]
fn devices_of_others_that_have_our_names_or_our_tunnel() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    for (fault, check, part) in [
        (
            "ip link add pontoon0 type veth peer name other0",
            "device-names",
            "pontoon0 is of kind veth",
        ),
        (
            "ip link add pontoon-vxlan type veth peer name other0",
            "device-names",
            "pontoon-vxlan is of kind veth",
        ),
        (
            "ip link add flannel.1 up type vxlan id 1 dstport 8472 dev eth0",
            "other-cni",
            "flannel.1 is a VXLAN device with Pontoon's port 8472 and network 1",
        ),
    ] {
        let lab = taken(fault)?;
        let host = lab.host(1);
        mended(host, &finds(host, check, part)?)?;
        host.wait_ready(Duration::from_secs(30))?;
        healthy(host)?;
    }
    Ok(())
}

/// A program that listens at a port of a host, until it is dropped.
fn listener(host: &Host, address: &str) -> Result<UdpSocket> {
    let address: SocketAddr = address.parse()?;
    Ok(host.netns().run(|| UdpSocket::bind(address))??)
}

#[test]
fn ports_that_another_program_has() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).build()?;
    let host = lab.host(1);
    let tunnel = listener(host, "0.0.0.0:8472")?;
    host.start()?;
    let own = std::process::id();
    let finding =
        finds(host, "vxlan-port", &format!("(process {own}) listens at UDP 0.0.0.0:8472"))?;
    ensure!(finding.mend.starts_with("stop that program"), "{finding:?}");
    drop(tunnel);
    host.wait_ready(Duration::from_secs(30))?;
    healthy(host)?;

    host.stop()?;
    let resolver = listener(host, "0.0.0.0:53")?;
    host.start()?;
    let finding = finds(host, "dns-port", "listens at UDP 0.0.0.0:53, where the cluster's DNS")?;
    ensure!(finding.what.contains("10.96.0.10:53"), "{finding:?}");
    drop(resolver);
    finds_nothing(host, "dns-port")?;
    healthy(host)?;
    eventually(SOON, || {
        let sockets = host.exec(&["ss", "-Hlun", "sport", "=", ":53"])?;
        ensure!(sockets.contains("10.96.0.10:53"), "{sockets}");
        Ok(())
    })
}
