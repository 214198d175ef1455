//! A server that says who it is, over every protocol that services carry.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pontoon_model::service::Protocol;
use socket2::{Domain, SockAddr, Socket, Type};

use super::datagram;
use crate::host::lock;
use crate::netns::Netns;

/// How often the server looks whether it is to end, milliseconds.
const TICK: u8 = 50;

/// Listens on ports of all addresses of a namespace, over TCP, UDP and, where the kernel has it,
/// SCTP, until dropped.
///
/// A client of a stream gets a line with the server's name, the client's address as the server sees
/// it, and the server's address that the client came to, and then an echo of what it sends. A
/// client of UDP gets such a line for each datagram, from the address that it sent to.
#[derive(Debug)]
pub struct Identity {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    served: AtomicU64,
    last: Mutex<Option<Instant>>,
}

impl Shared {
    fn count(&self) {
        self.served.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last) = Some(Instant::now());
    }
}

enum Door {
    Stream(TcpListener),
    Datagram(UdpSocket),
}

impl Identity {
    /// Starts one.
    ///
    /// # Errors
    /// When a port is taken.
    pub fn start(netns: &Netns, name: &str, ports: &[u16]) -> Result<Self> {
        let mut doors = Vec::new();
        for port in ports {
            for any in [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)] {
                let at = SocketAddr::new(any, *port);
                let context = || format!("cannot listen at {at} in {}", netns.path().display());
                let open = |protocol| netns.run(|| open(at, protocol));
                doors.push(Door::Stream(open(Protocol::Tcp)?.with_context(context)?.into()));
                doors.push(Door::Datagram(open(Protocol::Udp)?.with_context(context)?.into()));
                match open(Protocol::Sctp)? {
                    Err(error) if is_unsupported(&error) => {}
                    socket => doors.push(Door::Stream(socket.with_context(context)?.into())),
                }
            }
        }
        let shared = Arc::new(Shared::default());
        let (of_thread, name) = (shared.clone(), name.to_owned());
        let thread = Some(std::thread::spawn(move || serve(&doors, &name, &of_thread)));
        Ok(Self { shared, thread })
    }

    /// Connections accepted and datagrams answered so far.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.shared.served.load(Ordering::Relaxed)
    }

    /// When it last accepted a connection or answered a datagram.
    #[must_use]
    pub fn last_served(&self) -> Option<Instant> {
        *lock(&self.shared.last)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Why nothing can be asked over SCTP here, or `None` when it can.
#[must_use]
pub fn sctp_unavailable() -> Option<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(number(Protocol::Sctp)));
    socket.err().map(|error| format!("the kernel has no SCTP sockets: {error}"))
}

pub(super) fn number(protocol: Protocol) -> socket2::Protocol {
    i32::from(protocol.number()).into()
}

fn is_unsupported(error: &std::io::Error) -> bool {
    let numbers = [nix::libc::EPROTONOSUPPORT, nix::libc::ESOCKTNOSUPPORT];
    error.raw_os_error().is_some_and(|number| numbers.contains(&number))
}

fn open(at: SocketAddr, protocol: Protocol) -> std::io::Result<Socket> {
    let kind = if protocol == Protocol::Udp { Type::DGRAM } else { Type::STREAM };
    let socket = Socket::new(Domain::for_address(at), kind, Some(number(protocol)))?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(at))?;
    if kind == Type::STREAM {
        socket.listen(1024)?;
    } else {
        datagram::tell_local(&socket, at.is_ipv4())?;
    }
    Ok(socket)
}

fn serve(doors: &[Door], name: &str, shared: &Shared) {
    let mut guests: Vec<TcpStream> = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let sockets = doors.iter().map(Door::fd).chain(guests.iter().map(AsFd::as_fd));
        let mut polled: Vec<PollFd<'_>> =
            sockets.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        if !matches!(poll(&mut polled, PollTimeout::from(TICK)), Ok(1..)) {
            continue;
        }
        let mut ready = polled.iter().map(|fd| fd.any().unwrap_or_default()).collect::<Vec<_>>();
        let mut of_guests = ready.split_off(doors.len()).into_iter();
        guests.retain_mut(|guest| !of_guests.next().unwrap_or_default() || echo(guest));
        for (door, _) in doors.iter().zip(ready).filter(|(_, ready)| *ready) {
            match door {
                Door::Stream(listener) => guests.extend(greet(listener, name, shared)),
                Door::Datagram(socket) => answer(socket, name, shared),
            }
        }
    }
}

impl Door {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stream(listener) => listener.as_fd(),
            Self::Datagram(socket) => socket.as_fd(),
        }
    }
}

/// Those who came in and stay. An error is the client's business, which sees it too.
fn greet(listener: &TcpListener, name: &str, shared: &Shared) -> Vec<TcpStream> {
    let mut guests = Vec::new();
    while let Ok((mut stream, peer)) = listener.accept() {
        shared.count();
        let Ok(local) = stream.local_addr() else { continue };
        let greeted = stream.write_all(format!("{name} {peer} {local}\n").as_bytes());
        if greeted.is_ok() && stream.set_nonblocking(true).is_ok() {
            let _only_slower = stream.set_nodelay(true);
            guests.push(stream);
        }
    }
    guests
}

fn answer(socket: &UdpSocket, name: &str, shared: &Shared) {
    while let Ok(Some(asked)) = datagram::receive(socket) {
        shared.count();
        let line = format!("{name} {} {}\n", asked.peer, asked.local);
        let _client_is_gone = asked.answer(socket, line.as_bytes());
    }
}

/// Whether the guest stays.
fn echo(guest: &mut TcpStream) -> bool {
    let mut buffer = [0; 16 << 10];
    match guest.read(&mut buffer) {
        Ok(0) => false,
        Ok(length) => guest.write_all(buffer.get(..length).unwrap_or_default()).is_ok(),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
    }
}
