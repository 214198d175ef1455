//! One upstream: asked over UDP, over TCP when the answer does not fit, or over TLS.
//!
//! hickory's transports are not used: they give an answer only when they can decode every record in
//! it, while ours must be passed on whatever is in them, and on streams they compare no question.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`request`] | a question, and what answers it |
//! | `udp`, `stream` | how both travel |
//! | [`tls`] | whom to trust |
//! | [`health`] | whether it answers |

pub mod health;
pub mod request;
mod stream;
pub mod tls;
mod udp;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;

use self::health::Health;
use self::request::Request;
use self::stream::{Channel, Way};
use super::address::Address;
use super::answer::{Answer, Longest};
use super::message::{Malformed, records};
use crate::metrics::forward::{Forward, Upstream as Figures};
use crate::wire::code::rtype;

/// Why there is no answer from an upstream.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// It did not come in time.
    #[error("no answer in time")]
    TimedOut,
    /// The network, or the other side's host, says so.
    #[error("{0}")]
    Network(Arc<io::Error>),
    /// This host has no socket to spare, which says nothing about the other side.
    #[error("this host cannot ask: {0}")]
    Host(Arc<io::Error>),
    /// The connection was closed before the answer.
    #[error("the connection was closed before the answer")]
    Closed,
    /// What came is no message.
    #[error("{0}")]
    Malformed(#[from] Malformed),
}

impl Failure {
    fn network(error: io::Error) -> Self {
        Self::Network(Arc::new(error))
    }

    fn host(error: io::Error) -> Self {
        Self::Host(Arc::new(error))
    }
}

/// What upstreams have in common.
#[derive(Clone)]
pub struct Manner {
    /// How long one has for its answer.
    pub timeout: Duration,
    /// How long a connection is kept with nothing to say.
    pub idle: Duration,
    /// How often one is tried that does not answer.
    pub probe: Duration,
    /// How long answers live.
    pub longest: Longest,
    /// How TLS is spoken; there for all who need it.
    pub tls: Option<TlsConnector>,
    /// Where is counted who was asked and answered.
    pub forward: Forward,
    /// Counts what came and was no answer: another id, another question.
    pub strays: Counter,
}

impl fmt::Debug for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manner").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// One upstream.
pub struct Upstream {
    address: Address,
    manner: Manner,
    channel: Channel,
    /// Whether it answers.
    pub health: Health,
    figures: Figures,
}

impl Upstream {
    /// One that was not asked yet.
    #[must_use]
    pub fn new(address: Address, manner: Manner) -> Self {
        let way = Way {
            to: address.socket,
            tls: manner.tls.clone().zip(address.tls.clone()),
            connect: manner.timeout,
            idle: manner.idle,
        };
        let channel = Channel::new(way);
        let figures = manner.forward.upstream(&address.to_string());
        Self { address, manner, channel, health: Health::default(), figures }
    }

    /// Who it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks it. Within tokio.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn exchange(self: &Arc<Self>, request: &Arc<Request>) -> Result<Answer, Failure> {
        let started = Instant::now();
        self.figures.asked();
        let result = self.ask(request).await;
        match &result {
            Ok(answer) => {
                self.figures.answered(answer.rcode().into(), started.elapsed());
                if self.health.answered() {
                    tracing::info!(upstream = %self.address, "an upstream answers again");
                }
            }
            Err(failure) => {
                tracing::debug!(upstream = %self.address, %failure, "no answer from an upstream");
                if !matches!(failure, Failure::Host(_)) && self.health.failed() {
                    self.went_down(failure);
                }
            }
        }
        result
    }

    async fn ask(&self, request: &Arc<Request>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.manner.timeout;
        let mut message = self.send(request, deadline).await?;
        // RFC 6891, section 7: who does not know EDNS says so in words of its own time.
        let refused = matches!(message[3] & 15, 1 | 4) && !has_edns(&message);
        if let Some(plain) = request.without_edns().filter(|_| refused) {
            message = self.send(&Arc::new(plain), deadline).await?;
        }
        Ok(Answer::read(&message, self.manner.longest)?)
    }

    async fn send(&self, request: &Arc<Request>, deadline: Instant) -> Result<Vec<u8>, Failure> {
        if self.address.tls.is_none() {
            let exchange = udp::exchange(self.address.socket, request, &self.manner.strays);
            let message = timeout_at(deadline, exchange).await.map_err(|_| Failure::TimedOut)??;
            let is_truncated = message[2] & 0x02 != 0;
            if !is_truncated {
                return Ok(message);
            }
        }
        self.channel.exchange(request, deadline).await
    }

    /// Tries it until it answers, or nobody has it any more.
    fn went_down(self: &Arc<Self>, failure: &Failure) {
        tracing::warn!(
            upstream = %self.address, %failure,
            "an upstream does not answer; others are asked first until it does"
        );
        let (upstream, every) = (Arc::downgrade(self), self.manner.probe);
        tokio::spawn(async move {
            let probe = Arc::new(Request::about(&[0], rtype::NS));
            loop {
                sleep(every).await;
                let Some(upstream) = upstream.upgrade() else { return };
                if upstream.health.is_good() {
                    return;
                }
                match upstream.ask(&probe).await {
                    // Any answer is one, REFUSED too.
                    Ok(_) => {
                        if upstream.health.answered() {
                            tracing::info!(upstream = %upstream.address, "an upstream answers again");
                        }
                        return;
                    }
                    Err(_) => upstream.figures.check_failed(),
                }
            }
        });
    }
}

fn has_edns(message: &[u8]) -> bool {
    let found = records(message).into_iter().flatten().map_while(Result::ok);
    found.into_iter().any(|record| record.rtype == rtype::OPT)
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("address", &self.address)
            .field("health", &self.health)
            .finish_non_exhaustive()
    }
}
