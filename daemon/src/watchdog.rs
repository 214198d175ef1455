//! Tells systemd that the daemon is ready, and then, for as long as it really is well, that it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tracing::{debug, warn};

/// Longest time between two turns of the controller's loop, which turns every second when all is
/// well. Applying a large plan may take a while.
const STUCK: Duration = Duration::from_secs(20);
/// The time in which a request over the socket must be answered.
const ANSWER: Duration = Duration::from_secs(5);

/// Says something to systemd; without one nobody listens.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "cannot notify systemd");
    }
}

/// What tells whether the daemon is well.
#[derive(Debug, Clone)]
pub struct Liveness {
    /// The socket, which must answer.
    pub socket: PathBuf,
    /// Where the controller's loop shows that it turns: milliseconds since the start.
    pub pulse: Arc<AtomicU64>,
    /// The start.
    pub started: Instant,
}

/// Feeds the watchdog, if there is one (`WatchdogSec=`), while the daemon is well.
pub async fn run(liveness: Liveness) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut ticks = tokio::time::interval(limit / 3);
    loop {
        ticks.tick().await;
        match liveness.check().await {
            Ok(()) => notify(&[NotifyState::Watchdog]),
            Err(problem) => {
                warn!(problem, "not well; systemd will restart the daemon if this lasts")
            }
        }
    }
}

impl Liveness {
    /// Whether the controller turns, a thread that may block can be had, and the socket answers.
    ///
    /// # Errors
    /// What is not so.
    pub async fn check(&self) -> Result<(), String> {
        well(&self.socket, &self.pulse, self.started).await
    }
}

async fn well(socket: &Path, pulse: &AtomicU64, started: Instant) -> Result<(), String> {
    let now = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let silent = Duration::from_millis(now.saturating_sub(pulse.load(Ordering::Relaxed)));
    if silent > STUCK {
        return Err(format!("the controller has not turned for {} s", silent.as_secs()));
    }
    let blocking = tokio::time::timeout(ANSWER, tokio::task::spawn_blocking(|| ()));
    if !matches!(blocking.await, Ok(Ok(()))) {
        return Err("every thread that may block is busy".into());
    }
    match tokio::time::timeout(ANSWER, ask(socket)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the socket does not answer: {error}")),
        Err(_) => Err(format!("the socket has not answered for {} s", ANSWER.as_secs())),
    }
}

/// Any answer will do.
async fn ask(socket: &Path) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(br#"{"verb":"ping"}"#).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
}
