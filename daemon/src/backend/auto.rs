//! `host-gw` where a peer is on the same link, `vxlan` elsewhere. The MTU is the overlay's for all:
//! a pod has one interface and cannot know which peer it talks to.

use pontoon_model::cluster::BackendKind;

use super::{Backend, HostGw, Local, Unreachable, Vxlan};
use crate::network::Network;
use crate::underlay::Underlay;
use crate::view::Peer;

/// The backend `auto`.
#[derive(Debug, Clone)]
pub struct Auto {
    /// For peers that are not on the link.
    pub vxlan: Vxlan,
}

impl Backend for Auto {
    fn overhead(&self, underlay: &Underlay) -> u32 {
        self.vxlan.overhead(underlay)
    }

    fn base(&self, local: &Local, mtu: u32, network: &mut Network) {
        self.vxlan.base(local, mtu, network);
    }

    fn peer(
        &self,
        local: &Local,
        peer: &Peer,
        network: &mut Network,
    ) -> Result<BackendKind, Unreachable> {
        if HostGw::reaches(local, peer) {
            HostGw.peer(local, peer, network)
        } else {
            self.vxlan.peer(local, peer, network)
        }
    }
}
