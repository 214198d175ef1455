//! Questions at a constant rate while something happens.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use hickory_proto::op::{Message, ResponseCode};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::answer::Answer;
use super::ask::{Question, socket};
use crate::netns::Netns;

/// As many failures are told in full.
const EXAMPLES: usize = 5;
/// How often a load looks whether it is to end.
const TICK: Duration = Duration::from_millis(10);

/// How a client takes silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often it sends a question.
    pub attempts: u32,
    /// How long it waits behind each.
    pub each: Duration,
}

impl Patience {
    /// It sends a question once, so that each datagram that is lost shows.
    pub const ONCE: Self = Self { attempts: 1, each: Duration::from_secs(5) };
    /// It does as resolv.conf(5) has it with `timeout:1 attempts:5`.
    pub const AGAIN: Self = Self { attempts: 5, each: Duration::from_secs(1) };
}

/// What a load met with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DnsReport {
    /// Questions asked, those that were sent again once.
    pub asked: u64,
    /// Questions with a good answer: no error, and a record at least.
    pub answered: u64,
    /// Questions with an answer that is not good.
    pub wrong: u64,
    /// Questions without an answer.
    pub lost: u64,
    /// Datagrams sent again.
    pub again: u64,
    /// The first that were wrong or lost, in words.
    pub examples: Vec<String>,
    /// The longest time that a question took, with all its attempts.
    pub longest: Duration,
    /// The longest time between two good answers.
    pub longest_gap: Duration,
}

/// A client in a namespace that asks a server each interval, whatever came of the last question, from
/// another port each time, until stopped.
#[derive(Debug)]
pub struct DnsLoad {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Result<DnsReport>>,
}

impl DnsLoad {
    /// Starts one, which asks these in turn.
    #[must_use]
    pub fn start(
        from: &Netns,
        server: SocketAddr,
        questions: &[Question],
        patience: Patience,
        interval: Duration,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (from, stopped, questions) = (from.clone(), stop.clone(), questions.to_vec());
        let answered = Arc::new(AtomicU64::new(0));
        let told = answered.clone();
        let thread = std::thread::spawn(move || {
            let client = Client {
                server,
                patience,
                pending: Vec::new(),
                report: DnsReport::default(),
                told,
                begun: Instant::now(),
                last: Instant::now(),
            };
            from.run(|| client.ask_until(&stopped, &questions, interval))?
        });
        Self { stop, answered, thread }
    }

    /// How many questions had a good answer so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it, when the last question is answered or lost.
    ///
    /// # Errors
    /// When it could not ask at all.
    pub fn stop(self) -> Result<DnsReport> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("the load panicked"))?
    }
}

struct Client {
    server: SocketAddr,
    patience: Patience,
    pending: Vec<Pending>,
    report: DnsReport,
    /// `report.answered`, for who looks on.
    told: Arc<AtomicU64>,
    begun: Instant,
    /// When the last good answer came.
    last: Instant,
}

/// A question without an answer so far.
struct Pending {
    what: String,
    id: u16,
    packet: Vec<u8>,
    socket: UdpSocket,
    first: Instant,
    sent: Instant,
    attempts: u32,
}

impl Client {
    fn ask_until(
        mut self,
        stop: &AtomicBool,
        questions: &[Question],
        interval: Duration,
    ) -> Result<DnsReport> {
        let mut turn = questions.iter().cycle();
        let mut next = Instant::now();
        loop {
            let stopped = stop.load(Ordering::Relaxed);
            if stopped && self.pending.is_empty() {
                return Ok(self.report);
            }
            if !stopped && Instant::now() >= next {
                self.begin(turn.next().context("a load without questions")?)?;
                // A late client does not catch up: the load is never more than was asked for.
                next = (next + interval).max(Instant::now());
            }
            self.send_again();
            let until = if stopped { TICK } else { TICK.min(next - Instant::now().min(next)) };
            self.receive(until)?;
        }
    }

    fn begin(&mut self, question: &Question) -> Result<()> {
        let (id, packet) = question.packet()?;
        let socket = socket(self.server).context("cannot open a UDP socket")?;
        socket.set_nonblocking(true)?;
        let what = format!("{} {}", question.name, question.rtype);
        let now = Instant::now();
        // What is not sent is sent again, as what is lost.
        let _ = socket.send(&packet);
        self.report.asked += 1;
        self.pending.push(Pending { what, id, packet, socket, first: now, sent: now, attempts: 1 });
        Ok(())
    }

    /// Sends again what waited for long enough, and gives up what was sent often enough.
    fn send_again(&mut self) {
        let Patience { attempts, each } = self.patience;
        let mut lost = Vec::new();
        for pending in self.pending.iter_mut().filter(|pending| pending.sent.elapsed() >= each) {
            if pending.attempts == attempts {
                lost.push(pending.id);
                continue;
            }
            let _ = pending.socket.send(&pending.packet);
            pending.sent = Instant::now();
            pending.attempts += 1;
            self.report.again += 1;
        }
        for id in lost {
            self.end(id, None);
        }
    }

    fn receive(&mut self, patience: Duration) -> Result<()> {
        let mut fds: Vec<_> =
            self.pending.iter().map(|p| PollFd::new(p.socket.as_fd(), PollFlags::POLLIN)).collect();
        let wait = TimeSpec::from_duration(patience.max(Duration::from_micros(50)));
        ppoll(&mut fds, Some(wait), None).context("cannot wait for answers")?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or_default()).collect();
        let mut ended = Vec::new();
        let mut buffer = [0; 4096];
        for (pending, _) in self.pending.iter().zip(ready).filter(|(_, ready)| *ready) {
            match pending.socket.recv(&mut buffer) {
                Ok(length) => {
                    let message = buffer.get(..length).map(Message::from_vec);
                    if let Some(Ok(message)) = message
                        && Answer::is_to(&message, pending.id)
                    {
                        ended.push((pending.id, message));
                    }
                }
                // ICMP says that nobody is there just now: as good as lost.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("cannot receive answers"),
            }
        }
        ended.into_iter().for_each(|(id, message)| self.end(id, Some(message)));
        Ok(())
    }

    fn end(&mut self, id: u16, message: Option<Message>) {
        let Some(index) = self.pending.iter().position(|pending| pending.id == id) else { return };
        let pending = self.pending.swap_remove(index);
        let took = pending.first.elapsed();
        self.report.longest = self.report.longest.max(took);
        let problem = match message {
            Some(message) if is_good(&message) => {
                self.report.answered += 1;
                self.told.store(self.report.answered, Ordering::Relaxed);
                self.report.longest_gap = self.report.longest_gap.max(self.last.elapsed());
                self.last = Instant::now();
                return;
            }
            Some(message) => {
                self.report.wrong += 1;
                format!("was answered {}", message.metadata.response_code)
            }
            None => {
                self.report.lost += 1;
                "was not answered".to_owned()
            }
        };
        if self.report.examples.len() < EXAMPLES {
            let at = pending.first - self.begun;
            let what = pending.what;
            self.report.examples.push(format!("{what} {problem} after {took:?}, asked at {at:?}"));
        }
    }
}

fn is_good(message: &Message) -> bool {
    message.metadata.response_code == ResponseCode::NoError && !message.answers.is_empty()
}
