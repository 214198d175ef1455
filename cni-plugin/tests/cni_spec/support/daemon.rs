//! A daemon that answers as it is told and remembers what it was asked.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use pontoon_model::api::{Request, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What it does with a request.
pub(crate) enum Reaction {
    /// Answers it.
    Answer(Response),
    /// Writes these bytes, then closes the connection.
    Bytes(Vec<u8>),
}

/// A daemon with a run folder and a state folder of its own.
pub(crate) struct FakeDaemon {
    dir: TempDir,
    requests: Option<Receiver<Request>>,
}

impl FakeDaemon {
    /// One that is down: nothing at the socket's path.
    pub(crate) fn absent() -> Self {
        let dir = TempDir::with_prefix("pontoon-cni-").unwrap();
        Self { dir, requests: None }
    }

    /// One that has stopped: a socket at which nobody listens.
    pub(crate) fn stopped() -> Self {
        let daemon = Self::absent();
        drop(UnixListener::bind(daemon.socket()).unwrap());
        daemon
    }

    /// One that answers every request so.
    pub(crate) fn answering(response: Response) -> Self {
        Self::reacting(move |_, _| Reaction::Answer(response.clone()))
    }

    /// One that reacts to each request and the request's number, beginning with 0.
    pub(crate) fn reacting(
        react: impl FnMut(&Request, usize) -> Reaction + Send + 'static,
    ) -> Self {
        let mut daemon = Self::absent();
        daemon.start(react);
        daemon
    }

    /// Begins to listen. The thread ends with the test's process.
    pub(crate) fn start(
        &mut self,
        mut react: impl FnMut(&Request, usize) -> Reaction + Send + 'static,
    ) {
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (sender, receiver) = channel();
        self.requests = Some(receiver);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let request = read_request(&mut stream);
                let content = match react(&request, number) {
                    Reaction::Answer(response) => serde_json::to_vec(&response).unwrap(),
                    Reaction::Bytes(bytes) => bytes,
                };
                if sender.send(request).is_err() {
                    return;
                }
                // A plugin that was killed reads no more.
                let _ = stream.write_all(&content);
            }
        });
    }

    /// Where it listens, or would.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("pontoond.sock")
    }

    /// Where DELs wait for it.
    pub(crate) fn pending_dir(&self) -> PathBuf {
        self.dir.path().join("state/pending")
    }

    /// The names of what waits there, what is half-written left out.
    pub(crate) fn pending(&self) -> Vec<String> {
        let Ok(entries) = self.pending_dir().read_dir() else {
            return Vec::new();
        };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let is_whole = |name: &String| !pontoon_model::cni::pending::is_temporary(name);
        entries.map(name).filter(is_whole).collect()
    }

    /// A network configuration that leads to it.
    pub(crate) fn conf(&self, version: &str) -> Value {
        let mut conf = super::conf(version);
        let text = |path: &Path| json!(path.to_str().unwrap());
        conf["socket"] = text(&self.socket());
        conf["pendingDir"] = text(&self.pending_dir());
        conf
    }

    /// What it was asked so far. A plugin that has ended has been heard.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.requests.as_ref().map_or_else(Vec::new, |requests| requests.try_iter().collect())
    }
}

/// As strict as the real one: the whole stream is one request.
fn read_request(stream: &mut UnixStream) -> Request {
    let mut content = Vec::new();
    stream.read_to_end(&mut content).unwrap();
    serde_json::from_slice(&content).unwrap()
}
