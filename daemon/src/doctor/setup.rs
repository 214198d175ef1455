//! What Pontoon is set up as, from what the controller knows.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pontoon_doctor::Setup;
use pontoon_doctor::facts::setup::{Paths, Peer, Underlay};

use crate::config::Settings;
use crate::lease::Identity;
use crate::situation::Situation;

pub(super) fn of(me: &Identity, settings: &Settings, now: &Situation) -> Setup {
    let underlay = now.underlay.as_ref();
    let own: BTreeSet<IpAddr> =
        underlay.iter().flat_map(|underlay| underlay.addresses.iter().copied()).collect();
    let (peers, _) = now.view.peers(me, &own);
    let peers = peers.into_iter().map(|peer| Peer {
        way: now.ways.get(peer.record.name.as_str()).copied(),
        record: peer.record,
        subnets: peer.subnets,
    });
    let paths = &settings.paths;
    let mut setup = Setup {
        node: Some(me.name.clone()),
        config: now.config.clone().unwrap_or_default(),
        paths: Paths {
            run: paths.run.clone(),
            state: paths.state.clone(),
            cni_conf: paths.cni_conf.clone(),
        },
        mtu: settings.node.mtu,
        underlay: underlay
            .map(|underlay| Underlay { dev: underlay.dev.to_string(), address: underlay.address }),
        held: now.held.clone(),
        peers: peers.collect(),
        networked: now.networked,
        ..Setup::default()
    };
    if settings.dns.enabled && now.config.is_some() {
        setup.answer_dns(&settings.dns.listen);
    }
    setup
}
