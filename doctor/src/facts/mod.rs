//! What is so: gathered in one go, by code that decides nothing.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`setup`] | what Pontoon is set up as on this host |
//! | [`kernel`], [`features`] | settings, tables' fill, what the kernel has at all |
//! | [`network`] | devices, addresses, routes |
//! | [`filters`] | the firewall rules of other programs |
//! | [`sockets`] | who listens where |
//! | [`host`] | programs that run, and files that they left |
//! | [`daemon`] | whether `pontoond` is there, and why not |
//! | [`store`], [`cluster`], [`state`] | what only the daemon knows |
//! | [`root`], [`gaps`] | where files are read, and what could not be |

pub mod cluster;
pub mod daemon;
pub mod features;
pub mod filters;
pub mod gaps;
pub mod host;
pub mod kernel;
pub mod network;
pub mod root;
pub mod setup;
pub mod sockets;
pub mod state;
pub mod store;

use daemon::Presence;
pub use gaps::Gaps;
pub use root::Root;
pub use setup::Setup;

/// All that is judged.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What Pontoon is set up as.
    pub setup: Setup,
    /// Settings and tables of the kernel.
    pub kernel: kernel::Kernel,
    /// Devices, addresses, routes.
    pub network: network::Network,
    /// Rules of other programs; `None` when they cannot be read.
    pub filters: Option<Vec<pontoon_netlink::filter::Table>>,
    /// Who listens where.
    pub sockets: Vec<sockets::Socket>,
    /// Programs and files.
    pub host: host::Host,
    /// The daemon.
    pub daemon: daemon::Daemon,
    /// The store; `None` when nobody asked it.
    pub store: Option<store::Store>,
    /// The cluster; `None` when it is not known.
    pub cluster: Option<cluster::Cluster>,
    /// This node's state against what it should be; `None` when it is not known.
    pub state: Option<state::State>,
    /// What could not be looked at.
    pub gaps: Gaps,
}

/// What cannot be compared where nothing is planned, and the checks that need it.
pub const HELD: (&str, &[&str]) = (
    "what this node holds against what it should",
    &["kernel-differs", "stale-neighbours", "leaked-addresses", "pods-in-store"],
);
/// What only the daemon knows, and the checks that need it.
const UNKNOWN: [(&str, &[&str]); 3] = [
    ("what pontoond complains of", &["problems"]),
    ("the store and the other nodes", &["etcd", "clock", "node-names", "versions"]),
    HELD,
];

impl Facts {
    /// Looks at this host where the daemon does not answer: at everything but what only it knows.
    #[must_use]
    pub fn gather_alone(root: &Root, setup: Setup, presence: Presence) -> Self {
        let mut facts = Self::gather(root, setup);
        facts.daemon.presence = presence;
        for (what, checks) in UNKNOWN {
            facts.gaps.note(what, "only a running pontoond knows it", checks);
        }
        facts
    }

    /// Looks at this host: everything but what only the daemon knows.
    #[must_use]
    pub fn gather(root: &Root, setup: Setup) -> Self {
        let mut gaps = Gaps::default();
        let network = network::gather(&setup, &mut gaps);
        let kernel = kernel::gather(root, &setup, &network, &mut gaps);
        let host = host::gather(root, &setup, &network, &mut gaps);
        let filters = filters::gather(&mut gaps);
        let sockets = sockets::gather(root, &setup, &network, &mut gaps);
        Self { setup, kernel, network, filters, sockets, host, gaps, ..Self::default() }
    }
}
