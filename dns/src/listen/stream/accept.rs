//! Takes connections, as many as there may be.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::super::https;
use super::super::tls::Tls;
use super::ask::Desk;
use super::dialogue;
use super::limits::{Place, Places};
use crate::exchange::{Answers, Transport};
use crate::metrics::tally::{Closed, Tally};

/// Before the next try, when the kernel has no connection to give.
const RETRY: Duration = Duration::from_millis(100);

/// Takes the connections of one socket.
pub(super) struct Acceptor<A> {
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Tls>,
    pub(super) desk: Arc<Desk<A>>,
    pub(super) places: Arc<Places>,
    pub(super) tasks: TaskTracker,
    pub(super) ended: CancellationToken,
}

/// A connection, counted until it is dropped.
struct Open {
    tally: Arc<Tally>,
    _place: Place,
}

impl Open {
    fn new(tally: Arc<Tally>, place: Place) -> Self {
        tally.opened();
        Self { tally, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tally.ended();
    }
}

impl<A: Answers> Acceptor<A> {
    /// Takes connections until the end, and then those that wait already.
    pub(super) async fn run(self) {
        loop {
            tokio::select! {
                biased;
                () = self.desk.ending.cancelled() => break,
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, client)) => self.take(stream, client),
                    Err(error) => {
                        warn!(server = self.desk.tally.server, %error, "cannot take a connection; goes on");
                        sleep(RETRY).await;
                    }
                },
            }
        }
        while let Some(Ok((stream, client))) = self.socket.accept().now_or_never() {
            self.take(stream, client);
        }
    }

    fn take(&self, stream: TcpStream, client: SocketAddr) {
        let client = client.ip().to_canonical();
        let Some(place) = self.places.take(self.desk.reception.gate.client(client)) else {
            self.desk.tally.closed(Closed::TooMany);
            return;
        };
        let open = Open::new(self.desk.tally.clone(), place);
        let (desk, tls) = (self.desk.clone(), self.tls.clone());
        let serving = async move {
            if let Some(why) = serve(&desk, tls, stream, client).await {
                debug!(server = desk.tally.server, %client, ?why, "closed a connection");
                desk.tally.closed(why);
            }
            drop(open);
        };
        self.tasks.spawn(self.ended.clone().run_until_cancelled_owned(serving));
    }
}

/// Serves a connection; says why it was closed, unless the client did so.
async fn serve<A: Answers>(
    desk: &Arc<Desk<A>>,
    tls: Option<Tls>,
    stream: TcpStream,
    client: IpAddr,
) -> Option<Closed> {
    // Answers are small and complete: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return dialogue::hold(desk, stream, client).await;
    };
    let Ok(Ok(stream)) = timeout(desk.limits.idle, tls.accept(stream)).await else {
        return Some(Closed::Handshake);
    };
    match desk.transport {
        Transport::Https => https::serve(desk, stream, client).await,
        _ => dialogue::hold(desk, stream, client).await,
    }
}
