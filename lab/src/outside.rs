//! The world beyond the cluster.

use std::net::IpAddr;

use anyhow::Result;
use ipnetwork::IpNetwork;

use crate::host::exec;
use crate::netns::Netns;

/// A host beyond the router that is no node and knows no way to pods.
#[derive(Debug)]
pub struct Outside {
    netns: Netns,
    addresses: Vec<IpAddr>,
}

impl Outside {
    /// The port's name on the switch, for faults.
    pub const NAME: &str = "outside";

    pub(crate) fn new(netns: Netns, addresses: &[IpNetwork]) -> Self {
        Self { netns, addresses: addresses.iter().map(IpNetwork::ip).collect() }
    }

    /// Its network namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Its addresses, IPv4 first.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// Runs a program there to its end and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn exec(&self, command: &[&str]) -> Result<String> {
        exec(&self.netns, command)
    }
}
