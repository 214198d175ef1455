//! What all listeners share: who may ask, who answers, what is counted.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::FutureExt;
use tracing::error;

use super::gate::Gate;
use crate::exchange::{Answers, AtOnce, Transport};
use crate::metrics::Metrics;
use crate::metrics::tally::Loss;
use crate::wire::code::Rcode;
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Verdict};

/// What all listeners share.
#[derive(Debug)]
pub struct Reception<A> {
    /// Who answers.
    pub answers: A,
    /// Who may ask.
    pub gate: Gate,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What became of a question at once; as [`AtOnce`], with what must not end a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Answered,
    Dropped,
    Later,
    Panicked,
}

impl<A: Answers> Reception<A> {
    /// Asks for an answer at once. `out` is empty unless there is one.
    pub(super) fn at_once(
        &self,
        message: &[u8],
        client: IpAddr,
        transport: Transport,
        out: &mut Vec<u8>,
    ) -> Outcome {
        out.clear();
        let answered = catch_unwind(AssertUnwindSafe(|| {
            self.answers.at_once(message, client, transport, out)
        }));
        let outcome = match answered {
            Ok(AtOnce::Answered) => return Outcome::Answered,
            Ok(AtOnce::Dropped) => Outcome::Dropped,
            Ok(AtOnce::Later) => Outcome::Later,
            Err(_) => {
                error!(%client, ?transport, question = ?message, "a question broke what answers it");
                Outcome::Panicked
            }
        };
        out.clear();
        outcome
    }

    /// Waits for the answers to a question.
    pub(super) async fn later(
        &self,
        message: Vec<u8>,
        client: IpAddr,
        transport: Transport,
    ) -> Result<Vec<Vec<u8>>, Loss> {
        let answering = self.answers.later(message, client, transport);
        let answers = AssertUnwindSafe(answering).catch_unwind().await.map_err(|_| {
            error!(%client, ?transport, "a question broke what answers it");
            Loss::Panicked
        })?;
        if answers.is_empty() { Err(Loss::Malformed) } else { Ok(answers) }
    }
}

/// Tells a client that it may not ask; says whether it asked at all.
pub(super) fn refuse(message: &[u8], transport: Transport, out: &mut Vec<u8>) -> bool {
    out.clear();
    // Nothing that is wrong in the question matters to somebody who may not ask.
    let Ok(query) = Query::parse(message) else { return false };
    Reply::begin(&query, query.limit(transport), out).finish(Verdict {
        rcode: Rcode::Refused,
        authoritative: false,
        recursion_available: false,
    });
    true
}
