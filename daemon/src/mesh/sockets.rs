//! The sockets: one at each address that this node is probed at, and sends its own probes from. Only
//! nodes of the cluster are answered.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use pontoon_model::mesh::PORT;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tracing::debug;

use super::board::Board;
use super::wire::{LENGTH, Probe};

/// After a socket fails, before it is read again.
const PAUSE: Duration = Duration::from_millis(100);

/// What all sockets share.
#[derive(Debug)]
pub struct Shared {
    /// Where answers are noted.
    pub board: Arc<Board>,
    /// How long they may take.
    pub patience: Duration,
    /// Who is answered.
    pub sources: RwLock<HashSet<IpAddr>>,
}

/// The sockets, by address.
#[derive(Debug)]
pub struct Sockets {
    shared: Arc<Shared>,
    open: BTreeMap<IpAddr, Listener>,
}

#[derive(Debug)]
struct Listener {
    socket: Arc<UdpSocket>,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sockets {
    /// None yet.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: BTreeMap::new() }
    }

    /// Says who is answered.
    pub fn answer_only(&self, sources: &HashSet<IpAddr>) {
        let mut known = self.shared.sources.write().unwrap_or_else(PoisonError::into_inner);
        known.clone_from(sources);
    }

    /// Listens at these addresses and no others. One that the host does not have yet is left to the
    /// next time.
    ///
    /// # Errors
    /// Why it cannot listen there, for a person.
    pub async fn listen_at(&mut self, addresses: &BTreeSet<IpAddr>) -> Result<(), String> {
        self.open.retain(|address, _| addresses.contains(address));
        let mut outcome = Ok(());
        for address in addresses {
            if self.open.contains_key(address) {
                continue;
            }
            match UdpSocket::bind((*address, PORT)).await {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    let task = tokio::spawn(hear(Arc::clone(&socket), Arc::clone(&self.shared)));
                    self.open.insert(*address, Listener { socket, task });
                }
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    debug!(%address, "not an address of this host yet");
                }
                Err(error) => {
                    outcome = Err(format!(
                        "UDP {}: {error}; nodes cannot probe this one there: free the port, or set mesh.enabled = false",
                        SocketAddr::new(*address, PORT)
                    ));
                }
            }
        }
        outcome
    }

    /// Sends a probe. What cannot be sent is lost, like what does not arrive.
    pub async fn send(&self, from: IpAddr, to: IpAddr, probe: Probe) {
        let Some(ear) = self.open.get(&from) else { return };
        if let Err(error) = ear.socket.send_to(&probe.write(), (to, PORT)).await {
            debug!(%from, %to, %error, "a probe cannot be sent");
        }
    }
}

async fn hear(socket: Arc<UdpSocket>, shared: Arc<Shared>) {
    // One more than a probe has, so that what is longer is seen to be.
    let mut buffer = [0; LENGTH + 1];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(heard) => heard,
            Err(error) => {
                debug!(%error, "cannot hear probes");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        match Probe::read(&buffer[..length]) {
            Some(Probe::Asked(number)) if shared.is_answered(from.ip()) => {
                // Who asked finds out by itself when this fails.
                let _ = socket.send_to(&Probe::Answered(number).write(), from).await;
            }
            Some(Probe::Answered(number)) => {
                shared.board.answered(number, from, Instant::now(), shared.patience);
            }
            _ => {}
        }
    }
}

impl Shared {
    fn is_answered(&self, source: IpAddr) -> bool {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).contains(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_nodes_of_the_cluster_are_answered() {
        let here: IpAddr = "127.0.0.77".parse().unwrap();
        let shared = Shared {
            board: Arc::default(),
            patience: Duration::from_secs(1),
            sources: RwLock::default(),
        };
        let mut sockets = Sockets::new(Arc::new(shared));
        sockets.answer_only(&HashSet::from(["127.0.0.1".parse().unwrap()]));
        sockets.listen_at(&BTreeSet::from([here, "192.0.2.1".parse().unwrap()])).await.unwrap();
        assert_eq!(sockets.open.len(), 1, "an address that is not there is no error");

        let ask = async |from: &str, bytes: &[u8]| {
            let socket = UdpSocket::bind((from, 0)).await.unwrap();
            socket.send_to(bytes, (here, PORT)).await.unwrap();
            let mut buffer = [0; 64];
            let heard = socket.recv(&mut buffer);
            let heard = tokio::time::timeout(Duration::from_millis(300), heard).await;
            heard.ok().map(|length| Probe::read(&buffer[..length.unwrap()]))
        };
        let question = Probe::Asked(7).write();
        assert_eq!(ask("127.0.0.1", &question).await, Some(Some(Probe::Answered(7))));
        assert_eq!(ask("127.0.0.2", &question).await, None, "a stranger");
        assert_eq!(ask("127.0.0.1", b"PTNM\x01short").await, None);
        assert_eq!(ask("127.0.0.1", &[&question[..], b"!"].concat()).await, None);
        assert_eq!(ask("127.0.0.1", &Probe::Answered(7).write()).await, None);

        sockets.listen_at(&BTreeSet::new()).await.unwrap();
        assert_eq!(ask("127.0.0.1", &question).await, None, "it listens there no more");
        let _taken = UdpSocket::bind((here, PORT)).await.unwrap();
        let problem = sockets.listen_at(&BTreeSet::from([here])).await.unwrap_err();
        assert!(
            problem.contains("127.0.0.77:9555") && problem.contains("mesh.enabled"),
            "{problem}"
        );
    }
}
