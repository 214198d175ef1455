//! A cluster of three nodes, and the five positions that everything is asked from.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result};
use ipnetwork::IpNetwork;
use pontoon_lab::builder::SERVICE_CIDRS;
use pontoon_lab::probe::Identity;
use pontoon_lab::{Host, Lab, LabBuilder, Netns, Pod, PodBuilder};

use crate::cluster::SOON;

/// The ports that every endpoint listens on, over all protocols.
pub const PORTS: [u16; 2] = [8080, 9090];

/// Where a client is. Endpoints are on `host-1` and `host-2`, unless a test says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// A pod on `host-1`, where endpoints are.
    PodNear,
    /// A pod on `host-3`, where none is.
    PodFar,
    /// `host-1` itself.
    NodeNear,
    /// `host-3` itself.
    NodeFar,
    /// Beyond the cluster.
    Outside,
}

impl Position {
    /// All, in the order of a matrix' columns.
    pub const ALL: [Self; 5] =
        [Self::PodNear, Self::PodFar, Self::NodeNear, Self::NodeFar, Self::Outside];
}

/// The cluster.
#[derive(Debug)]
pub struct Stage {
    near: Pod,
    far: Pod,
    endpoints: BTreeMap<String, (Pod, Option<Identity>)>,
    /// Dropped behind the servers in it.
    pub lab: Lab,
}

impl Stage {
    /// Builds it with two endpoints, `web-1` on `host-1` and `web-2` on `host-2`, labelled `app=web`.
    ///
    /// # Errors
    /// When a part cannot be built.
    pub fn build() -> Result<Self> {
        Self::configured(Lab::builder(), |_| Ok(()))
    }

    /// As [`Stage::build`], with a lab of one's own and hosts that are told more before they start.
    ///
    /// # Errors
    /// When a part cannot be built.
    pub fn configured(
        builder: LabBuilder,
        configure: impl FnOnce(&Lab) -> Result<()>,
    ) -> Result<Self> {
        let lab = builder.hosts(3).build()?;
        configure(&lab)?;
        for host in lab.hosts() {
            let_every_icmp_error_out(host);
        }
        lab.start(SOON)?;
        // Services are led to the cluster from beyond by way of the first host.
        for range in SERVICE_CIDRS {
            lab.lead(range.parse()?, lab.host(1))?;
        }
        let (near, far) = (lab.host(1).add_pod("near")?, lab.host(3).add_pod("far")?);
        let mut stage = Self { near, far, endpoints: BTreeMap::new(), lab };
        stage.add(stage.lab.host(1).pod("web-1").label("app", "web"))?;
        stage.add(stage.lab.host(2).pod("web-2").label("app", "web"))?;
        Ok(stage)
    }

    /// Leads an address or range from beyond the cluster to a host.
    ///
    /// # Errors
    /// When that is no address or range.
    pub fn lead(&self, range: &str, host: usize) -> Result<()> {
        self.lab.lead(range.parse::<IpNetwork>()?, self.lab.host(host))
    }

    /// Attaches an endpoint, which says its name on all of [`PORTS`].
    ///
    /// # Errors
    /// When ADD fails.
    pub fn add(&mut self, pod: PodBuilder) -> Result<()> {
        let pod = self.add_silent(pod)?;
        self.speak(&pod)
    }

    /// Attaches a pod in which nothing listens yet; returns its name.
    ///
    /// # Errors
    /// When ADD fails.
    pub fn add_silent(&mut self, pod: PodBuilder) -> Result<String> {
        let pod = pod.add()?;
        let name = pod.name().to_owned();
        self.endpoints.insert(name.clone(), (pod, None));
        Ok(name)
    }

    /// Lets a silent pod listen.
    ///
    /// # Errors
    /// When there is no such pod.
    pub fn speak(&mut self, pod: &str) -> Result<()> {
        let (found, identity) = self.endpoints.get_mut(pod).context("no such pod")?;
        *identity = Some(Identity::start(found.netns(), pod, &PORTS)?);
        Ok(())
    }

    /// Takes an endpoint away, as its runtime does.
    ///
    /// # Errors
    /// When DEL fails.
    pub fn remove(&mut self, pod: &str) -> Result<()> {
        let (found, identity) = self.endpoints.remove(pod).context("no such pod")?;
        drop(identity);
        found.remove()
    }

    /// An endpoint.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    #[expect(clippy::panic, reason = "a wrong name is a mistake of the test that asks")]
    pub fn pod(&self, name: &str) -> &Pod {
        self.endpoints.get(name).map_or_else(|| panic!("there is no pod {name}"), |(pod, _)| pod)
    }

    /// What an endpoint has served.
    ///
    /// # Panics
    /// When there is none of that name that listens.
    #[must_use]
    #[expect(clippy::panic, reason = "a wrong name is a mistake of the test that asks")]
    pub fn identity(&self, name: &str) -> &Identity {
        let found = self.endpoints.get(name).and_then(|(_, identity)| identity.as_ref());
        found.unwrap_or_else(|| panic!("nothing listens in a pod {name}"))
    }

    /// A node's host.
    #[must_use]
    pub fn host(&self, number: usize) -> &Host {
        self.lab.host(number)
    }

    /// Where a position's sockets are.
    #[must_use]
    pub fn netns(&self, position: Position) -> &Netns {
        match position {
            Position::PodNear => self.near.netns(),
            Position::PodFar => self.far.netns(),
            Position::NodeNear => self.lab.host(1).netns(),
            Position::NodeFar => self.lab.host(3).netns(),
            Position::Outside => self.lab.outside().netns(),
        }
    }

    /// The addresses at which a position is seen when its source is kept.
    ///
    /// # Errors
    /// When a node does not tell its addresses.
    pub fn own(&self, position: Position) -> Result<Vec<IpAddr>> {
        match position {
            Position::PodNear => Ok(self.near.addresses()),
            Position::PodFar => Ok(self.far.addresses()),
            Position::NodeNear => self.lab.host(1).all_addresses(),
            Position::NodeFar => self.lab.host(3).all_addresses(),
            Position::Outside => Ok(self.lab.outside().addresses().to_vec()),
        }
    }
}

/// A kernel sends a host six ICMP errors at once and then one a second: enough for a person, not for
/// a matrix that asks for hundreds. Kernels that lack a setting are content with the others.
fn let_every_icmp_error_out(host: &Host) {
    for (name, value) in [
        ("net.ipv4.icmp_ratelimit", "0"),
        ("net.ipv4.icmp_msgs_per_sec", "100000"),
        ("net.ipv4.icmp_msgs_burst", "10000"),
        ("net.ipv6.icmp.ratelimit", "0"),
    ] {
        let _kernel_lacks_it = host.set_sysctl(name, value);
    }
}
