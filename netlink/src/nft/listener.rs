//! The socket that hears what others do to the ruleset, and that can be deaf for a while.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::sync::Notify;

use super::Generation;
use super::uapi::NFNLGRP_NFTABLES;
use crate::nfnetlink::ignore_sender;

/// Larger than any notification: the kernel packs them into datagrams of one page.
const RECEIVE_BUFFER: usize = 64 * 1024;

/// Bytes of notifications that may wait.
const QUEUE: usize = 1 << 20;

/// What came.
pub(super) enum Heard {
    /// A datagram.
    Datagram,
    /// News that did not come.
    Missed,
}

/// A member of the multicast group of nf_tables.
pub(super) struct Listener {
    socket: TokioSocket,
    has_missed: AtomicBool,
    woken: Notify,
}

impl Listener {
    /// Listens to all but these ports.
    pub(super) fn new(mut socket: TokioSocket, ignored: &[u32]) -> io::Result<Self> {
        let inner = socket.socket_mut();
        // Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the bound.
        if setsockopt(inner, sockopt::RcvBufForce, &QUEUE).is_err() {
            setsockopt(inner, sockopt::RcvBuf, &QUEUE)?;
        }
        inner.bind(&SocketAddr::new(0, 0))?;
        ignore_sender(inner, ignored)?;
        inner.add_membership(NFNLGRP_NFTABLES)?;
        Ok(Self { socket, has_missed: AtomicBool::new(false), woken: Notify::new() })
    }

    /// Waits for a datagram, or for the news that some were missed.
    pub(super) async fn receive(&self, buffer: &mut Vec<u8>) -> io::Result<Heard> {
        buffer.clear();
        buffer.reserve(RECEIVE_BUFFER);
        loop {
            let woken = self.woken.notified();
            if self.has_missed.swap(false, Ordering::AcqRel) {
                return Ok(Heard::Missed);
            }
            let received = tokio::select! {
                () = woken => continue,
                received = poll_fn(|cx| self.socket.poll_recv(cx, buffer)) => received,
            };
            match received {
                Ok(()) => return Ok(Heard::Datagram),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Heard::Missed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Stops listening. Where that fails, it goes on listening, which costs time and nothing else.
    pub(super) fn stop(&self) {
        let _ = self.socket.socket_ref().drop_membership(NFNLGRP_NFTABLES);
    }

    /// Listens again.
    pub(super) fn start(&self) {
        if self.socket.socket_ref().add_membership(NFNLGRP_NFTABLES).is_err() {
            self.missed();
        }
    }

    /// Tells the receiver that something happened meanwhile.
    pub(super) fn missed(&self) {
        self.has_missed.store(true, Ordering::Release);
        self.woken.notify_one();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("socket", &self.socket.as_raw_fd()).finish_non_exhaustive()
    }
}

/// What tells a connection's changes from those of others.
///
/// It is the kernel's number for the connection, unique among the open ones of a network namespace,
/// and leads to the monitors that leave its changes out.
#[derive(Clone, Debug)]
pub struct Port {
    number: u32,
    listeners: Arc<Mutex<Vec<Weak<Listener>>>>,
}

impl Port {
    pub(super) fn new(number: u32) -> Self {
        Self { number, listeners: Arc::default() }
    }

    pub(super) fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn add_listener(&self, listener: &Arc<Listener>) {
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
    }

    pub(super) fn listeners(&self) -> Vec<Arc<Listener>> {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter_map(Weak::upgrade).collect()
    }
}

/// A time in which nobody listens.
pub(super) struct Quiet {
    listeners: Vec<Arc<Listener>>,
    before: Generation,
}

impl Quiet {
    /// Stops them. `before` must have been read while they listened.
    pub(super) fn begin(listeners: Vec<Arc<Listener>>, before: Generation) -> Self {
        listeners.iter().for_each(|listener| listener.stop());
        Self { listeners, before }
    }

    /// Starts them again.
    pub(super) fn end(&self) {
        self.listeners.iter().for_each(|listener| listener.start());
    }

    /// Tells them to look for themselves if more happened than our transaction. `after` must have
    /// been read while they listened again.
    pub(super) fn check(self, after: Generation) {
        // The kernel skips 0; a transaction that was refused makes no generation.
        let next = self.before.id.checked_add(1).unwrap_or(1);
        if after != self.before && after.id != next {
            self.listeners.iter().for_each(|listener| listener.missed());
        }
    }
}
