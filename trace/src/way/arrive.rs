//! Where a way ends.

use pontoon_model::cidr::Family;
use pontoon_model::name::NodeName;
use pontoon_model::service::ServicePort;
use pontoon_model::trace::{Basis, Outcome, Step, StepKind, Transport, Verdict};

use super::Walker;
use crate::aim;
use crate::host::Tables;
use crate::rules::walk_words::socket;
use crate::service;
use crate::world::Pod;

impl Walker<'_> {
    /// Into a pod of this node.
    pub(super) fn at_pod(&mut self, node: &NodeName, pod: &Pod) -> Verdict {
        let at = socket(self.packet.destination, self.packet.ports.1);
        let by = match &pod.attached {
            Some(attached) => format!(" by {}", attached.host_end),
            None => String::new(),
        };
        let mut details = vec![format!("the pod sees it come from {}", self.packet.source)];
        if !pod.ready {
            details.push("the pod says that it is not ready".to_owned());
        }
        self.arrived(node, Basis::Store, format!("pod {} gets it{by}, at {at}", pod.id), details);
        self.answered(node, &format!("pod {}", pod.id), &at)
    }

    /// To the host itself.
    pub(super) fn at_host(&mut self, node: &NodeName, tables: &Tables) -> Verdict {
        let at = socket(self.packet.destination, self.packet.ports.1);
        let dns = self.world.dns.contains(&self.packet.destination);
        let whom =
            if dns { format!("the DNS of node {node}") } else { format!("node {node} itself") };
        let mut details = vec![format!("it comes from {}", self.packet.source)];
        details.extend(self.no_node_port(node));
        self.arrived(node, tables.basis, format!("{whom} gets it, at {at}"), details);
        self.answered(node, &whom, &at)
    }

    /// Why what comes to a node itself meets no service by its port.
    fn no_node_port(&self, node: &NodeName) -> Option<String> {
        let (address, port) = (self.packet.destination, self.packet.ports.1);
        if port == 0 {
            return None;
        }
        let holders: Vec<_> = aim::of_node_port(self.world, port).collect();
        let Some((first, known)) = holders.first() else {
            let is_one = self.world.config.node_port_range.contains(port);
            return is_one.then(|| format!("no service has node port {port}"));
        };
        let fits = |known: &ServicePort| self.transport.service() == Some(known.protocol);
        let Some((backed, _)) = holders.iter().find(|(_, known)| fits(known)) else {
            let (id, over) = (&first.service.id, known.protocol);
            let typed = over.to_string().to_lowercase();
            return Some(format!(
                "service {id} has node port {port} over {over}: ask for {port}/{typed}"
            ));
        };
        let id = &backed.service.id;
        let family = Family::of(address);
        if !backed.service.cluster_ips.iter().any(|ip| Family::of(*ip) == family) {
            return Some(format!("service {id} has node port {port}, and not over {family}"));
        }
        let answers = service::node(self.world, node).node_port_addresses.contains(&address);
        (!answers).then(|| {
            format!(
                "service {id} has node port {port}, and node {node} does not answer on node ports at {address}: see node.node-port-addresses"
            )
        })
    }

    fn arrived(&mut self, node: &NodeName, basis: Basis, text: String, details: Vec<String>) {
        self.steps.push(Step {
            kind: StepKind::Arrival,
            node: Some(node.clone()),
            basis,
            text,
            details,
            rules: Vec::new(),
        });
    }

    /// Whether somebody takes it there, as far as this node can see.
    fn answered(&mut self, node: &NodeName, whom: &str, at: &str) -> Verdict {
        let here = *node == self.world.me && self.transport != Transport::Icmp;
        let (destination, port) = (self.packet.destination, self.packet.ports.1);
        let listens = here.then(|| self.host.listens(self.transport, destination, port)).flatten();
        match listens {
            Some(false) => self.end(
                Outcome::Refused,
                node,
                format!("it arrives, and nobody listens at {at}/{} in {whom}", self.transport),
                Some("start what is to listen there, or mend the service's targetPort".to_owned()),
            ),
            Some(true) => self.end(
                Outcome::Delivered,
                node,
                format!("it arrives at {at}, and somebody listens there{}", self.unread()),
                None,
            ),
            None if here || self.transport == Transport::Icmp => {
                let text = format!("it arrives at {at}{}", self.unread());
                self.end(Outcome::Delivered, node, text, None)
            }
            None => {
                let text = format!(
                    "it arrives at {at}; only node {node} can see who listens there{}",
                    self.unread()
                );
                self.end(Outcome::Delivered, node, text, None)
            }
        }
    }

    /// To where nobody here knows what becomes of it.
    pub(super) fn away(&mut self, node: &NodeName) -> Verdict {
        let text = format!(
            "it leaves the cluster for {} as coming from {}{}",
            socket(self.packet.destination, self.packet.ports.1),
            self.packet.source,
            self.unread()
        );
        self.end(Outcome::Leaves, node, text, None)
    }

    /// On which nodes of its way nobody looked at the rules of other programs.
    fn unread(&self) -> String {
        let names: Vec<String> = self.unread.iter().map(ToString::to_string).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("; rules of other programs on node {one} were not looked at"),
            all => {
                format!("; rules of other programs on nodes {} were not looked at", all.join(", "))
            }
        }
    }

    /// Whether anybody knows that the other node is there.
    pub(super) fn heard_of(&self, peer: &NodeName) -> Result<(), Verdict> {
        if self.world.nodes.get(peer).is_some_and(|node| node.alive) {
            return Ok(());
        }
        Err(self.end(
            Outcome::Unknown,
            peer,
            format!("node {peer} is not alive: where only its daemon is down packets pass, where the host is down they do not"),
            Some(format!("look at node {peer}: `systemctl status pontoond` there")),
        ))
    }
}
