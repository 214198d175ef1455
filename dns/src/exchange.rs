//! What stands between the listeners and whoever answers.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

/// How a question came, and so how its answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A datagram (RFC 1035, section 4.2.1): an answer that does not fit is cut short.
    Udp,
    /// A stream of TCP (RFC 7766).
    Tcp,
    /// A stream of TLS (RFC 7858).
    Tls,
    /// A request of HTTP (RFC 8484).
    Https,
}

/// What becomes of a question at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// The answer is in the buffer.
    Answered,
    /// It deserves no answer.
    Dropped,
    /// The answer takes time: ask [`Answers::later`].
    Later,
}

/// Whoever answers questions.
pub trait Answers: Send + Sync + 'static {
    /// Answers a message if that needs no waiting: never blocks. The answer is appended to `out`,
    /// which comes empty; nothing else may be left in it.
    fn at_once(
        &self,
        message: &[u8],
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> AtOnce;

    /// Answers a message for which [`Answers::at_once`] asked for time. The messages go to the client
    /// in this order: one, but for a zone transfer; none where it deserves none.
    fn later(
        &self,
        message: Vec<u8>,
        client: IpAddr,
        transport: Transport,
    ) -> impl Future<Output = Vec<Vec<u8>>> + Send;
}

impl<A: Answers> Answers for Arc<A> {
    fn at_once(
        &self,
        message: &[u8],
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> AtOnce {
        A::at_once(self, message, client, transport, out)
    }

    fn later(
        &self,
        message: Vec<u8>,
        client: IpAddr,
        transport: Transport,
    ) -> impl Future<Output = Vec<Vec<u8>>> + Send {
        A::later(self, message, client, transport)
    }
}
