//! Programs that run on the host and may get in the way, and what others left behind.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pontoon_model::kernel::is_ours;
use serde_json::Value;

use super::gaps::Gaps;
use super::network::Network;
use super::root::Root;
use super::setup::Setup;

/// The host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Services of systemd that run in this network namespace, of those that matter.
    pub services: BTreeSet<String>,
    /// `ufw` is switched on.
    pub ufw: bool,
    /// Devices that NetworkManager looks after.
    pub network_manager: Vec<String>,
    /// Devices that systemd-networkd looks after.
    pub networkd: Vec<String>,
    /// Whether systemd-networkd removes routes and rules that it did not make.
    pub networkd_removes: Removes,
    /// The network configurations of container runtimes, in the order in which they look.
    pub conflists: Vec<Conflist>,
}

/// What systemd-networkd removes when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removes {
    /// Routes by devices that it looks after.
    pub routes: bool,
    /// Rules that choose a routing table.
    pub rules: bool,
}

impl Default for Removes {
    fn default() -> Self {
        Self { routes: true, rules: true }
    }
}

/// A network configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflist {
    /// Its file's name.
    pub file: String,
    /// The network's name.
    pub network: Option<String>,
    /// Its plugins.
    pub plugins: Vec<String>,
}

impl Conflist {
    /// Whether it is Pontoon's.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.plugins.iter().any(|plugin| plugin == "pontoon-cni")
    }
}

/// Services that may get in the way.
const SERVICES: [&str; 3] = ["firewalld", "NetworkManager", "systemd-networkd"];

/// Where systemd's services are among the control groups, in versions 1 and 2.
const SLICES: [&str; 3] = [
    "sys/fs/cgroup/system.slice",
    "sys/fs/cgroup/systemd/system.slice",
    "sys/fs/cgroup/unified/system.slice",
];

/// Reads it.
pub(super) fn gather(root: &Root, setup: &Setup, network: &Network, gaps: &mut Gaps) -> Host {
    let conflists = gaps
        .noted("network configurations", conflists(root, &setup.paths.cni_conf), &["conflist"])
        .unwrap_or_default();
    if !has_hosts_network(root) {
        // The host's services look after another network.
        return Host { conflists, ..Host::default() };
    }
    let runs = |name: &&str| {
        SLICES.iter().any(|slice| {
            let processes = root.value(format!("{slice}/{name}.service/cgroup.procs"));
            processes.is_some_and(|processes| !processes.is_empty())
        })
    };
    let services: BTreeSet<String> =
        SERVICES.iter().filter(|name| runs(name)).map(|name| (*name).to_owned()).collect();
    let underlay = setup.underlay.as_ref().map(|underlay| underlay.dev.as_str());
    let looked_after = |service: &str, is_managed: &dyn Fn(u32) -> bool| -> Vec<String> {
        if !services.contains(service) {
            return Vec::new();
        }
        network
            .links
            .iter()
            .filter(|link| is_ours(link.name.as_str()) || Some(link.name.as_str()) == underlay)
            .filter(|link| is_managed(link.index))
            .map(|link| link.name.to_string())
            .collect()
    };
    let network_manager = looked_after("NetworkManager", &|index| {
        let state = root.value(format!("run/NetworkManager/devices/{index}"));
        state.is_some_and(|state| setting(&state, "managed") == Some("true"))
    });
    let networkd = looked_after("systemd-networkd", &|index| {
        let state = root.value(format!("run/systemd/netif/links/{index}"));
        let state = state.as_deref().and_then(|state| setting(state, "ADMIN_STATE"));
        matches!(state, Some("configured" | "configuring" | "pending" | "failed"))
    });
    Host {
        ufw: root.value("etc/ufw/ufw.conf").is_some_and(|conf| {
            setting(&conf, "ENABLED").is_some_and(|value| value.trim_matches('"') == "yes")
        }),
        networkd_removes: removes(root),
        services,
        network_manager,
        networkd,
        conflists,
    }
}

/// Whether this program is in the network namespace that the host's services are in, as it is not in
/// a lab.
pub(super) fn has_hosts_network(root: &Root) -> bool {
    let namespace = |process: &str| fs::read_link(root.path(format!("proc/{process}/ns/net"))).ok();
    match (namespace("1"), namespace("self")) {
        (Some(init), Some(own)) => init == own,
        // The first process need not show it. Only the machine's own network has this setting.
        _ => root.value("proc/sys/net/ipv4/neigh/default/gc_thresh3").is_some(),
    }
}

/// The last value of `KEY=VALUE`.
fn setting<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim_end() == key).then(|| value.trim())
    });
    values.next_back()
}

/// networkd.conf(5): the first main file, then all that is in the folders, by name, the nearer folder
/// in the place of the farther one.
fn removes(root: &Root) -> Removes {
    const PLACES: [&str; 4] =
        ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"];
    let main = PLACES.iter().find_map(|place| root.value(format!("{place}/networkd.conf")));
    let mut dropins = std::collections::BTreeMap::new();
    for place in PLACES.iter().rev() {
        let folder = format!("{place}/networkd.conf.d");
        for name in root.list(&folder).unwrap_or_default() {
            if name.ends_with(".conf") {
                dropins.insert(name.clone(), format!("{folder}/{name}"));
            }
        }
    }
    let texts = main.into_iter().chain(dropins.values().filter_map(|path| root.value(path)));
    let text: String = texts.flat_map(|text| [text, "\n".to_owned()]).collect();
    let on = |key: &str| {
        let value = setting(&text, key).map(str::to_ascii_lowercase);
        !matches!(value.as_deref(), Some("no" | "false" | "off" | "0"))
    };
    Removes { routes: on("ManageForeignRoutes"), rules: on("ManageForeignRoutingPolicyRules") }
}

fn conflists(root: &Root, folder: &Path) -> std::io::Result<Vec<Conflist>> {
    const EXTENSIONS: [&str; 3] = [".conf", ".conflist", ".json"];
    let names = root.list(folder)?;
    let read = |file: String| {
        if !EXTENSIONS.iter().any(|extension| file.ends_with(extension)) {
            return None;
        }
        // Runtimes pass over what they cannot read, too.
        let document: Value = serde_json::from_str(&root.value(folder.join(&file))?).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let listed = document["plugins"].as_array().cloned().unwrap_or_default();
        let kinds = listed.iter().chain([&document]).filter_map(|plugin| text(&plugin["type"]));
        Some(Conflist { file, network: text(&document["name"]), plugins: kinds.collect() })
    };
    Ok(names.into_iter().filter_map(read).collect())
}
