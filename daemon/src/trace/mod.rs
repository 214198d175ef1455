//! How a packet goes: the facts of [`pontoon_trace`], and what only this node's kernel knows.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`live`] | a packet that is really sent |
//! | `names` | what a name stands for: this node's own DNS is asked, as the sender would |
//! | `gather` | what is known of nodes, pods and services |
//! | `kernel` | tables, routes and sockets of this node |
//! | `strangers` | the rules of other programs |
//! | `sockets` | who listens |

mod gather;
mod kernel;
pub mod live;
mod names;
mod sockets;
mod strangers;

use std::path::PathBuf;
use std::sync::Arc;

use pontoon_model::api::{Code, Failure};
use pontoon_model::object::Kind;
use pontoon_model::service::ServiceKind;
use pontoon_model::trace::{Destination, Origin, Question, Trace};
use pontoon_trace::{AimError, Named, World};
use tokio::sync::watch;

use crate::attach::Attacher;
use crate::dns::publisher::Serving;
use crate::lease::Identity;
use crate::objects;
use crate::services;
use crate::services::inquiry::Inquiries;
use crate::situation::Situation;
use gather::Gathered;
use kernel::Kernel;
use live::Hub;

/// What a trace is made from.
pub struct Tracer {
    /// Who the node is.
    pub me: Identity,
    /// Its pods.
    pub attacher: Arc<Attacher>,
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// The node as services are planned for it.
    pub local: watch::Receiver<Option<services::Local>>,
    /// Who knows services, endpoints and pods.
    pub inquiries: Inquiries,
    /// This node's DNS; none where it answers none.
    pub dns: watch::Receiver<Option<Serving>>,
    /// Where the host's own search list is.
    pub resolv_conf: PathBuf,
    /// Who has packets sent and looked for.
    pub hub: Arc<Hub>,
}

/// Ports that a packet is sent from: behind those that the kernel gives by itself (`ip_local_port_range`).
const SOURCE_PORTS: std::ops::RangeInclusive<u16> = 61_000..=65_000;

impl Tracer {
    /// Follows a packet.
    ///
    /// # Errors
    /// When the question is about what is not there, or nothing is known yet.
    pub async fn answer(&self, question: Question) -> Result<Trace, Failure> {
        let gathered = gather::gather(self, &question).await?;
        check(&gathered, &question)?;
        let named = self.named(&gathered, &question).await?;
        let gathered = match &named {
            Some(named) => gathered.around(self, &named.addresses, &question).await?,
            None => gathered,
        };
        let Gathered { world, records } = gathered;
        let aim = pontoon_trace::aim(&world, &question, named.as_ref()).map_err(refused)?;
        let asked = question.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let kernel = Kernel::open(&world, &records);
            let trace = pontoon_trace::tell(&world, &kernel, &asked, &aim, named);
            (world, trace)
        });
        let (world, trace) = looked.await.map_err(|error| {
            Failure::new(Code::Internal, "the packet cannot be followed", error.to_string())
        })?;
        if question.live { self.live(&world, &question, trace).await } else { Ok(trace) }
    }

    /// Has the packet of a trace really sent.
    async fn live(
        &self,
        world: &World,
        question: &Question,
        trace: Trace,
    ) -> Result<Trace, Failure> {
        if matches!(question.from, Origin::Outside { .. }) {
            return Err(Failure::new(
                Code::InvalidObject,
                "no node can send a packet from outside",
                "leave out live, or send from a pod or a node",
            )
            .of_field("live"));
        }
        let port = rand::random_range(SOURCE_PORTS);
        let Some(probe) = pontoon_trace::live::probe(world, question, &trace, port) else {
            // There is no address to send to, and the trace says why.
            return Ok(trace);
        };
        let reports = self.hub.ask(&probe).await?;
        Ok(pontoon_trace::live::join(world, trace, &probe, &reports))
    }

    /// What the name in the question stands for, if there is one: a name that was typed, or the name of
    /// a service that is nothing else.
    async fn named(
        &self,
        gathered: &Gathered,
        question: &Question,
    ) -> Result<Option<Named>, Failure> {
        let world = &gathered.world;
        let name = match &question.to {
            Destination::Name(name) => name.clone(),
            Destination::Service(id) => {
                let external = world
                    .service(id)
                    .is_some_and(|backed| backed.service.kind == ServiceKind::ExternalName);
                if !external {
                    return Ok(None);
                }
                format!("{}.{}.svc.{}.", id.name, id.namespace, world.config.cluster_domain)
            }
            _ => return Ok(None),
        };
        if matches!(question.from, Origin::Outside { .. }) {
            return Err(Failure::new(
                Code::InvalidObject,
                format!("outsiders do not ask the cluster's DNS for {name}"),
                "give a node, as in `node/NAME`, or an address",
            )
            .of_field("to"));
        }
        let serving = self.dns.borrow().clone();
        let Some(serving) = serving else {
            return Err(Failure::new(
                Code::NotAvailable,
                format!("this node answers no DNS, so {name} stands for nothing here"),
                "give an address, or ask a node that has dns.enabled",
            ));
        };
        names::resolve(self, gathered, &serving, &question.from, &name).await.map(Some)
    }
}

/// That all that was named is there.
fn check(gathered: &Gathered, question: &Question) -> Result<(), Failure> {
    let Gathered { world, .. } = gathered;
    let absent =
        |kind: Kind, name: &dyn std::fmt::Display| Err(objects::not_found(kind, &name.to_string()));
    match &question.from {
        Origin::Pod(id) if world.pod(id).is_none() => return absent(Kind::Pod, id),
        Origin::Node(name) | Origin::Outside { node: Some(name), .. }
            if !world.nodes.contains_key(name) =>
        {
            return absent(Kind::Node, name);
        }
        _ => {}
    }
    match &question.to {
        Destination::Pod(id) if world.pod(id).is_none() => absent(Kind::Pod, id),
        Destination::Node(name) if !world.nodes.contains_key(name) => absent(Kind::Node, name),
        Destination::Service(id) if world.service(id).is_none() => absent(Kind::Service, id),
        _ => Ok(()),
    }
}

fn refused(error: AimError) -> Failure {
    let AimError { field, problem, next } = error;
    Failure::new(Code::InvalidObject, problem, next).of_field(field)
}
