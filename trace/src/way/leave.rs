//! Where a host leads a packet.

use pontoon_model::cluster::BackendKind;
use pontoon_model::name::NodeName;
use pontoon_model::trace::{Basis, Outcome, Step, StepKind, Verdict};

use super::say::{self, route_text};
use super::{Ended, Walker};
use crate::host::Lookup;
use crate::route::Leads;

impl Walker<'_> {
    /// Where it leads, and whether this node's kernel says the same.
    pub(super) fn route(
        &mut self,
        node: &NodeName,
        leads: &Leads<'_>,
        from_pod: bool,
    ) -> Result<(), Ended> {
        let looked = (*node == self.world.me).then(|| self.host.lookup(&self.packet)).flatten();
        let basis = if looked.is_some() { Basis::Kernel } else { Basis::Plan };
        let mut step = Step {
            kind: StepKind::Route,
            node: Some(node.clone()),
            basis,
            text: route_text(self.world, node, &self.packet, leads, from_pod),
            details: Vec::new(),
            rules: Vec::new(),
        };
        let planned = self.planned_device(node, leads);
        let differs = match &looked {
            Some(Ok(found)) => {
                step.details.push(say::lookup(found));
                let same = planned.as_ref().is_none_or(|(dev, local)| {
                    found.local == *local
                        && (*local || dev.as_ref().is_none_or(|d| *d == found.dev))
                });
                (!same).then(|| {
                    format!("this host's routes lead it elsewhere: {}", say::lookup(found))
                })
            }
            Some(Err(error)) => {
                step.details.push(format!("the kernel says: {error}"));
                let known = matches!(leads, Leads::Unleased(_));
                (!known).then(|| format!("this host has no route for it: {error}"))
            }
            None => None,
        };
        if let Some(Ok(Lookup { dev, .. })) = &looked {
            self.packet.output = Some(dev.clone());
        } else {
            self.packet.output = planned.and_then(|(dev, _)| dev);
        }
        self.steps.push(step);
        if let Some(differs) = differs {
            let refused = matches!(looked, Some(Err(_)));
            let outcome = if refused { Outcome::Refused } else { Outcome::Unknown };
            let next = "see `pontoon doctor`, and compare with `ip route get`".to_owned();
            return Err(self.end(outcome, node, differs, Some(next)));
        }
        self.dead_end(node, leads).map_or(Ok(()), Err)
    }

    fn dead_end(&self, node: &NodeName, leads: &Leads<'_>) -> Option<Verdict> {
        let destination = self.packet.destination;
        Some(match leads {
            Leads::Unleased(range) => self.end(
                Outcome::Refused,
                node,
                format!("no node holds the part of {range} that {destination} is in"),
                Some(
                    "the subnet is gone, with its node perhaps: see `pontoon get subnets`"
                        .to_owned(),
                ),
            ),
            Leads::Nobody(subnet) => self.end(
                Outcome::Refused,
                node,
                format!("no pod of node {node} has {destination}, which is in its subnet {subnet}"),
                Some("the pod is gone: see `pontoon get pods -A -o wide`".to_owned()),
            ),
            Leads::Peer { node: peer, backend: None, .. } => self.end(
                Outcome::Dropped,
                node,
                format!("node {node} has no way to node {peer}"),
                Some("`pontoon status` says why".to_owned()),
            ),
            _ => return None,
        })
    }

    /// The device that it should leave by, if that is known, or that it is for the host itself.
    fn planned_device(&self, node: &NodeName, leads: &Leads<'_>) -> Option<(Option<String>, bool)> {
        let devices = &self.world.devices;
        let mine = || devices.underlay.clone().filter(|_| *node == self.world.me);
        Some(match leads {
            Leads::Here => (None, true),
            Leads::Pod(_) | Leads::Nobody(_) => (Some(devices.bridge.clone()), false),
            Leads::Peer { backend: Some(BackendKind::Vxlan), .. } => {
                (Some(devices.overlay.clone()), false)
            }
            Leads::Peer { subnet: Some(_), backend: Some(BackendKind::HostGw), .. } => {
                (mine(), false)
            }
            Leads::Peer { .. } | Leads::Away => (None, false),
            Leads::Unleased(_) => return None,
        })
    }
}
