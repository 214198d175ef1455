//! Since when nothing happens on a connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What happens on a connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    requests: usize,
    /// When the last of them was done.
    since: Instant,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

impl Default for Activity {
    fn default() -> Self {
        Self(Mutex::new(Inner { requests: 0, since: Instant::now() }))
    }
}

impl Activity {
    /// A request has come.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.lock().requests += 1;
        Busy(self.clone())
    }

    /// Waits until nothing has happened for that long.
    pub(super) async fn idle_for(&self, time: Duration) {
        loop {
            let until = match &*self.lock() {
                Inner { requests: 0, since } => *since + time,
                // It is done at any time from now on.
                _ => Instant::now() + time,
            };
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.requests -= 1;
        inner.since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_idle_a_while_behind_the_last_request() {
        let activity = Arc::new(Activity::default());
        let (long, short) = (Duration::from_millis(150), Duration::from_millis(60));
        let begun = Instant::now();
        let busy = [activity.begin(), activity.begin()];
        let ends = tokio::spawn(async move {
            for busy in busy {
                tokio::time::sleep(long).await;
                drop(busy);
            }
        });
        activity.idle_for(short).await;
        assert!(begun.elapsed() >= long * 2 + short, "{:?}", begun.elapsed());
        assert!(ends.is_finished());
    }
}
