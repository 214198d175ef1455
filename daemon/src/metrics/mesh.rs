//! How well this node reaches its peers.

use std::fmt;
use std::sync::Arc;

use pontoon_model::mesh::Quality;
use pontoon_model::name::NodeName;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::figure::{counters, gauge, gauges};
use crate::mesh::board::Board;

/// Where it is read.
#[derive(Debug, Clone)]
pub struct Parts {
    /// This node.
    pub me: NodeName,
    /// What it measured.
    pub board: Arc<Board>,
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let row = self.board.row();
        let help = "Peers that this node probes";
        gauge(&mut encoder, "pontoon_mesh_peers", help, None, row.probed as f64)?;
        let ways = row.peers.iter().flat_map(|(peer, ways)| {
            ways.each().map(|(way, quality)| (peer.as_str(), way, quality)).collect::<Vec<_>>()
        });
        let own = [("dns", row.dns), ("service", row.service)];
        let own = own.into_iter().filter_map(|(way, it)| Some((self.me.as_str(), way, it?)));
        let all: Vec<(&str, &str, Quality)> = ways.chain(own).collect();
        gauges(
            &mut encoder,
            "pontoon_mesh_loss_ratio",
            "Share of the last ten probes that had no answer, 0 to 1",
            None,
            all.iter().map(|(peer, way, quality)| {
                ([("peer", *peer), ("way", *way)], f64::from(quality.loss_percent) / 100.0)
            }),
        )?;
        gauges(
            &mut encoder,
            "pontoon_mesh_round_trip",
            "Median time of the last ten probes until their answers; absent when none came",
            Some(&Unit::Seconds),
            all.iter().filter_map(|(peer, way, quality)| {
                Some(([("peer", *peer), ("way", *way)], f64::from(quality.rtt_us?) / 1e6))
            }),
        )?;
        counters(
            &mut encoder,
            "pontoon_mesh_probes_lost",
            "Probes of peers that had no answer",
            None,
            self.board.tallies().map(|(way, tally)| ([("way", way.name())], tally.lost.get())),
        )?;
        let mut family = encoder.encode_descriptor(
            "pontoon_mesh_probe_duration",
            "Time until peers answered",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (way, tally) in self.board.tallies() {
            tally.times.encode(family.encode_family(&[("way", way.name())])?)?;
        }
        Ok(())
    }
}
