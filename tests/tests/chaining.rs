//! Pontoon between the reference plugins, in chains as runtimes run them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use pontoon_lab::Lab;
use pontoon_lab::cni::{CniCall, Network, Verb};
use pontoon_lab::host::Host;
use pontoon_lab::probe::{self, Responder};
use pontoon_model::attachment::PortMapping;
use serde_json::{Map, Value, json};

const PATIENCE: Duration = Duration::from_secs(5);

fn skipped(plugins: &[&str]) -> bool {
    let absent = plugins.iter().find(|plugin| !Path::new("/usr/lib/cni").join(plugin).is_file());
    let why = pontoon_lab::unavailable()
        .or_else(|| pontoon_lab::binaries::find("pontoond").err().map(|error| format!("{error:#}")))
        .or_else(|| {
            absent.map(|name| {
                format!("needs the plugin {name}: apt-get install containernetworking-plugins")
            })
        });
    why.inspect(|why| eprintln!("skipped: {why}")).is_some()
}

/// The network that the daemon wrote, with other plugins before and behind.
fn chain(host: &Host, before: &[Value], behind: &[Value]) -> Result<Network> {
    let mut network = Network::load(&host.cni_conf_dir())?;
    let plugins = |list: &[Value]| -> Result<Vec<Map<String, Value>>> {
        list.iter()
            .map(|plugin| plugin.as_object().cloned().context("a plugin that is no object"))
            .collect()
    };
    network.plugins = [plugins(before)?, network.plugins, plugins(behind)?].concat();
    Ok(network)
}

fn lab() -> Result<Lab> {
    let lab = Lab::builder().hosts(1).embedded().build()?;
    lab.start(Duration::from_secs(20))?;
    pontoon_tests::node::wait_for_network(lab.host(1))?;
    Ok(lab)
}

/// What the interface of an attachment on the host is called.
fn host_interface(result: &Value) -> Result<&str> {
    let interfaces = result["interfaces"].as_array().context("a result without interfaces")?;
    let on_the_host =
        interfaces.iter().filter_map(|i| i["name"].as_str()).find(|name| name.starts_with("ptn"));
    on_the_host.with_context(|| format!("no host interface in {result}"))
}

#[test]
fn tuning_behind_pontoon_changes_the_pods_interface() {
    if skipped(&["tuning"]) {
        return;
    }
    let lab = lab().unwrap();
    let host = lab.host(1);
    let tuning =
        json!({"type": "tuning", "mtu": 1300, "sysctl": {"net.ipv4.conf.eth0.arp_notify": "1"}});
    let network = chain(host, &[], &[tuning]).unwrap();
    let pod = host.pod("tuned").create().unwrap();
    let result = network.call(host.netns(), Verb::Add, pod.call()).unwrap().result().unwrap();
    let link = pod.exec(&["ip", "-oneline", "link", "show", "eth0"]).unwrap();
    assert!(link.contains(" mtu 1300 "), "{link}");
    assert_eq!(pod.exec(&["cat", "/proc/sys/net/ipv4/conf/eth0/arp_notify"]).unwrap().trim(), "1");
    let later = CniCall { prev_result: Some(result), ..pod.call().clone() };
    network.call(host.netns(), Verb::Check, &later).unwrap().result().unwrap();
    for _twice in 0..2 {
        network.call(host.netns(), Verb::Del, &later).unwrap().result().unwrap();
        assert_eq!(host.status().unwrap().pods, []);
    }
}

#[test]
fn bandwidth_behind_pontoon_finds_the_hosts_interface() {
    if skipped(&["bandwidth"]) {
        return;
    }
    let lab = lab().unwrap();
    let host = lab.host(1);
    let limits = json!({"type": "bandwidth", "ingressRate": 8_000_000, "ingressBurst": 800_000,
        "egressRate": 8_000_000, "egressBurst": 800_000});
    let network = chain(host, &[], &[limits]).unwrap();
    let pod = host.pod("limited").create().unwrap();
    let result = network.call(host.netns(), Verb::Add, pod.call()).unwrap().result().unwrap();
    let interface = host_interface(&result).unwrap();
    let disciplines = host.exec(&["tc", "qdisc", "show", "dev", interface]).unwrap();
    assert!(disciplines.contains("tbf"), "{disciplines}");
    let later = CniCall { prev_result: Some(result.clone()), ..pod.call().clone() };
    network.call(host.netns(), Verb::Check, &later).unwrap().result().unwrap();
    network.call(host.netns(), Verb::Del, &later).unwrap().result().unwrap();
    let links = host.exec(&["ip", "-brief", "link"]).unwrap();
    assert!(!links.contains(interface) && !links.contains("bwp"), "left behind: {links}");
}

#[test]
fn portmap_behind_pontoon_publishes_ports_where_pontoon_is_not_to() {
    if skipped(&["portmap"]) {
        return;
    }
    if pontoon_lab::binaries::on_path("iptables").is_none() {
        return eprintln!("skipped: needs iptables, which portmap calls");
    }
    let lab = lab().unwrap();
    let host = lab.host(1);
    let mut network =
        chain(host, &[], &[json!({"type": "portmap", "capabilities": {"portMappings": true}})])
            .unwrap();
    network.plugins[0].remove("capabilities");
    let mapping: PortMapping =
        serde_json::from_value(json!({"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}))
            .unwrap();
    let pod = host.pod("published").port(&mapping).create().unwrap();
    let result = network.call(host.netns(), Verb::Add, pod.call()).unwrap().result().unwrap();
    let _server = Responder::start(pod.netns(), 80).unwrap();
    let published = SocketAddr::new(host.addresses()[0], 8080);
    let seen = probe::tcp(lab.outside().netns(), published, PATIENCE).unwrap();
    assert_eq!(seen.source.ip(), lab.outside().addresses()[0]);
    let later = CniCall { prev_result: Some(result), ..pod.call().clone() };
    // No CHECK: that of portmap 1.1.1 looks for the IPv4 rules of a dual-stack pod in the IPv6 table.
    network.call(host.netns(), Verb::Del, &later).unwrap().result().unwrap();
    assert!(probe::tcp(lab.outside().netns(), published, PATIENCE).is_err());
}

#[test]
fn behind_other_plugins_pontoon_adds_to_their_result() {
    if skipped(&["loopback", "tuning"]) {
        return;
    }
    let lab = lab().unwrap();
    let host = lab.host(1);
    let before = [
        json!({"type": "loopback"}),
        json!({"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}}),
    ];
    let network = chain(host, &before, &[]).unwrap();
    let pod = host.pod("late").create().unwrap();
    let result = network.call(host.netns(), Verb::Add, pod.call()).unwrap().result().unwrap();
    let interfaces = result["interfaces"].as_array().unwrap();
    assert_eq!(interfaces[0]["name"], "lo", "{result}");
    for ip in result["ips"].as_array().unwrap() {
        let interface = &interfaces[usize::try_from(ip["interface"].as_u64().unwrap()).unwrap()];
        let of_loopback =
            ip["address"].as_str().unwrap().starts_with("127.") || ip["address"] == "::1/128";
        assert_eq!(interface["name"], if of_loopback { "lo" } else { "eth0" }, "{ip} of {result}");
    }
    assert_eq!(pod.exec(&["cat", "/proc/sys/net/core/somaxconn"]).unwrap().trim(), "500");
    let later = CniCall { prev_result: Some(result), ..pod.call().clone() };
    network.call(host.netns(), Verb::Check, &later).unwrap().result().unwrap();
    network.call(host.netns(), Verb::Del, &later).unwrap().result().unwrap();
    assert_eq!(host.status().unwrap().pods, []);
}
