//! Chains with the reference plugins, in real network namespaces: what this plugin answers they
//! must be able to build upon, and the other way round. Needs root.

use std::path::{Path, PathBuf};

use pontoon_model::api::{Request, Response};
use serde_json::{Value, json};

use crate::support::daemon::{FakeDaemon, Reaction};
use crate::support::namespaces::Namespaces;
use crate::support::plugin::{Answer, Plugin};
use crate::support::{attached, conf};

/// The versions that Debian's reference plugins speak, too.
const VERSIONS: [&str; 4] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0"];

/// A runtime with a chain of plugins.
struct Runtime {
    namespaces: Namespaces,
    daemon: FakeDaemon,
    version: &'static str,
}

impl Runtime {
    fn new(version: &'static str) -> Option<Self> {
        let daemon = FakeDaemon::reacting(|request, _| {
            Reaction::Answer(match request {
                Request::Add(_) => Response::Attached(Box::new(attached())),
                _ => Response::Done,
            })
        });
        Some(Self { namespaces: Namespaces::new()?, daemon, version })
    }

    fn call(&self, plugin: Plugin, mut conf: Value, previous: Option<&Value>) -> Answer {
        if let Some(previous) = previous {
            conf["prevResult"] = previous.clone();
        }
        plugin.env("CNI_NETNS", self.namespaces.netns()).conf(&conf).run()
    }

    /// This plugin.
    fn pontoon(&self, verb: &'static str, previous: Option<&Value>) -> Answer {
        self.call(Plugin::new(verb), self.daemon.conf(self.version), previous)
    }

    /// A reference plugin, on the host of the test.
    fn reference(
        &self,
        verb: &'static str,
        name: &str,
        keys: &Value,
        previous: Option<&Value>,
    ) -> Answer {
        let mut conf = conf(self.version);
        conf["type"] = json!(name);
        for (key, value) in keys.as_object().unwrap() {
            conf[key] = value.clone();
        }
        let plugin = Plugin::of("/sbin/ip", verb).arguments([
            "netns",
            "exec",
            &self.namespaces.host,
            reference(name).to_str().unwrap(),
        ]);
        self.call(plugin, conf, previous)
    }
}

fn reference(name: &str) -> PathBuf {
    Path::new("/usr/lib/cni").join(name)
}

/// For each version: ADD of ours, then of the reference plugin; both CHECK the final result, as
/// libcni does; both DEL in reverse order.
fn follows_ours(name: &str, keys: &Value, verify: impl Fn(&Runtime)) {
    if !reference(name).exists() {
        eprintln!("skipped: needs {} (containernetworking-plugins)", reference(name).display());
        return;
    }
    for version in VERSIONS {
        let Some(runtime) = Runtime::new(version) else {
            return;
        };
        let ours = runtime.pontoon("ADD", None).result();
        let last = runtime.reference("ADD", name, keys, Some(&ours)).result();
        verify(&runtime);
        assert_eq!(last["ips"], ours["ips"], "{name} {version}");
        assert_eq!(last["routes"], ours["routes"], "{name} {version}");

        if version >= "0.4.0" {
            runtime.daemon.asked();
            runtime.pontoon("CHECK", Some(&last)).done();
            let [Request::Check { addresses, .. }] = &runtime.daemon.asked()[..] else {
                panic!("one CHECK")
            };
            let given: Vec<_> = attached().addresses.iter().map(|given| given.address).collect();
            assert_eq!(*addresses, given);
            // portmap 1.1.1 looks for its IPv4 rules among those of IPv6, whoever wrote the result.
            if name != "portmap" {
                runtime.reference("CHECK", name, keys, Some(&last)).done();
            }
        }
        runtime.reference("DEL", name, keys, Some(&last)).done();
        runtime.pontoon("DEL", Some(&last)).done();
    }
}

#[test]
fn tuning_follows() {
    let keys = json!({"mac": "02:00:00:00:00:77", "mtu": 1400,
        "sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}});
    follows_ours("tuning", &keys, |runtime| {
        let link = Namespaces::output(&runtime.namespaces.pod, &["ip", "link", "show", "eth0"]);
        assert!(link.contains("02:00:00:00:00:77") && link.contains("mtu 1400"), "{link}");
    });
}

#[test]
fn bandwidth_follows() {
    let keys = json!({"runtimeConfig": {"bandwidth": {"ingressRate": 8_000_000, "ingressBurst": 8_000_000}}});
    follows_ours("bandwidth", &keys, |runtime| {
        let shown = Namespaces::output(&runtime.namespaces.host, &["tc", "qdisc", "show"]);
        assert!(shown.contains("tbf") && shown.contains("ptn0123456789ab"), "{shown}");
    });
}

#[test]
fn portmap_follows() {
    let keys = json!({"snat": true, "runtimeConfig": {"portMappings": [
        {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}});
    follows_ours("portmap", &keys, |runtime| {
        let rules = Namespaces::output(&runtime.namespaces.host, &["iptables-save", "-t", "nat"]);
        assert!(rules.contains("10.244.1.7:80"), "{rules}");
    });
}

#[test]
fn ours_follows_loopback() {
    if !reference("loopback").exists() {
        eprintln!("skipped: needs /usr/lib/cni/loopback (containernetworking-plugins)");
        return;
    }
    for version in VERSIONS {
        let Some(runtime) = Runtime::new(version) else {
            return;
        };
        let lo = Plugin::of(reference("loopback"), "ADD").env("CNI_IFNAME", "lo");
        let lo = runtime.call(lo, conf(version), None).result();
        let both = runtime.pontoon("ADD", Some(&lo)).result();
        let names: Vec<_> =
            both["interfaces"].as_array().unwrap().iter().map(|i| i["name"].clone()).collect();
        assert_eq!(names, ["lo", "pontoon0", "ptn0123456789ab", "eth0"]);
        assert_eq!(both["ips"][0]["address"], lo["ips"][0]["address"], "{version}");
        let address = both["ips"].as_array().unwrap().iter().rev().nth(1).unwrap();
        assert_eq!(
            (&address["interface"], &address["address"]),
            (&json!(3), &json!("10.244.1.7/32"))
        );

        // What stands behind both still reads it.
        let keys = json!({"sysctl": {"net.ipv4.conf.eth0.log_martians": "1"}});
        let last = runtime.reference("ADD", "tuning", &keys, Some(&both)).result();
        assert_eq!(last["ips"], both["ips"]);
        assert_eq!(last["interfaces"], both["interfaces"]);
    }
}
