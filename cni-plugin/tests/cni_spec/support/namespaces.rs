//! A host and a pod as network namespaces, joined as the daemon would join them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::attached;

/// Both namespaces; they go with it.
pub(crate) struct Namespaces {
    pub(crate) host: String,
    pub(crate) pod: String,
}

impl Namespaces {
    /// `None`, with the reason printed, where they cannot be made.
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root to make network namespaces");
            return None;
        }
        let name = format!("cn{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let both = Self { host: format!("{name}-host"), pod: format!("{name}-pod") };
        both.build();
        Some(both)
    }

    /// Bridge, veth pair, addresses and routes of [`attached`].
    fn build(&self) {
        let Self { host, pod } = self;
        let attached = attached();
        let (veth, bridge) = (&attached.host_interface, &attached.bridge);
        let eth0 = &attached.pod_interface;
        for namespace in [host, pod] {
            ip(&format!("netns add {namespace}"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        ip(&format!("-n {host} link add {} address {} type bridge", bridge.name, bridge.mac));
        ip(&format!("-n {host} link set {} up", bridge.name));
        ip(&format!(
            "-n {host} link add {} address {} type veth peer name {} address {} mtu {} netns {pod}",
            veth.name, veth.mac, eth0.name, eth0.mac, attached.mtu
        ));
        ip(&format!("-n {host} link set {} master {} up", veth.name, bridge.name));
        ip(&format!("-n {pod} link set {} up", eth0.name));
        for given in &attached.addresses {
            ip(&format!("-n {host} address add {} dev {} nodad", given.gateway, bridge.name));
            ip(&format!("-n {pod} address add {} dev {} nodad", given.address, eth0.name));
            ip(&format!(
                "-n {pod} route add default via {} dev {} onlink",
                given.gateway, eth0.name
            ));
        }
    }

    /// What a runtime gives as `CNI_NETNS`.
    pub(crate) fn netns(&self) -> PathBuf {
        PathBuf::from(format!("/run/netns/{}", self.pod))
    }

    /// What a command prints in one of them.
    pub(crate) fn output(namespace: &str, command: &[&str]) -> String {
        let output =
            Command::new("ip").args(["netns", "exec", namespace]).args(command).output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for namespace in [&self.host, &self.pod] {
            let _ = Command::new("ip").args(["netns", "delete", namespace]).output();
        }
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {output:?}");
}
