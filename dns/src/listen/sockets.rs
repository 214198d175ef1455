//! Sockets to listen on: bound here, or handed over.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

/// Room for datagrams that wait, bytes: a burst of some thousand.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Sockets to listen on.
#[derive(Debug)]
pub struct Sockets {
    /// For datagrams: with several workers, as many for an address.
    pub udp: Vec<UdpSocket>,
    /// For connections.
    pub tcp: Vec<TcpListener>,
    /// Where they are from.
    pub origin: Origin,
}

/// Where sockets are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Bound here: what waits in them when they are closed is lost.
    Bound,
    /// Handed over by somebody who has them still: what waits in them is there for the next.
    HandedOver,
}

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The kernel refused.
    #[error("cannot listen for questions at {address} over {protocol}: {source}{}", hint(source))]
    Bind {
        /// Where.
        address: SocketAddr,
        /// UDP or TCP.
        protocol: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// What was handed over is something else.
    #[error(
        "file descriptor {number} that was handed over is {found}, neither a socket for datagrams nor \
         one that listens for connections: check the ListenDatagram and ListenStream of its unit"
    )]
    NotOurs {
        /// Its place among those that were handed over, from 0.
        number: usize,
        /// What it is.
        found: String,
    },
}

impl Sockets {
    /// Binds each address for datagrams, with that many sockets, and for connections.
    ///
    /// Another that was bound like this, by a daemon that is about to stop, is no hindrance; neither is
    /// an address that this host does not have yet. Port 0 is any port, the same for both.
    ///
    /// # Errors
    /// When an address cannot be listened at.
    pub fn bind(addresses: &[SocketAddr], workers: usize) -> Result<Self, SocketError> {
        let mut sockets = Self { udp: Vec::new(), tcp: Vec::new(), origin: Origin::Bound };
        for address in addresses {
            let mut at = *address;
            for _ in 0..workers.max(1) {
                let udp = |source| SocketError::Bind { address: at, protocol: "UDP", source };
                let socket = bind(at, Type::DGRAM, Protocol::UDP).map_err(udp)?;
                let socket = UdpSocket::from(socket);
                at = socket.local_addr().map_err(udp)?;
                sockets.udp.push(socket);
            }
            sockets.tcp.push(listen(at)?);
        }
        Ok(sockets)
    }

    /// Binds each address for connections only.
    ///
    /// # Errors
    /// When an address cannot be listened at.
    pub fn bind_streams(addresses: &[SocketAddr]) -> Result<Self, SocketError> {
        let tcp = addresses.iter().map(|address| listen(*address)).collect::<Result<_, _>>()?;
        Ok(Self { udp: Vec::new(), tcp, origin: Origin::Bound })
    }

    /// Takes sockets that somebody has bound before, as systemd does.
    ///
    /// # Errors
    /// When one is no socket to listen on.
    pub fn from_fds(fds: impl IntoIterator<Item = OwnedFd>) -> Result<Self, SocketError> {
        let mut sockets = Self { udp: Vec::new(), tcp: Vec::new(), origin: Origin::HandedOver };
        for (number, fd) in fds.into_iter().enumerate() {
            let not_ours = |found: &str| SocketError::NotOurs { number, found: found.to_owned() };
            let socket = Socket::from(fd);
            let kind = socket.r#type().map_err(|error| not_ours(&error.to_string()))?;
            if !matches!(socket.domain(), Ok(Domain::IPV4 | Domain::IPV6)) {
                return Err(not_ours("a socket of another family than IP"));
            }
            match kind {
                Type::DGRAM => {
                    make_room(&socket);
                    sockets.udp.push(socket.into());
                }
                Type::STREAM if socket.is_listener().unwrap_or_default() => {
                    sockets.tcp.push(socket.into());
                }
                Type::STREAM => return Err(not_ours("a connection")),
                _ => return Err(not_ours("a socket of another kind")),
            }
        }
        Ok(sockets)
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, SocketError> {
    let socket = bind(address, Type::STREAM, Protocol::TCP)
        .and_then(|socket| socket.listen(BACKLOG).map(|()| socket))
        .map_err(|source| SocketError::Bind { address, protocol: "TCP", source })?;
    Ok(socket.into())
}

fn bind(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_reuse_port(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_freebind_v6(true)?;
    } else {
        socket.set_freebind_v4(true)?;
    }
    match kind {
        Type::DGRAM => make_room(&socket),
        // Connections of a daemon before this one may still be closing.
        _ => socket.set_reuse_address(true)?,
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Less room than asked for is no reason not to listen.
fn make_room(socket: &Socket) {
    if setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            ". Another name server has that address (systemd-resolved, dnsmasq, a CoreDNS?): \
             `ss -lnp sport = :53` names it; stop it, or listen elsewhere"
        }
        io::ErrorKind::PermissionDenied => {
            ". Ports below 1024 need root, or the capability CAP_NET_BIND_SERVICE"
        }
        _ => "",
    }
}
