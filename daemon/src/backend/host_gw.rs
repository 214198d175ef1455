//! Plain routes by the peers' own addresses: no encapsulation, no overhead, one link.

use pontoon_model::cidr::Family;
use pontoon_model::cluster::BackendKind;
use pontoon_netlink::Route;

use super::{Backend, Local, Unreachable, first_of, on_link, ours, unreachable};
use crate::network::Network;
use crate::underlay::Underlay;
use crate::view::Peer;

/// The backend `host-gw`.
#[derive(Debug, Clone, Copy)]
pub struct HostGw;

impl HostGw {
    /// Whether a peer can be reached this way for every family that it has subnets of.
    #[must_use]
    pub fn reaches(local: &Local, peer: &Peer) -> bool {
        [Family::V4, Family::V6]
            .into_iter()
            .filter(|family| first_of(&peer.subnets, *family).is_some())
            .all(|family| on_link(&local.underlay, peer, family).is_some())
    }
}

impl Backend for HostGw {
    fn overhead(&self, _: &Underlay) -> u32 {
        0
    }

    fn base(&self, _: &Local, _: u32, _: &mut Network) {}

    fn peer(
        &self,
        local: &Local,
        peer: &Peer,
        network: &mut Network,
    ) -> Result<BackendKind, Unreachable> {
        for subnet in &peer.subnets {
            let family = Family::of_network(*subnet);
            let (dev, gateway) = on_link(&local.underlay, peer, family).ok_or_else(|| {
                unreachable(
                    peer,
                    format!(
                        "it has no {family} address on the link of {}, so host-gw cannot reach it; use backend auto or vxlan",
                        local.underlay.dev
                    ),
                )
            })?;
            network.route(ours(Route::via(*subnet, gateway, dev)));
        }
        Ok(BackendKind::HostGw)
    }
}
