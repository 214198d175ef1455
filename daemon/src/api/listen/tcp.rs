//! The port, for clients on other hosts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::connection;
use super::tls::{Certificates, Current};
use crate::api::Caller;
use crate::config::ApiSettings;
use crate::problems::tell;

/// Connections at once of clients that showed their certificates.
const CONNECTIONS: usize = 256;
/// Connections at once of others: they keep nobody from being served who is.
const HANDSHAKES: usize = 64;
/// Before what failed is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The longest that a client may take to show its certificate.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How the problems of this listener begin.
const WHOSE: &str = "the API over TCP";

/// Serves for ever, if that is asked for.
pub(super) async fn run(
    settings: &ApiSettings,
    router: Router,
    problems: &watch::Sender<Vec<String>>,
) {
    let (Some(address), Some(files)) = (settings.listen.0, settings.tls()) else { return };
    let (current_tx, current) = watch::channel(None);
    tokio::join!(
        keep_reading(files, current_tx, problems),
        listen(address, current, router, problems)
    );
}

/// Reads the certificates, and again whenever their files change. Those that cannot be used are not:
/// what was read before stays in force.
async fn keep_reading(
    files: [PathBuf; 3],
    current: watch::Sender<Option<Current>>,
    problems: &watch::Sender<Vec<String>>,
) {
    const WHAT: &str = "the API's certificates";
    let mut certificates = Certificates::new(files);
    loop {
        let (read, outcome) = match tokio::task::spawn_blocking(move || {
            let outcome = certificates.read();
            (certificates, outcome)
        })
        .await
        {
            Ok(done) => done,
            Err(_) => return,
        };
        certificates = read;
        match outcome {
            Ok(None) => {}
            Ok(Some(fresh)) => {
                info!("the API's certificates are read");
                tell(problems, WHAT, None);
                if let Some(old) = current.send_replace(Some(fresh.clone()))
                    && old.clients != fresh.clients
                {
                    // Whom the new authorities do not know is not to stay.
                    old.stop.cancel();
                }
            }
            Err(problem) => tell(problems, WHAT, Some(problem)),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn listen(
    address: SocketAddr,
    mut current: watch::Receiver<Option<Current>>,
    router: Router,
    problems: &watch::Sender<Vec<String>>,
) {
    // Without a certificate nobody could be answered.
    if current.wait_for(Option::is_some).await.is_err() {
        return;
    }
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let agreeing = Arc::new(Semaphore::new(HANDSHAKES));
    let listener = loop {
        match TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(error) => {
                tell(problems, WHOSE, Some(format!("api.listen: {address}: {error}")));
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    tell(problems, WHOSE, None);
    info!(%address, "the API is served over TCP");
    loop {
        let Ok(turn) = Arc::clone(&agreeing).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some(current) = current.borrow().clone() else { continue };
                let (router, slots) = (router.clone(), Arc::clone(&slots));
                tokio::spawn(async move {
                    let agreed = agree(stream, &current).await;
                    drop(turn);
                    let stream = match agreed {
                        Ok(stream) => stream,
                        Err(problem) => {
                            return debug!(%from, problem, "a client of the API was refused");
                        }
                    };
                    let Ok(_slot) = slots.acquire().await else { return };
                    converse(stream, current.stop, router).await;
                });
            }
            Err(error) => {
                debug!(%error, "cannot accept a connection to the API");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn agree(stream: TcpStream, current: &Current) -> Result<TlsStream<TcpStream>, String> {
    let _ = stream.set_nodelay(true);
    let accept = TlsAcceptor::from(Arc::clone(&current.config)).accept(stream);
    tokio::time::timeout(HANDSHAKE, accept)
        .await
        .map_err(|_| "no agreement in time".to_owned())?
        .map_err(|error| error.to_string())
}

async fn converse(stream: TlsStream<TcpStream>, stop: CancellationToken, router: Router) {
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let name = super::tls::subject(certificates);
    let router = router.layer(Extension(Caller::Certificate(name)));
    connection::serve(stream, router, stop).await;
}
