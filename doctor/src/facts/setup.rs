//! What Pontoon is set up as on this host: told by the daemon, or read where it left it.

mod file;
mod remembered;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;
use pontoon_model::cidr::Family;
use pontoon_model::cluster::{BackendKind, ClusterConfig};
use pontoon_model::kernel::vxlan_overhead;
use pontoon_model::name::NodeName;
use pontoon_model::node::NodeRecord;

use super::network;
use super::root::Root;

/// The configuration file that the daemon reads unless told otherwise.
pub const CONFIG: &str = "/etc/pontoon/pontoond.toml";
/// The port of DNS.
const DNS: u16 = 53;

/// What Pontoon is set up as.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setup {
    /// The node's name.
    pub node: Option<NodeName>,
    /// What all nodes share; the defaults where nothing is known.
    pub config: ClusterConfig,
    /// Folders.
    pub paths: Paths,
    /// The MTU of pods, where a person has set it.
    pub mtu: Option<u32>,
    /// The way to other nodes.
    pub underlay: Option<Underlay>,
    /// The node's subnets.
    pub held: Vec<IpNetwork>,
    /// The other nodes.
    pub peers: Vec<Peer>,
    /// Where DNS answers; empty when it does not.
    pub dns: Vec<SocketAddr>,
    /// The daemon runs and has set up the node's network.
    pub networked: bool,
}

/// Folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Sockets and locks.
    pub run: PathBuf,
    /// What survives a reboot.
    pub state: PathBuf,
    /// Where runtimes look for network configurations.
    pub cni_conf: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            run: "/run/pontoon".into(),
            state: "/var/lib/pontoon".into(),
            cni_conf: "/etc/cni/net.d".into(),
        }
    }
}

/// The way to other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Underlay {
    /// The interface.
    pub dev: String,
    /// The address that backends send from.
    pub address: IpAddr,
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its record.
    pub record: NodeRecord,
    /// The subnets behind it.
    pub subnets: Vec<IpNetwork>,
    /// How packets get there, as far as that is decided.
    pub way: Option<BackendKind>,
}

impl Setup {
    /// Reads what the daemon would read and what it left: its configuration file, if that is there,
    /// and what it last knew of the cluster; the underlay is where that address is, or the default route.
    #[must_use]
    pub fn read(root: &Root, config: Option<&Path>) -> Self {
        let mut setup = Self::default();
        let path = config.unwrap_or_else(|| Path::new(CONFIG));
        // What is wrong with the file is for the daemon to say.
        if let Some(file) = root.read(path).ok().flatten().and_then(|text| file::parse(&text)) {
            file.apply(&mut setup);
        } else {
            setup.answer_dns(&[]);
        }
        let remembered = root.value(setup.paths.state.join("cluster.json"));
        let remembered = remembered.and_then(|text| remembered::parse(&text));
        let own = remembered.and_then(|remembered| remembered.apply(&mut setup));
        setup.underlay = network::underlay(own);
        setup
    }

    /// DNS answers at the cluster's addresses and at these.
    pub fn answer_dns(&mut self, beside: &[SocketAddr]) {
        let own = self.config.dns_addresses().into_iter().map(|ip| SocketAddr::new(ip, DNS));
        self.dns = own.chain(beside.iter().copied()).collect();
    }

    /// Whether packets to any node are encapsulated.
    #[must_use]
    pub fn has_overlay(&self) -> bool {
        self.config.backend.kind != BackendKind::HostGw
    }

    /// Whether packets to some node are not encapsulated.
    #[must_use]
    pub fn has_plain_routes(&self) -> bool {
        !self.has_overlay() || self.peers.iter().any(|peer| peer.way == Some(BackendKind::HostGw))
    }

    /// Bytes that the overlay adds to a packet.
    #[must_use]
    pub fn overhead(&self) -> u32 {
        let underlay = self.underlay.as_ref();
        vxlan_overhead(underlay.map_or(Family::V4, |underlay| Family::of(underlay.address)))
    }

    /// Whether pods have addresses of a family.
    #[must_use]
    pub fn has_family(&self, family: Family) -> bool {
        self.config.pod_cidr(family).is_some()
    }
}
