//! What a lab is made of.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use toml::Table;

use crate::config;
use crate::etcd::Etcd;
use crate::folder::Folder;
use crate::host::Host;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::outside::Outside;
use crate::tool;
use crate::underlay::{self, FIRST_HOST, MAX_HOSTS, MAX_SEGMENTS, OUTSIDE, Place, UnderlayOptions};

/// The pod ranges of a lab unless it is configured otherwise.
pub const POD_CIDRS: [&str; 2] = ["10.244.0.0/16", "fd00:10:244::/48"];
/// The service ranges of a lab unless it is configured otherwise.
pub const SERVICE_CIDRS: [&str; 2] = ["10.96.0.0/16", "fd00:10:96::/112"];

/// A lab to be built.
#[derive(Debug, Clone)]
#[must_use]
pub struct LabBuilder {
    hosts: u16,
    underlay: UnderlayOptions,
    etcd: bool,
    config: Vec<(String, Result<toml::Value, String>)>,
}

impl Default for LabBuilder {
    fn default() -> Self {
        let underlay =
            UnderlayOptions { segments: 1, dual_stack: true, mtu: 1500, default_route: true };
        Self { hosts: 2, underlay, etcd: true, config: Vec::new() }
    }
}

impl LabBuilder {
    /// How many hosts, 0 to 1000; 2 unless told otherwise. They are `host-1`, `host-2` and so on.
    pub fn hosts(mut self, hosts: u16) -> Self {
        self.hosts = hosts;
        self
    }

    /// Over how many L2 segments the hosts are spread in turn, 1 to 60; 1 unless told otherwise.
    pub fn segments(mut self, segments: u16) -> Self {
        self.underlay.segments = segments;
        self
    }

    /// Whether underlay and pods have IPv6 beside IPv4; they do unless told otherwise.
    pub fn dual_stack(mut self, dual_stack: bool) -> Self {
        self.underlay.dual_stack = dual_stack;
        self
    }

    /// MTU of the underlay, bytes; 1500 unless told otherwise.
    pub fn mtu(mut self, mtu: u32) -> Self {
        self.underlay.mtu = mtu;
        self
    }

    /// Whether hosts have a default route; they do unless told otherwise. Without one they reach
    /// the other segments only.
    pub fn default_route(mut self, default_route: bool) -> Self {
        self.underlay.default_route = default_route;
        self
    }

    /// Uses the embedded store of each host, and no etcd.
    pub fn embedded(mut self) -> Self {
        self.etcd = false;
        self
    }

    /// Sets a key of every daemon's configuration, such as `cluster.backend`.
    pub fn configure(mut self, key: &str, value: impl serde::Serialize) -> Self {
        self.config.push((key.to_owned(), config::value(value).map_err(|e| format!("{e:#}"))));
        self
    }

    /// Builds the underlay and the hosts, and starts etcd. No daemon runs yet: see
    /// [`Lab::start`] and [`Host::start`].
    ///
    /// # Errors
    /// When a part cannot be built; what was built of it is taken away.
    pub fn build(self) -> Result<Lab> {
        if !(1..=MAX_SEGMENTS).contains(&self.underlay.segments) || self.hosts > MAX_HOSTS {
            bail!("a lab has 1 to {MAX_SEGMENTS} segments and at most {MAX_HOSTS} hosts");
        }
        let folder = Arc::new(Folder::create()?);
        let lab = Lab::empty(folder.clone());
        // From here on the lab's Drop takes away what there is.
        self.furnish(lab, &folder).context("cannot build the lab")
    }

    fn furnish(self, mut lab: Lab, folder: &Arc<Folder>) -> Result<Lab> {
        let options = &self.underlay;
        let netns = |name: &str| Netns::create(folder.path().join(format!("{name}.ns")));
        let (switch, router) = (netns("switch")?, netns("router")?);
        // Frames that cross the switch are no business of its IP layer.
        for table in ["ip", "ip6", "arp"] {
            let _without_br_netfilter =
                switch.set_sysctl(&format!("net.bridge.bridge-nf-call-{table}tables"), "0");
        }
        // Duplicate-address detection of link-local addresses would hold up the first packets.
        router.set_sysctl("net.ipv6.conf.default.accept_dad", "0")?;
        let mut cables = underlay::switch(&path(&router), options);
        let mut plugs: Vec<(Place, Netns)> = Vec::new();

        let outside =
            Place { name: Outside::NAME.into(), segment: OUTSIDE, number: underlay::SERVER };
        let outside_netns = netns(Outside::NAME)?;
        lab.set_outside(Outside::new(outside_netns.clone(), &outside.addresses(options)));
        plugs.push((outside, outside_netns));
        if self.etcd {
            let etcd = Etcd::create(folder, options)?;
            plugs.push((Etcd::place(), etcd.netns().clone()));
            lab.set_etcd(etcd);
        }
        let config = self.host_config(lab.etcd_endpoint())?;
        let servers = lab.outside().addresses().iter().map(|ip| format!("nameserver {ip}\n"));
        let resolv_conf: String = servers.collect();
        for number in 1..=self.hosts {
            let segment = (number - 1) % options.segments + 1;
            let place =
                Place { name: format!("host-{number}"), segment, number: FIRST_HOST + number };
            let host = Host::create(folder, place.clone(), *options, config.clone())?;
            host.set_resolv_conf(&resolv_conf)?;
            plugs.push((place, host.netns().clone()));
            lab.push_host(host);
        }

        for (place, netns) in &plugs {
            cables.push_str(&place.plug(&path(netns), options));
        }
        tool::ip(&switch, &cables)?;
        for name in ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"] {
            router.set_sysctl(name, "1")?;
        }
        tool::ip(&router, &underlay::router(options))?;
        for (place, netns) in &plugs {
            netns.set_sysctl("net.ipv6.conf.eth0.accept_dad", "0")?;
            tool::ip(netns, &place.configure(options))?;
        }
        lab.set_switch(switch, router);
        lab.start_etcd()?;
        Ok(lab)
    }

    fn host_config(&self, endpoint: Option<String>) -> Result<Table> {
        let mut table = Table::new();
        let families = if self.underlay.dual_stack { 2 } else { 1 };
        let mut set = |key: &str, value: toml::Value| config::set(&mut table, key, value);
        set(
            "cluster.pod-cidrs",
            config::value(POD_CIDRS.iter().take(families).collect::<Vec<_>>())?,
        )?;
        set(
            "cluster.service-cidrs",
            config::value(SERVICE_CIDRS.iter().take(families).collect::<Vec<_>>())?,
        )?;
        set("log.level", config::value("debug")?)?;
        if let Some(endpoint) = endpoint {
            set("store.kind", config::value("etcd")?)?;
            set("store.etcd.endpoints", config::value([endpoint])?)?;
        }
        for (key, value) in &self.config {
            set(key, value.clone().map_err(anyhow::Error::msg)?)?;
        }
        Ok(table)
    }
}

fn path(netns: &Netns) -> String {
    netns.path().display().to_string()
}
