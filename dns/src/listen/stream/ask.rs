//! A question that came on a connection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::super::gate::Admission;
use super::super::reception::{Outcome, Reception, refuse};
use super::limits::Limits;
use crate::exchange::{Answers, Transport};
use crate::metrics::label::Kind;
use crate::metrics::tally::{Loss, Tally};

/// The longest question: a name, and what EDNS may say beside it.
pub(in crate::listen) const LONGEST: usize = 4096;

/// At the end, questions that are on their way have arrived after that.
pub(in crate::listen) const LINGER: Duration = Duration::from_millis(20);

/// What all connections of a listener share.
pub(in crate::listen) struct Desk<A> {
    pub(in crate::listen) reception: Arc<Reception<A>>,
    pub(in crate::listen) tally: Arc<Tally>,
    pub(in crate::listen) transport: Transport,
    pub(in crate::listen) limits: Limits,
    /// No more questions are taken.
    pub(in crate::listen) ending: CancellationToken,
}

/// What becomes of a question at once.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::listen) enum Taken {
    /// Its answer.
    Answer(Vec<u8>),
    /// That the client may not ask.
    Refusal(Vec<u8>),
    /// The answer takes time: [`Desk::later`].
    Later,
    /// No answer.
    Lost(Loss),
}

impl<A: Answers> Desk<A> {
    /// Answers a question if that takes no time.
    pub(in crate::listen) fn ask(&self, message: &[u8], client: IpAddr) -> Taken {
        let asked = Instant::now();
        let mut out = Vec::new();
        let taken = match self.reception.gate.open(asked).admit(client, message) {
            Admission::TooMuch => Taken::Lost(Loss::RateLimited),
            Admission::Stranger => {
                self.tally.refused_stranger();
                match refuse(message, self.transport, &mut out) {
                    true => Taken::Refusal(out),
                    false => Taken::Lost(Loss::Malformed),
                }
            }
            Admission::Admitted => {
                match self.reception.at_once(message, client, self.transport, &mut out) {
                    Outcome::Answered => Taken::Answer(out),
                    Outcome::Later => Taken::Later,
                    Outcome::Dropped => Taken::Lost(Loss::Malformed),
                    Outcome::Panicked => Taken::Lost(Loss::Panicked),
                }
            }
        };
        match &taken {
            Taken::Answer(answer) | Taken::Refusal(answer) => {
                self.count(message, answer, client, asked);
            }
            Taken::Lost(loss) => self.tally.lost(*loss, 1),
            Taken::Later => {}
        }
        taken
    }

    /// Answers a question that takes time; with nothing where it got no answer.
    pub(in crate::listen) async fn later(&self, message: Vec<u8>, client: IpAddr) -> Vec<Vec<u8>> {
        let asked = Instant::now();
        let answers = self.reception.later(message.clone(), client, self.transport).await;
        match answers {
            Ok(answers) => {
                for answer in &answers {
                    self.count(&message, answer, client, asked);
                }
                answers
            }
            Err(loss) => {
                self.tally.lost(loss, 1);
                Vec::new()
            }
        }
    }

    fn count(&self, question: &[u8], answer: &[u8], client: IpAddr, asked: Instant) {
        let kind = Kind::of(question, answer, client);
        self.tally.answered(kind, question.len(), answer.len());
        self.tally.took_one(asked.elapsed(), kind.zone);
    }
}
