//! A toy upstream: says what it is told to, over UDP, TCP and TLS, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A question as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) message: Vec<u8>,
    pub(crate) from: SocketAddr,
    pub(crate) is_stream: bool,
}

type Says = Arc<dyn Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync>;

/// What all its parts share.
#[derive(Clone)]
struct Inner {
    says: Arc<Mutex<Says>>,
    asked: watch::Sender<Vec<Asked>>,
    connections: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

pub(crate) struct Toy {
    pub(crate) address: SocketAddr,
    inner: Inner,
    tasks: JoinSet<()>,
}

impl Toy {
    /// One that answers each question with these messages, over UDP and TCP.
    pub(crate) async fn new(says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        // Both at the same port: somebody else may have one of them.
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let mut toy = Self::at(tcp.local_addr().unwrap(), Arc::new(says));
        toy.tasks.spawn(datagrams(udp, toy.inner.clone()));
        toy.tasks.spawn(streams(tcp, None, toy.inner.clone()));
        toy
    }

    /// One that speaks over TLS.
    pub(crate) async fn tls(
        acceptor: TlsAcceptor,
        says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut toy = Self::at(tcp.local_addr().unwrap(), Arc::new(says));
        toy.tasks.spawn(streams(tcp, Some(acceptor), toy.inner.clone()));
        toy
    }

    fn at(address: SocketAddr, says: Says) -> Self {
        let inner = Inner {
            says: Arc::new(Mutex::new(says)),
            asked: watch::Sender::default(),
            connections: watch::Sender::default(),
            open: watch::Sender::new(true),
        };
        Self { address, inner, tasks: JoinSet::new() }
    }

    /// It answers otherwise from now on.
    pub(crate) fn says(&self, says: impl Fn(&Asked) -> Vec<Vec<u8>> + Send + Sync + 'static) {
        *self.inner.says.lock().unwrap() = Arc::new(says);
    }

    /// It keeps its answers to itself until it is released.
    pub(crate) fn hold(&self) {
        self.inner.open.send_replace(false);
    }

    pub(crate) fn release(&self) {
        self.inner.open.send_replace(true);
    }

    /// What it was asked, but for trials.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.asked.borrow().clone()
    }

    /// Waits until it was asked so often.
    pub(crate) async fn wait_asked(&self, times: usize) {
        let _ = self.inner.asked.subscribe().wait_for(|asked| asked.len() >= times).await;
    }

    pub(crate) fn connections(&self) -> usize {
        *self.inner.connections.borrow()
    }
}

impl Inner {
    /// Notes a question, and says what is to be said.
    async fn answer(self, asked: Asked) -> Vec<Vec<u8>> {
        let is_trial = asked.message[12] == 0;
        if !is_trial {
            self.asked.send_modify(|all| all.push(asked.clone()));
        }
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        let says = self.says.lock().unwrap().clone();
        says(&asked)
    }
}

async fn datagrams(socket: UdpSocket, inner: Inner) {
    let socket = Arc::new(socket);
    let mut tasks = JoinSet::new();
    let mut buffer = [0; 4096];
    loop {
        // Whoever went away tells by an error that belongs to nobody.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let asked = Asked { message: buffer[..length].to_vec(), from, is_stream: false };
        let (socket, inner) = (socket.clone(), inner.clone());
        tasks.spawn(async move {
            for message in inner.answer(asked).await {
                socket.send_to(&message, from).await.unwrap();
            }
        });
    }
}

async fn streams(listener: TcpListener, tls: Option<TlsAcceptor>, inner: Inner) {
    let mut tasks = JoinSet::new();
    loop {
        let (stream, from) = listener.accept().await.unwrap();
        inner.connections.send_modify(|count| *count += 1);
        let (tls, inner) = (tls.clone(), inner.clone());
        tasks.spawn(async move {
            match tls {
                None => serve(stream, from, inner).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, from, inner).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// Answers one connection; an empty message closes it.
async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + 'static,
    from: SocketAddr,
    inner: Inner,
) -> Option<()> {
    let (mut reader, mut writer) = split(stream);
    let (send, mut receive) = mpsc::unbounded_channel::<Vec<u8>>();
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            message = receive.recv() => {
                let message = message.filter(|message| !message.is_empty())?;
                let length = u16::try_from(message.len()).unwrap().to_be_bytes();
                writer.write_all(&[&length, &message[..]].concat()).await.ok()?;
                writer.flush().await.ok()?;
            }
            // Whole questions come in one segment here, so nothing is lost between the two.
            length = reader.read_u16() => {
                let mut message = vec![0; usize::from(length.ok()?)];
                reader.read_exact(&mut message).await.ok()?;
                let (inner, send) = (inner.clone(), send.clone());
                let asked = Asked { message, from, is_stream: true };
                tasks.spawn(async move {
                    for message in inner.answer(asked).await {
                        let _ = send.send(message);
                    }
                });
            }
        }
    }
}
