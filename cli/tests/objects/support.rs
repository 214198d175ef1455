//! A daemon that answers what it is told, and the command run against it.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use pontoon_model::api::{MAX_REQUEST, Request, Response};

/// A daemon in a folder of its own.
pub(crate) struct Fake {
    dir: tempfile::TempDir,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// One that is not running.
    pub(crate) fn absent() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), asked: Arc::default() }
    }

    /// One that answers so; its thread ends with the test's process.
    pub(crate) fn new(answer: impl Fn(&Request) -> Response + Send + 'static) -> Self {
        let fake = Self::absent();
        let listener = UnixListener::bind(fake.socket()).unwrap();
        let asked = Arc::clone(&fake.asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut text = Vec::new();
                stream.read_to_end(&mut text).unwrap();
                assert!(text.len() as u64 <= MAX_REQUEST, "{} bytes", text.len());
                let request: Request = serde_json::from_slice(&text).unwrap();
                let answer = serde_json::to_vec(&answer(&request)).unwrap();
                asked.lock().unwrap().push(request);
                stream.write_all(&answer).unwrap();
            }
        });
        fake
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("pontoond.sock")
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// What it was asked so far that changes anything.
    pub(crate) fn asked_to_change(&self) -> Vec<Request> {
        let mut asked = self.asked();
        asked.retain(|request| !matches!(request, Request::Get(_) | Request::Status));
        asked
    }

    /// A file beside the socket.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// That it went well.
    pub(crate) fn well(out: &str) -> Self {
        Self { code: 0, out: out.to_owned(), err: String::new() }
    }

    /// Both streams, without the folder of the test.
    pub(crate) fn without(&self, fake: &Fake) -> String {
        let text = format!("{}--- standard error, exit code {}\n{}", self.out, self.code, self.err);
        text.replace(&format!("{}/", fake.dir.path().display()), "")
    }
}

/// Runs the command.
pub(crate) fn pontoon(fake: &Fake, arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pontoon"))
        .args(arguments)
        .env("PONTOON_SOCKET", fake.socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Compares with a file of the repository.
pub(crate) fn assert_golden(name: &str, said: &str) {
    let path = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, said).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == said, "{path} differs; UPDATE_GOLDEN=1 accepts:\n{said}");
}
