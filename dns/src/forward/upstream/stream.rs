//! Questions over one connection of TCP or TLS, each as soon as it comes, answered in any order (RFC 7766,
//! section 6.2.1.1). It is opened when there is something to ask, and closed when there was nothing for a
//! while.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{Framed, LengthDelimitedCodec};

use super::Failure;
use super::request::Request;

/// Questions that wait to be written.
const QUEUE: usize = 128;

/// The way to an upstream's stream.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) to: SocketAddr,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    pub(super) connect: Duration,
    pub(super) idle: Duration,
}

/// The connection to an upstream, when there is one.
pub(super) struct Channel {
    way: Way,
    open: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    jobs: mpsc::Sender<Job>,
    /// How many answers have come.
    heard: Arc<AtomicU64>,
}

struct Job {
    request: Arc<Request>,
    answer: oneshot::Sender<Result<Vec<u8>, Failure>>,
}

impl Channel {
    pub(super) fn new(way: Way) -> Self {
        Self { way, open: Mutex::new(None) }
    }

    /// Asks until the deadline. A connection that was there may have been closed by the other side just
    /// now, so that is tried once more with a new one.
    pub(super) async fn exchange(
        &self,
        request: &Arc<Request>,
        deadline: Instant,
    ) -> Result<Vec<u8>, Failure> {
        loop {
            let (connection, fresh) = self.connection();
            let heard = connection.heard.load(Ordering::Relaxed);
            let (answer, answered) = oneshot::channel();
            let job = Job { request: request.clone(), answer };
            let exchange = async {
                connection.jobs.send(job).await.map_err(|_| Failure::Closed)?;
                answered.await.unwrap_or(Err(Failure::Closed))
            };
            match timeout_at(deadline, exchange).await {
                Ok(Err(Failure::Closed)) if !fresh => {}
                Ok(result) => return result,
                Err(_) => {
                    // Not a word meanwhile: the other side may be gone without a word.
                    if connection.heard.load(Ordering::Relaxed) == heard {
                        self.drop_connection(&connection);
                    }
                    return Err(Failure::TimedOut);
                }
            }
        }
    }

    /// The open connection, or a new one; says whether it is new.
    fn connection(&self) -> (Connection, bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = open.as_ref().filter(|open| !open.jobs.is_closed()) {
            return (connection.clone(), false);
        }
        let (jobs, queue) = mpsc::channel(QUEUE);
        let heard = Arc::new(AtomicU64::new(0));
        tokio::spawn(drive(self.way.clone(), queue, heard.clone()));
        let connection = Connection { jobs, heard };
        *open = Some(connection.clone());
        (connection, true)
    }

    fn drop_connection(&self, connection: &Connection) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_some_and(|open| open.jobs.same_channel(&connection.jobs)) {
            *open = None;
        }
    }
}

/// Opens the connection and serves it; tells those who wait why it cannot be opened.
async fn drive(way: Way, mut queue: mpsc::Receiver<Job>, heard: Arc<AtomicU64>) {
    let opened = timeout(way.connect, open(&way)).await;
    let opened = opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let failure = match opened {
        Ok(stream) => return serve(stream, queue, way.idle, &heard).await,
        Err(error) => Failure::network(error),
    };
    queue.close();
    while let Some(job) = queue.recv().await {
        // Who does not wait any more does not want to know.
        let _ = job.answer.send(Err(failure.clone()));
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn open(way: &Way) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(way.to).await?;
    // A question is one small packet, which nothing is gained by holding back.
    stream.set_nodelay(true)?;
    Ok(match &way.tls {
        None => Box::new(stream),
        Some((connector, name)) => Box::new(connector.connect(name.clone(), stream).await?),
    })
}

/// Writes questions and reads answers, until either side has had enough.
async fn serve(
    stream: Box<dyn Stream>,
    mut queue: mpsc::Receiver<Job>,
    idle: Duration,
    heard: &AtomicU64,
) {
    let codec = LengthDelimitedCodec::builder().length_field_type::<u16>().new_codec();
    let (mut sink, mut frames) = Framed::new(stream, codec).split::<Bytes>();
    let waiting = Mutex::new(HashMap::<u16, Job>::new());
    let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let write = async {
        while let Some(job) = queue.recv().await {
            let message = {
                let mut waiting = lock();
                if waiting.len() >= QUEUE {
                    waiting.retain(|_, job| !job.answer.is_closed());
                }
                let mut id = rand::random();
                while waiting.contains_key(&id) {
                    id = rand::random();
                }
                let message = job.request.numbered(id);
                waiting.insert(id, job);
                message
            };
            if sink.send(message.into()).await.is_err() {
                return;
            }
        }
    };
    let read = async {
        let mut quiet = false;
        loop {
            match timeout(idle, frames.next()).await {
                Ok(Some(Ok(frame))) => {
                    quiet = false;
                    heard.fetch_add(1, Ordering::Relaxed);
                    let id = frame.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
                    let mut waiting = lock();
                    // What fits nothing comes late, for who gave up.
                    let answer = waiting.get(&id).and_then(|job| job.request.answer_in(&frame, id));
                    if let (Some(answer), Some(job)) = (answer, waiting.remove(&id)) {
                        let _ = job.answer.send(Ok(answer));
                    }
                }
                Ok(_) => return,
                // What was asked just now has its time, too.
                Err(_) if quiet || lock().is_empty() => return,
                Err(_) => quiet = true,
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}
