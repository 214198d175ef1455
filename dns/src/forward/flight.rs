//! Questions that are under way: the same one goes to upstreams once, whoever else asks it meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::answer::Answer;
use super::key::Key;

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Too many others are under way.
    Busy,
    /// Nobody answers.
    NoAnswer,
}

/// What came of a question.
pub(super) type Outcome = Result<Arc<Answer>, Refusal>;

/// Questions under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Box<[u8]>, Waiting>>);

/// What waits for a question.
#[derive(Debug, Clone)]
pub(super) struct Waiting(watch::Receiver<Option<Outcome>>);

/// What must see to it that a question comes to an end; when it is dropped, there was no answer.
#[derive(Debug)]
pub(super) struct Flight {
    all: Arc<Flights>,
    key: Box<[u8]>,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Flights {
    /// Waits with those who ask the same; the first gets the question to carry out.
    pub(super) fn join(self: &Arc<Self>, key: &Key) -> (Waiting, Option<Flight>) {
        let mut flights = self.lock();
        if let Some(waiting) = flights.get(key.bytes()) {
            return (waiting.clone(), None);
        }
        let (outcome, waiting) = watch::channel(None);
        let waiting = Waiting(waiting);
        flights.insert(key.bytes().into(), waiting.clone());
        let flight = Flight { all: self.clone(), key: key.bytes().into(), outcome };
        (waiting, Some(flight))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Waits until it comes to an end.
    pub(super) async fn outcome(mut self) -> Outcome {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(Refusal::NoAnswer)),
            Err(_) => Err(Refusal::NoAnswer),
        }
    }
}

impl Flight {
    /// Tells all who wait.
    pub(super) fn land(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::asks;
    use super::*;
    use crate::wire::question::Query;

    fn key(name: &str) -> Key {
        Key::of(&Query::parse(&asks(name, 1, None)).unwrap())
    }

    #[tokio::test]
    async fn the_same_question_is_carried_out_once_and_told_to_all() {
        let flights = Arc::new(Flights::default());
        let (first, flight) = flights.join(&key("a.b"));
        let (second, none) = flights.join(&key("A.b"));
        assert!(none.is_none());
        assert!(flights.join(&key("a.c")).1.is_some(), "another one");
        flight.unwrap().land(Err(Refusal::Busy));
        assert_eq!(first.outcome().await, Err(Refusal::Busy));
        assert_eq!(second.outcome().await, Err(Refusal::Busy));
        assert!(flights.join(&key("a.b")).1.is_some(), "it is over");
    }

    #[tokio::test]
    async fn a_question_that_is_given_up_has_no_answer() {
        let flights = Arc::new(Flights::default());
        let (waiting, flight) = flights.join(&key("a.b"));
        drop(flight);
        assert_eq!(waiting.outcome().await, Err(Refusal::NoAnswer));
        assert!(flights.lock().is_empty());
    }
}
