//! What changes in the kernel, as it changes.
//!
//! Events are hints: after each the holder compares a dump with what should be. In particular
//! the kernel does not tell of IPv4 routes that vanish with their device, when it is deleted or
//! set down.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::os::fd::AsRawFd;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, SocketAddr, TokioSocket};
use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use crate::address::AddressInfo;
use crate::link::Link;
use crate::neighbour::Neighbour;
use crate::netns::Netns;
use crate::route::Route;
use crate::rtnl::{Names, RtnlError};
use crate::rule::Rule;
use crate::wire::{self, Frame};

/// What to be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// Devices.
    pub links: bool,
    /// Addresses of both families.
    pub addresses: bool,
    /// Routes of both families.
    pub routes: bool,
    /// Neighbours of both families, and forwarding-database entries (which are not reported).
    pub neighbours: bool,
    /// Policy-routing rules of both families.
    pub rules: bool,
    /// How many bytes of events may wait before there is an overrun.
    pub buffer: usize,
}

impl Default for Watch {
    /// All but the neighbours, which change all the time; a buffer of 1 MiB.
    fn default() -> Self {
        Self {
            links: true,
            addresses: true,
            routes: true,
            neighbours: false,
            rules: true,
            buffer: 1 << 20,
        }
    }
}

/// Whether something is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was made, or changed.
    Present,
    /// It was removed.
    Gone,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A device; its settings as a bridge or a port are not always told.
    Link(Change, Link),
    /// An address.
    Address(Change, AddressInfo),
    /// A route.
    Route(Change, Route),
    /// A neighbour with a link-layer address.
    Neighbour(Change, Neighbour),
    /// A rule.
    Rule(Change, Rule),
    /// Events were lost: whatever is known must be read anew.
    Overrun,
}

/// A stream of changes in one network namespace.
pub struct Monitor {
    socket: TokioSocket,
    watch: Watch,
    names: Names,
    received: Vec<u8>,
    waiting: VecDeque<Event>,
}

/// Larger than any notification: a device with virtual functions fills some 30 KiB.
const RECEIVE_BUFFER: usize = 64 << 10;

impl Monitor {
    /// Watches the calling thread's namespace. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the process is out of descriptors, or may not use netlink.
    pub fn open(watch: Watch) -> Result<Self, RtnlError> {
        Self::new(watch, TokioSocket::new(NETLINK_ROUTE))
    }

    /// Watches another namespace, and keeps it alive. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or as [`Monitor::open`].
    pub fn open_in(netns: &Netns, watch: Watch) -> Result<Self, RtnlError> {
        Self::new(watch, netns.briefly(|| TokioSocket::new(NETLINK_ROUTE))?)
    }

    fn new(watch: Watch, socket: io::Result<TokioSocket>) -> Result<Self, RtnlError> {
        let socket = socket
            .and_then(|socket| subscribe(socket, watch))
            .map_err(|source| RtnlError::Socket { doing: "watch the kernel's network", source })?;
        let names = Names::new(socket.as_raw_fd());
        Ok(Self { socket, watch, names, received: Vec::new(), waiting: VecDeque::new() })
    }

    /// The next change. Nothing is lost when the call is given up (in `select!`, say).
    ///
    /// # Errors
    /// When the socket fails for another reason than an overrun, which is an [`Event`].
    pub async fn next(&mut self) -> Result<Event, RtnlError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(event);
            }
            match self.receive().await {
                Ok(()) => self.read(),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(Event::Overrun);
                }
                Err(source) => {
                    return Err(RtnlError::Socket { doing: "watch the kernel's network", source });
                }
            }
        }
    }

    async fn receive(&mut self) -> io::Result<()> {
        self.received.clear();
        self.received.reserve(RECEIVE_BUFFER);
        loop {
            match poll_fn(|cx| self.socket.poll_recv(cx, &mut self.received)).await {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }

    fn read(&mut self) {
        if !self.watch.links {
            // Nobody tells us when a device is renamed or its number used again.
            self.names = Names::new(self.socket.as_raw_fd());
        }
        let received = std::mem::take(&mut self.received);
        for frame in wire::frames(&received) {
            let event = self.event(frame);
            self.waiting.extend(event);
        }
        self.received = received;
    }

    fn event(&mut self, frame: Frame<'_>) -> Option<Event> {
        let payload = frame.payload;
        let names = &mut self.names;
        let mut name_of = |index| names.get(index);
        let change = match frame.kind {
            libc::RTM_NEWLINK
            | libc::RTM_NEWADDR
            | libc::RTM_NEWROUTE
            | libc::RTM_NEWNEIGH
            | libc::RTM_NEWRULE => Change::Present,
            _ => Change::Gone,
        };
        match frame.kind {
            libc::RTM_NEWLINK | libc::RTM_DELLINK => {
                // A port that leaves its bridge is told as a deletion of family AF_BRIDGE.
                if i32::from(wire::u8_at(payload, 0)?) != libc::AF_UNSPEC {
                    return None;
                }
                let link = Link::decode(payload, &mut name_of)?;
                match change {
                    Change::Present => names.learn(link.index, link.name),
                    Change::Gone => names.forget(link.index),
                }
                Some(Event::Link(change, link))
            }
            libc::RTM_NEWADDR | libc::RTM_DELADDR => {
                Some(Event::Address(change, AddressInfo::decode(payload, &mut name_of)?))
            }
            libc::RTM_NEWROUTE | libc::RTM_DELROUTE => {
                Some(Event::Route(change, Route::decode(payload, &mut name_of)?))
            }
            libc::RTM_NEWNEIGH | libc::RTM_DELNEIGH => {
                Some(Event::Neighbour(change, Neighbour::decode(payload, &mut name_of)?))
            }
            libc::RTM_NEWRULE | libc::RTM_DELRULE => {
                Some(Event::Rule(change, Rule::decode(payload)?))
            }
            _ => None,
        }
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("watch", &self.watch).finish_non_exhaustive()
    }
}

fn subscribe(mut monitor: TokioSocket, watch: Watch) -> io::Result<TokioSocket> {
    let socket = monitor.socket_mut();
    // Without CAP_NET_ADMIN in the first user namespace, net.core.rmem_max is the bound.
    if setsockopt(socket, sockopt::RcvBufForce, &watch.buffer).is_err() {
        setsockopt(socket, sockopt::RcvBuf, &watch.buffer)?;
    }
    socket.bind(&SocketAddr::new(0, 0))?;
    let groups: [(bool, &[u32]); 5] = [
        (watch.links, &[libc::RTNLGRP_LINK]),
        (watch.addresses, &[libc::RTNLGRP_IPV4_IFADDR, libc::RTNLGRP_IPV6_IFADDR]),
        (watch.routes, &[libc::RTNLGRP_IPV4_ROUTE, libc::RTNLGRP_IPV6_ROUTE]),
        (watch.neighbours, &[libc::RTNLGRP_NEIGH]),
        (watch.rules, &[libc::RTNLGRP_IPV4_RULE, libc::RTNLGRP_IPV6_RULE]),
    ];
    for (_, groups) in groups.into_iter().filter(|(wanted, _)| *wanted) {
        for group in groups {
            socket.add_membership(*group)?;
        }
    }
    Ok(monitor)
}
