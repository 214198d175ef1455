//! The thread of a socket: a batch of questions in, a batch of answers out.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use pontoon_netlink::datagrams::{BATCH, Inbox, Local, Outgoing, Peer, Wait, send};
use tracing::warn;

use super::super::gate::Admission;
use super::super::reception::{Outcome, Reception, refuse};
use super::super::sockets::Origin;
use super::late::{Asked, Late};
use super::stop::Stop;
use crate::exchange::{Answers, Transport};
use crate::metrics::label::{Kind, Zone};
use crate::metrics::tally::{Loss, Tally};
use crate::wire::question::OWN_LIMIT;

/// The longest question: a name, and what EDNS may say beside it.
const LONGEST: usize = 4096;
/// Without a question for so long, a thread sleeps until there is one or it is to end. Before that it
/// waits in the call that receives, which saves one call a batch.
const IDLE: Duration = Duration::from_millis(50);
/// What was already on its way when a socket was closed to new questions has arrived after that.
const SETTLE: Duration = Duration::from_millis(2);
/// For answering what waits at the end: with and without new questions arriving meanwhile.
const DRAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What answers the datagrams of one socket.
pub(super) struct Worker<A> {
    reception: Arc<Reception<A>>,
    socket: Arc<UdpSocket>,
    origin: Origin,
    tally: Arc<Tally>,
    late: Late<A>,
    stop: Arc<Stop>,
    inbox: Inbox,
    outbox: Outbox,
}

/// Answers that leave together.
struct Outbox {
    /// Buffers, of which the first are in use.
    buffers: Vec<Vec<u8>>,
    /// Where those go, and from which address of ours.
    to: Vec<(Peer, Option<Local>)>,
}

impl<A: Answers> Worker<A> {
    pub(super) fn new(
        reception: Arc<Reception<A>>,
        socket: Arc<UdpSocket>,
        origin: Origin,
        tally: Arc<Tally>,
        late: Late<A>,
        stop: Arc<Stop>,
    ) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(IDLE))?;
        let inbox = if socket.local_addr()?.ip().is_unspecified() {
            Inbox::with_local(LONGEST, &socket)?
        } else {
            Inbox::new(LONGEST)
        };
        let buffers = (0..BATCH).map(|_| Vec::with_capacity(OWN_LIMIT)).collect();
        let outbox = Outbox { buffers, to: Vec::with_capacity(BATCH) };
        Ok(Self { reception, socket, origin, tally, late, stop, inbox, outbox })
    }

    /// Answers until the end is requested, and then what has arrived by then.
    pub(super) fn run(mut self) {
        while !self.stop.is_requested() {
            match self.inbox.receive(&self.socket, Wait::ForFirst) {
                Ok(_) => self.answer(),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.stop.wait(&self.socket),
                    ErrorKind::Interrupted => {}
                    _ => {
                        warn!(server = self.tally.server, %error, "cannot receive questions; goes on");
                        // So as not to say it without end.
                        sleep(IDLE);
                    }
                },
            }
        }
        self.drain();
    }

    fn answer(&mut self) {
        let now = Instant::now();
        let mut admissions = [Admission::Admitted; BATCH];
        let mut open = self.reception.gate.open(now);
        for (admission, datagram) in admissions.iter_mut().zip(self.inbox.datagrams()) {
            *admission = open.admit(datagram.from.ip(), datagram.bytes.unwrap_or_default());
        }
        drop(open);
        let mut answered = [0; Zone::COUNT];
        for (datagram, admission) in self.inbox.datagrams().zip(admissions) {
            let Some(message) = datagram.bytes else {
                self.tally.lost(Loss::TooLong, 1);
                continue;
            };
            let client = datagram.from.ip().to_canonical();
            let out = &mut self.outbox.buffers[self.outbox.to.len()];
            let outcome = match admission {
                Admission::Admitted => self.reception.at_once(message, client, Transport::Udp, out),
                Admission::Stranger => {
                    self.tally.refused_stranger();
                    match refuse(message, Transport::Udp, out) {
                        true => Outcome::Answered,
                        false => Outcome::Dropped,
                    }
                }
                Admission::TooMuch => {
                    self.tally.lost(Loss::RateLimited, 1);
                    continue;
                }
            };
            match outcome {
                Outcome::Answered => {
                    let kind = Kind::of(message, out, client);
                    self.tally.answered(kind, message.len(), out.len());
                    answered[kind.zone as usize] += 1;
                    self.outbox.to.push((datagram.from, datagram.to));
                }
                Outcome::Later => {
                    let asked = Asked { from: datagram.from, at: datagram.to, when: now };
                    self.late.ask(message, asked);
                }
                Outcome::Dropped => self.tally.lost(Loss::Malformed, 1),
                Outcome::Panicked => self.tally.lost(Loss::Panicked, 1),
            }
        }
        let unsent = self.outbox.send(&self.socket);
        if unsent > 0 {
            self.tally.lost(Loss::Unsent, unsent);
        }
        self.tally.took(now.elapsed(), answered);
    }

    /// Answers what has arrived, and leaves what comes from now on to others at this address.
    fn drain(&mut self) {
        // A connected socket takes nothing but from its peer; all else goes to others with the same
        // address. Nobody sends from the discard port of this host. Where the socket is shared, whoever
        // has it too would be cut off as well, and gets what is left.
        let closed = self.origin == Origin::Bound && self.socket.connect(self.nobody()).is_ok();
        let end = Instant::now() + DRAIN[usize::from(closed)];
        let mut settled = false;
        while Instant::now() < end {
            match self.inbox.receive(&self.socket, Wait::No) {
                Ok(_) => self.answer(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if std::mem::replace(&mut settled, true) {
                        break;
                    }
                    sleep(SETTLE);
                }
                // Each is told once.
                Err(_) => {}
            }
        }
    }

    fn nobody(&self) -> SocketAddr {
        match self.socket.local_addr() {
            Ok(SocketAddr::V6(_)) => SocketAddr::from((Ipv6Addr::LOCALHOST, 9)),
            _ => SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        }
    }
}

impl Outbox {
    /// Sends all of them; says how many could not be sent.
    fn send(&mut self, socket: &UdpSocket) -> u64 {
        let (mut first, mut unsent) = (0, 0);
        while first < self.to.len() {
            let rest = self.buffers.iter().zip(&self.to).skip(first);
            let rest = rest.map(|(bytes, (to, from))| Outgoing { bytes, to: *to, from: *from });
            match send(socket, rest) {
                Ok(sent @ 1..) => first += sent,
                // The first of them cannot be sent; the others may.
                Ok(0) | Err(_) => {
                    first += 1;
                    unsent += 1;
                }
            }
        }
        self.to.clear();
        unsent
    }
}
