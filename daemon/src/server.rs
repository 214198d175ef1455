//! The socket that the CNI plugin and the command speak to: a request, an answer, and the
//! connection is closed.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pontoon_model::api::{Code, Failure, MAX_REQUEST, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

/// A client that sends nothing must not hold a connection for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Something that answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one.
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// Listens on a path, for root alone. What an earlier run left there is replaced; the caller holds
/// the lock that says that there is no other daemon.
///
/// # Errors
/// When the path cannot be bound.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves for ever.
pub async fn serve<H: Handler>(listener: UnixListener, handler: Arc<H>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let handler = Arc::clone(&handler);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &*handler).await {
                        debug!(%error, "a client went away");
                    }
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others must close theirs first.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse<H: Handler>(mut stream: UnixStream, handler: &H) -> io::Result<()> {
    let mut text = Vec::with_capacity(2048);
    let mut bounded = (&mut stream).take(MAX_REQUEST + 1);
    tokio::time::timeout(READ_TIMEOUT, bounded.read_to_end(&mut text))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let response = match parse(&text) {
        Ok(request) => handler.handle(request).await,
        Err(failure) => Response::Failed(failure),
    };
    stream.write_all(&serde_json::to_vec(&response)?).await?;
    stream.shutdown().await
}

fn parse(text: &[u8]) -> Result<Request, Failure> {
    if text.len() as u64 > MAX_REQUEST {
        return Err(Failure::new(
            Code::Decode,
            "the request is too long",
            format!("at most {MAX_REQUEST} bytes"),
        ));
    }
    serde_json::from_slice(text).map_err(|error| {
        Failure::new(
            Code::Decode,
            "the request cannot be read",
            format!("{error}; do the daemon and its client come from one version?"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ready;

    impl Handler for Ready {
        async fn handle(&self, _: Request) -> Response {
            Response::Done
        }
    }

    async fn ask(path: &Path, text: &[u8]) -> Response {
        let mut stream = UnixStream::connect(path).await.unwrap();
        stream.write_all(text).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        serde_json::from_slice(&answer).unwrap()
    }

    #[tokio::test]
    async fn answers_good_and_bad_requests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(listen(&path).unwrap());
        let listener = listen(&path).unwrap();
        let server = tokio::spawn(serve(listener, Arc::new(Ready)));
        assert_eq!(ask(&path, br#"{"verb":"ready"}"#).await, Response::Done);
        for bad in [&b""[..], b"{", b"\xff", br#"{"verb":"fly"}"#, br#"{"verb":"add"}"#] {
            let Response::Failed(failure) = ask(&path, bad).await else {
                panic!("{bad:?} was taken")
            };
            assert_eq!(failure.code, Code::Decode);
        }
        server.abort();
    }
}
