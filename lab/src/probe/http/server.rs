//! A web server whose every page is its name.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

use super::message::read_head;
use crate::netns::Netns;
use crate::probe::is_timeout;

/// How often a waiting thread looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);
/// How long a request may take to arrive once it has begun.
const PATIENCE: Duration = Duration::from_secs(2);

/// A web server on a port of all addresses of a namespace, until dropped.
///
/// It keeps connections as HTTP/1.1 has it. `/healthz` answers 200 or 503, as it is told.
#[derive(Debug)]
pub struct HttpServer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    stop: AtomicBool,
    healthy: AtomicBool,
    draining: AtomicBool,
    served: AtomicU64,
    connections: AtomicUsize,
}

impl HttpServer {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(netns: &Netns, name: &str, port: u16) -> Result<Self> {
        let listener = netns.run(|| listen(port))?;
        let listener = listener.with_context(|| {
            format!("cannot listen at port {port} in {}", netns.path().display())
        })?;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            stop: AtomicBool::new(false),
            healthy: AtomicBool::new(true),
            draining: AtomicBool::new(false),
            served: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
        });
        let of_thread = shared.clone();
        let thread = Some(std::thread::spawn(move || accept(&listener, &of_thread)));
        Ok(Self { shared, thread })
    }

    /// What `/healthz` says from now on.
    pub fn set_healthy(&self, healthy: bool) {
        self.shared.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Ends every connection in order from now on, behind its next response.
    pub fn drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }

    /// Pages served so far.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.shared.served.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.set_read_timeout(Some(TICK))?;
    let any = std::net::SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
    socket.bind(&any.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, _)) => {
                let shared = shared.clone();
                std::thread::spawn(move || {
                    shared.connections.fetch_add(1, Ordering::Relaxed);
                    let _client_sees_it_too = converse(stream, &shared);
                    shared.connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Err(error) if is_timeout(&error) => {}
            // The client gave up before it was served.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn converse(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        // The server ends at the border between two requests only.
        stream.get_ref().set_read_timeout(Some(TICK))?;
        while let Err(error) = stream.fill_buf() {
            if !is_timeout(&error) || shared.stop.load(Ordering::Relaxed) {
                return Err(error);
            }
        }
        stream.get_ref().set_read_timeout(Some(PATIENCE))?;
        let Some(head) = read_head(&mut stream)? else { return Ok(()) };
        let ends = shared.draining.load(Ordering::Relaxed)
            || head.to_ascii_lowercase().contains("\r\nconnection: close\r\n");
        stream.get_mut().write_all(shared.respond(&head, ends).as_bytes())?;
        if ends {
            return Ok(());
        }
    }
}

impl Shared {
    fn respond(&self, head: &str, ends: bool) -> String {
        let status = match head.split(' ').nth(1) {
            Some("/healthz") if !self.healthy.load(Ordering::Relaxed) => "503 Service Unavailable",
            Some("/healthz") => "200 OK",
            _ => {
                self.served.fetch_add(1, Ordering::Relaxed);
                "200 OK"
            }
        };
        let close = if ends { "Connection: close\r\n" } else { "" };
        let (name, length) = (&self.name, self.name.len() + 1);
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{close}\r\n{name}\n")
    }
}
