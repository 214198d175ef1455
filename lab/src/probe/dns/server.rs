//! A name server that says what it is told, as an upstream of nodes.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use socket2::{Domain, Socket, Type};

use super::ask::{Over, framed, read_framed};
use crate::host::lock;
use crate::netns::Netns;
use crate::probe::is_timeout;

/// How often a waiting thread looks whether it is to end.
const TICK: Duration = Duration::from_millis(50);
/// How long its answers may be kept, seconds.
const TTL: u32 = 30;
/// How long its denials may be kept, seconds.
const DENIAL: u32 = 5;

/// How a name server answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it knows.
    #[default]
    Answers,
    /// Not at all.
    Silent,
    /// With SERVFAIL.
    Fails,
}

/// A name server on port 53 of all addresses of a namespace, over UDP and TCP, until dropped.
///
/// What does not fit into the asker's datagrams it cuts; names that it was not told do not exist.
#[derive(Debug)]
pub struct NameServer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    names: BTreeMap<String, Vec<RData>>,
    stop: AtomicBool,
    manner: Mutex<Manner>,
    asked: Mutex<Vec<(String, RecordType, Over)>>,
}

impl NameServer {
    /// Starts one that knows these names, each with an address or with the name that it stands for.
    ///
    /// # Errors
    /// When the port is taken, or a name is none.
    pub fn start(netns: &Netns, records: &[(&str, &str)]) -> Result<Self> {
        let mut names: BTreeMap<String, Vec<RData>> = BTreeMap::new();
        for (name, data) in records {
            let data = match data.parse() {
                Ok(IpAddr::V4(ip)) => RData::A(A(ip)),
                Ok(IpAddr::V6(ip)) => RData::AAAA(AAAA(ip)),
                Err(_) => RData::CNAME(CNAME(whole(data)?)),
            };
            names.entry((*name).to_owned()).or_default().push(data);
        }
        let shared = Arc::new(Shared {
            names,
            stop: AtomicBool::new(false),
            manner: Mutex::default(),
            asked: Mutex::default(),
        });
        let mut threads = Vec::new();
        for any in [IpAddr::from(Ipv4Addr::UNSPECIFIED), IpAddr::from(Ipv6Addr::UNSPECIFIED)] {
            let at = SocketAddr::new(any, 53);
            let opened = netns.run(|| Ok((open(at, Type::DGRAM)?, open(at, Type::STREAM)?)))?;
            let (udp, tcp) = opened
                .map_err(|error: std::io::Error| error)
                .with_context(|| format!("cannot listen at {at} in {}", netns.path().display()))?;
            let (of_udp, of_tcp) = (shared.clone(), shared.clone());
            threads.push(std::thread::spawn(move || of_udp.datagrams(&udp.into())));
            threads.push(std::thread::spawn(move || of_tcp.accept(&tcp.into())));
        }
        Ok(Self { shared, threads })
    }

    /// How it answers from now on.
    pub fn set_manner(&self, manner: Manner) {
        *lock(&self.shared.manner) = manner;
    }

    /// What it was asked since it was asked this last, but for the trials of whoever looks whether it
    /// lives.
    #[must_use]
    pub fn take_asked(&self) -> Vec<(String, RecordType, Over)> {
        std::mem::take(&mut lock(&self.shared.asked))
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

fn whole(name: &str) -> Result<Name> {
    let mut parsed = Name::from_ascii(name).with_context(|| format!("{name:?} is no name"))?;
    parsed.set_fqdn(true);
    Ok(parsed)
}

fn open(at: SocketAddr, kind: Type) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), kind, None)?;
    socket.set_reuse_address(true)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_read_timeout(Some(TICK))?;
    socket.bind(&at.into())?;
    if kind == Type::STREAM {
        socket.listen(128)?;
    }
    Ok(socket)
}

impl Shared {
    fn datagrams(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            let question = buffer.get(..length).unwrap_or_default();
            if let Some(answer) = self.answer(question, Over::Udp) {
                let _client_is_gone = socket.send_to(&answer, from);
            }
        }
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        while !self.stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => {
                    let shared = self.clone();
                    std::thread::spawn(move || shared.converse(stream));
                }
                Err(error) if is_timeout(&error) => {}
                // The client gave up before it was served.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Ends with the connection, which clients keep for some seconds.
    fn converse(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(question) = read_framed(&mut stream) else { return };
            let answer = self.answer(&question, Over::Tcp);
            if let Some(answer) = answer
                && stream.write_all(&framed(&answer)).is_err()
            {
                return;
            }
        }
    }

    fn answer(&self, question: &[u8], over: Over) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        let query = asked.queries.first()?.clone();
        let name = query.name().to_string().to_lowercase();
        let name = name.trim_end_matches('.');
        if !name.is_empty() {
            lock(&self.asked).push((name.to_owned(), query.query_type(), over));
        }
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.recursion_desired = asked.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.metadata.response_code = match *lock(&self.manner) {
            Manner::Silent => return None,
            Manner::Fails => ResponseCode::ServFail,
            Manner::Answers => self.look_up(name, query.query_type(), query.name(), &mut answer),
        };
        answer.add_query(query);
        let room = asked.edns.as_ref().map_or(512, |edns| edns.max_payload().max(512));
        if let Some(edns) = asked.edns {
            answer.set_edns(edns);
        }
        let bytes = answer.to_vec().ok()?;
        let fits = over == Over::Tcp || bytes.len() <= usize::from(room);
        if fits { Some(bytes) } else { answer.truncate().to_vec().ok() }
    }

    /// Writes what it knows of a name, and of what that stands for; returns the code.
    fn look_up(
        &self,
        name: &str,
        wanted: RecordType,
        as_asked: &Name,
        answer: &mut Message,
    ) -> ResponseCode {
        let mut code = ResponseCode::NXDomain;
        for data in self.names.get(name).into_iter().flatten() {
            code = ResponseCode::NoError;
            let is_alias = data.record_type() == RecordType::CNAME;
            if data.record_type() == wanted || is_alias {
                answer.add_answer(Record::from_rdata(as_asked.clone(), TTL, data.clone()));
            }
            if let RData::CNAME(target) = data
                && wanted != RecordType::CNAME
            {
                let next = target.0.to_string().to_lowercase();
                code = self.look_up(next.trim_end_matches('.'), wanted, &target.0, answer);
            }
        }
        if answer.answers.is_empty() && answer.authorities.is_empty() {
            let root = Name::root();
            let numbers = SOA::new(root.clone(), root.clone(), 1, 60, 60, 60, DENIAL);
            answer.add_authority(Record::from_rdata(root, DENIAL, RData::SOA(numbers)));
        }
        code
    }
}
