//! A server that tells every client which address it comes from.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::is_timeout;
use crate::netns::Netns;

/// How often a waiting thread looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);

/// Listens on a port of all addresses of a namespace, IPv4 and IPv6, TCP and UDP, until dropped.
///
/// A TCP client gets a line with its address and then an echo of what it sends, a UDP client its
/// address for each datagram.
#[derive(Debug)]
pub struct Responder {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Responder {
    /// Starts one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(netns: &Netns, port: u16) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for any in [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)] {
            let at = SocketAddr::new(any, port);
            let context = || format!("cannot listen at {at} in {}", netns.path().display());
            let listener: TcpListener =
                netns.run(|| open(at, Type::STREAM, Protocol::TCP))?.with_context(context)?.into();
            let socket: UdpSocket =
                netns.run(|| open(at, Type::DGRAM, Protocol::UDP))?.with_context(context)?.into();
            let (stop_tcp, served_tcp) = (stop.clone(), served.clone());
            threads.push(std::thread::spawn(move || accept(&listener, &stop_tcp, &served_tcp)));
            let (stop_udp, served_udp) = (stop.clone(), served.clone());
            threads.push(std::thread::spawn(move || answer(&socket, &stop_udp, &served_udp)));
        }
        Ok(Self { stop, served, threads })
    }

    /// Connections accepted and datagrams answered so far.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn open(at: SocketAddr, kind: Type, protocol: Protocol) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind, Some(protocol))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_read_timeout(Some(TICK))?;
    socket.bind(&SockAddr::from(at))?;
    if kind == Type::STREAM {
        socket.listen(1024)?;
    }
    Ok(socket)
}

fn accept(listener: &TcpListener, stop: &Arc<AtomicBool>, served: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        match listener.accept() {
            Ok((stream, peer)) => {
                served.fetch_add(1, Ordering::Relaxed);
                let stop = stop.clone();
                std::thread::spawn(move || echo(stream, peer, &stop));
            }
            Err(error) if is_timeout(&error) => {}
            // The client gave up before it was served.
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Ends with the connection: an error is the client's business, which sees it too.
fn echo(mut stream: TcpStream, peer: SocketAddr, stop: &AtomicBool) {
    let mut buffer = [0; 16 << 10];
    let mut alive = stream.write_all(format!("{peer}\n").as_bytes()).is_ok();
    alive &= stream.set_nodelay(true).is_ok() && stream.set_read_timeout(Some(TICK)).is_ok();
    while alive && !stop.load(Ordering::Relaxed) {
        alive = match stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => stream.write_all(buffer.get(..length).unwrap_or_default()).is_ok(),
            Err(error) => is_timeout(&error),
        };
    }
}

fn answer(socket: &UdpSocket, stop: &AtomicBool, served: &AtomicU64) {
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        if let Ok((_, peer)) = socket.recv_from(&mut buffer) {
            served.fetch_add(1, Ordering::Relaxed);
            let _client_is_gone = socket.send_to(peer.to_string().as_bytes(), peer);
        }
    }
}
