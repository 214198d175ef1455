//! Forgets tracked UDP flows to endpoints that are gone: without NAT anew they would go there for as
//! long as packets come. Looking through the kernel's connections takes as long as its table is large,
//! so it is done behind the change, once for all changes of a moment.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use pontoon_model::service::Protocol;
use pontoon_netlink::conntrack::{Conntrack, ConntrackError, Filter};
use pontoon_netlink::nft::proto;
use pontoon_proxy::Frontend;
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tracing::{debug, warn};

/// Changes of so long a time are looked after together.
const GATHER: Duration = Duration::from_millis(50);

/// Endpoints by frontend: a flow to any other endpoint is to be forgotten.
pub type Live = HashMap<Frontend, HashSet<SocketAddr>>;

/// Where changes are told.
#[derive(Debug, Clone)]
pub struct Flows(mpsc::UnboundedSender<Live>);

impl Flows {
    /// Begins to look after flows in the calling thread's network namespace. Must be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// When connections cannot be listed at all.
    pub fn start() -> Result<Self, ConntrackError> {
        let conntrack = Conntrack::open()?;
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(conntrack, receiver));
        Ok(Self(sender))
    }

    /// Has flows to these frontends looked at.
    pub fn check(&self, live: Live) {
        if !live.is_empty() {
            // The other end lives as long as the daemon does.
            let _ = self.0.send(live);
        }
    }
}

async fn run(mut conntrack: Conntrack, mut changes: mpsc::UnboundedReceiver<Live>) {
    while let Some(mut live) = changes.recv().await {
        tokio::time::sleep(GATHER).await;
        while let Ok(newer) = changes.try_recv() {
            live.extend(newer);
        }
        let udp = Filter::all().protocol(proto::UDP);
        let outcome = block_in_place(|| {
            conntrack.delete_where(&udp, |flow| {
                let at = Frontend {
                    address: flow.original.destination,
                    protocol: Protocol::Udp,
                    port: flow.original.destination_port,
                };
                let to = SocketAddr::new(flow.reply.source, flow.reply.source_port);
                live.get(&at).is_some_and(|endpoints| !endpoints.contains(&to))
            })
        });
        match outcome {
            Ok(0) => {}
            Ok(flows) => debug!(flows, "forgot flows to endpoints that are gone"),
            Err(error) => warn!(%error, "flows to endpoints that are gone may go on"),
        }
    }
}
