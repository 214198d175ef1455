//! Connections: TCP (RFC 7766), TLS (RFC 7858) and HTTP (RFC 8484).
//!
//! | module | what it does |
//! | --- | --- |
//! | [`limits`] | how many connections there may be, and how long nothing may happen on one |
//! | `accept` | takes connections, as many as there may be, and ends with them |
//! | `dialogue` | questions and answers on one connection |
//! | `ask` | one question |

mod accept;
pub(super) mod ask;
mod dialogue;
pub mod limits;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::https;
use super::reception::Reception;
use super::tls::{Certificate, Tls};
use crate::exchange::{Answers, Transport};
use accept::Acceptor;
use ask::Desk;
use limits::{Limits, Places};

/// DNS, for the agreement on TLS (RFC 7858, IANA's protocol identifiers).
const DOT: [&str; 1] = ["dot"];

/// What is spoken on connections.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// DNS.
    Tcp,
    /// DNS inside TLS, with that certificate.
    Tls(Arc<Certificate>),
    /// DNS inside HTTP inside TLS, with that certificate.
    Https(Arc<Certificate>),
}

impl Protocol {
    fn transport(&self) -> Transport {
        match self {
            Self::Tcp => Transport::Tcp,
            Self::Tls(_) => Transport::Tls,
            Self::Https(_) => Transport::Https,
        }
    }

    /// How CoreDNS begins the name of such a server.
    fn scheme(&self) -> &'static str {
        match self {
            Self::Tcp => "dns",
            Self::Tls(_) => "tls",
            Self::Https(_) => "https",
        }
    }
}

/// Tasks that answer on connections, until they are stopped or this is dropped.
#[derive(Debug)]
pub struct Listener {
    /// No new connections and no new questions.
    ending: CancellationToken,
    /// Not even answers.
    ended: CancellationToken,
    tasks: TaskTracker,
}

impl Listener {
    /// Takes connections from each socket, on the runtime that this is called on. The limits are for
    /// all sockets together.
    ///
    /// # Errors
    /// When the kernel refuses a setting of a socket.
    pub fn start<A: Answers>(
        reception: &Arc<Reception<A>>,
        sockets: Vec<TcpListener>,
        protocol: &Protocol,
        limits: Limits,
    ) -> io::Result<Self> {
        let listener = Self {
            ending: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let places = Arc::new(Places::new(limits));
        for socket in sockets {
            let server = format!("{}://{}", protocol.scheme(), socket.local_addr()?);
            socket.set_nonblocking(true)?;
            let transport = protocol.transport();
            let desk = Arc::new(Desk {
                reception: reception.clone(),
                tally: reception.metrics.tally(&server, transport),
                transport,
                limits,
                ending: listener.ending.clone(),
            });
            let tls = match protocol {
                Protocol::Tcp => None,
                Protocol::Tls(certificate) => Some(Tls::new(certificate, &DOT)?),
                Protocol::Https(certificate) => Some(Tls::new(certificate, &https::PROTOCOLS)?),
            };
            let acceptor = Acceptor {
                socket: tokio::net::TcpListener::from_std(socket)?,
                tls,
                desk,
                places: places.clone(),
                tasks: listener.tasks.clone(),
                ended: listener.ended.clone(),
            };
            listener.tasks.spawn(acceptor.run());
        }
        Ok(listener)
    }

    /// Takes no more questions, and ends; waits that long at most for the answers.
    pub async fn stop(self, patience: Duration) {
        self.ending.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            warn!(connections = self.tasks.len(), "stopped before all questions were answered");
            self.ended.cancel();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.ending.cancel();
        self.ended.cancel();
    }
}
