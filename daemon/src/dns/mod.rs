//! Cluster DNS on this node.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`publisher`] | what the store tells becomes names |
//! | [`serve`] | listens, once there is somebody who answers |
//! | [`secure`] | the same over TLS and HTTPS |
//! | [`here`] | the addresses of this host |
//! | [`sockets`] | the sockets, which outlive the process under systemd |
//! | [`told`] | what pods are told of it |
//! | [`alone`] | DNS by itself, without anything else of the daemon |
//! | [`recall`] | what that knew before its start, while the store is away |
//! | [`cluster`] | what of the cluster's configuration the names depend on |

pub mod alone;
pub mod cluster;
pub mod here;
pub mod publisher;
pub mod recall;
pub mod secure;
pub mod serve;
pub mod sockets;
pub mod told;

use pontoon_dns::answer::responder::Responder;
use pontoon_dns::forward::Forwarder;
use tokio::sync::watch;

use crate::metrics::Source;
use publisher::Serving;

/// Shows what is counted of answers, once there are any.
pub fn figures(serving: watch::Receiver<Option<Serving>>) -> Source {
    Box::new(move |registry| {
        if let Some(serving) = serving.borrow().as_ref() {
            serving.metrics.register(registry);
        }
    })
}

/// Who answers.
pub type Server = Responder<Forwarder>;
