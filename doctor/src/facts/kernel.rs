//! Settings of the kernel, and how full its tables are.

use std::collections::BTreeMap;

use pontoon_model::kernel::{BRIDGE, VXLAN};

use super::features::{self, Feature};
use super::gaps::Gaps;
use super::network::Network;
use super::root::Root;
use super::setup::Setup;

/// The kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Its version, as far as it has numbers: `(6, 1)`.
    pub release: Option<(u32, u32)>,
    /// What it lacks of what Pontoon needs; `None` when that was not tried.
    pub features: Option<Vec<Feature>>,
    /// Settings by their path below `/proc/sys`.
    pub settings: Settings,
    /// The neighbour tables.
    pub neighbours: Vec<NeighbourTable>,
    /// Connection tracking; `None` when it is not in use.
    pub conntrack: Option<Conntrack>,
}

/// Settings by their path below `/proc/sys`; those that are not there are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// The number that a setting has.
    #[must_use]
    pub fn number(&self, path: &str) -> Option<i64> {
        self.0.get(path)?.parse().ok()
    }
}

/// A table of neighbours, which all network namespaces share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourTable {
    /// `ipv4` or `ipv6`.
    pub family: &'static str,
    /// Entries of this host that count against the limit; permanent ones do not.
    pub used: u64,
    /// Entries that it takes at most (`gc_thresh3`).
    pub limit: u64,
    /// How often it was full since the machine started.
    pub overflows: u64,
}

/// Connection tracking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conntrack {
    /// Tracked connections.
    pub count: u64,
    /// How many there may be.
    pub max: u64,
    /// Packets dropped, and connections given up, since it was full.
    pub dropped: u64,
}

/// Reads it.
pub(super) fn gather(root: &Root, setup: &Setup, network: &Network, gaps: &mut Gaps) -> Kernel {
    // A daemon that has set up everything has shown that the kernel can.
    let features = if setup.networked || !root.is_live() {
        None
    } else {
        gaps.noted("what the kernel can", features::probe(), &["kernel-features"])
    };
    Kernel {
        release: root.value("proc/sys/kernel/osrelease").and_then(|text| release(&text)),
        features,
        settings: settings(root, setup, network),
        neighbours: neighbours(root, network),
        conntrack: conntrack(root),
    }
}

/// The numbers at the beginning of a version such as `6.1.0-18-amd64`.
fn release(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn settings(root: &Root, setup: &Setup, network: &Network) -> Settings {
    let mut paths: Vec<String> = [
        "net/ipv4/ip_forward",
        "net/ipv6/conf/all/forwarding",
        "net/ipv4/conf/all/rp_filter",
        "net/bridge/bridge-nf-call-iptables",
        "net/bridge/bridge-nf-call-ip6tables",
    ]
    .map(str::to_owned)
    .to_vec();
    let underlay = setup.underlay.as_ref().map(|underlay| underlay.dev.as_str());
    for dev in [Some(BRIDGE), Some(VXLAN), underlay].into_iter().flatten() {
        if network.link(dev).is_none() && root.is_live() {
            continue;
        }
        paths.extend(["rp_filter", "forwarding"].map(|name| format!("net/ipv4/conf/{dev}/{name}")));
        paths.push(format!("net/ipv6/conf/{dev}/accept_ra"));
    }
    let read = |path: String| {
        let value = root.value(format!("proc/sys/{path}"))?;
        Some((path, value))
    };
    Settings(paths.into_iter().filter_map(read).collect())
}

fn neighbours(root: &Root, network: &Network) -> Vec<NeighbourTable> {
    let tables = [("ipv4", "arp_cache", true), ("ipv6", "ndisc_cache", false)];
    tables
        .into_iter()
        .filter_map(|(family, file, ipv4)| {
            // Only the machine's own network namespace has it.
            let limit = root.number(format!("proc/sys/net/{family}/neigh/default/gc_thresh3"))?;
            let counters =
                Counters::read(root, &format!("proc/net/stat/{file}")).unwrap_or_default();
            let counts =
                network.neighbours.iter().filter(|n| !n.permanent && n.ip.is_ipv4() == ipv4);
            let used = u64::try_from(counts.count()).unwrap_or(u64::MAX);
            Some(NeighbourTable { family, used, limit, overflows: counters.sum("table_fulls") })
        })
        .collect()
}

fn conntrack(root: &Root) -> Option<Conntrack> {
    let counters = Counters::read(root, "proc/net/stat/nf_conntrack").unwrap_or_default();
    Some(Conntrack {
        count: root.number("proc/sys/net/netfilter/nf_conntrack_count")?,
        max: root.number("proc/sys/net/netfilter/nf_conntrack_max")?,
        dropped: counters.sum("drop") + counters.sum("early_drop"),
    })
}

/// A table of counters as the kernel shows it: names, and hexadecimal numbers in a line a CPU.
#[derive(Debug, Default)]
struct Counters {
    names: Vec<String>,
    lines: Vec<Vec<u64>>,
}

impl Counters {
    fn read(root: &Root, path: &str) -> Option<Self> {
        let text = root.value(path)?;
        let mut lines = text.lines();
        let names = lines.next()?.split_whitespace().map(str::to_owned).collect();
        let numbers = |line: &str| {
            line.split_whitespace().map(|word| u64::from_str_radix(word, 16).unwrap_or(0)).collect()
        };
        Some(Self { names, lines: lines.map(numbers).collect() })
    }

    fn sum(&self, name: &str) -> u64 {
        let Some(column) = self.names.iter().position(|known| known == name) else { return 0 };
        self.lines.iter().filter_map(|line| line.get(column)).sum()
    }
}
