//! A daemon that answers what it is told, and the command run against it.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pontoon_model::api::{Failure, Status};
use pontoon_model::object::{Documents, MetadataChange, Outcome, Selection};
use serde_json::json;

use crate::wire;

/// What the daemon was asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Status,
    Get(Selection),
    Watch(Selection),
    Apply { documents: Documents, dry_run: bool },
    Delete(Selection),
    Change { objects: Selection, change: MetadataChange },
    Other(String),
}

/// What it answers.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    Status(Box<Status>),
    Objects(Documents),
    /// Server-sent events, as they are.
    Events(String),
    Outcomes(Vec<Outcome>),
    /// The backend that was chosen.
    Choice(&'static str),
    Done,
    Failed(Failure),
}

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

    /// One that answers so; its threads end with the test's process.
    pub(crate) fn new(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let fake = Self::absent();
        let listener = UnixListener::bind(fake.socket()).unwrap();
        let (asked, answer) = (Arc::clone(&fake.asked), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                thread::spawn(move || {
                    wire::converse(stream, |request| {
                        asked.lock().unwrap().push(request.clone());
                        answer(request)
                    });
                });
            }
        });
        fake
    }

    /// One that takes requests and answers nothing.
    pub(crate) fn mute() -> Self {
        let fake = Self::absent();
        let listener = UnixListener::bind(fake.socket()).unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                wire::read(&mut stream);
            }
        });
        fake
    }

    /// Where everything of it is.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("api.sock")
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
    pontoon_as(fake, arguments, input, |_| {}).unwrap()
}

/// Runs the command, changed a little.
pub(crate) fn pontoon_as(
    fake: &Fake,
    arguments: &[&str],
    input: &str,
    change: impl FnOnce(&mut Command),
) -> std::io::Result<Said> {
    run(env!("CARGO_BIN_EXE_pontoon").as_ref(), fake, arguments, input, change)
}

/// Runs the command from another place.
pub(crate) fn run(
    program: &Path,
    fake: &Fake,
    arguments: &[&str],
    input: &str,
    change: impl FnOnce(&mut Command),
) -> std::io::Result<Said> {
    let mut command = command(program, fake, arguments);
    change(&mut command);
    let mut child = command.spawn()?;
    // A command that fails early does not read it.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output()?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    Ok(Said { code, out: text(output.stdout), err: text(output.stderr) })
}

/// What a terminal shows of a line that a shell is given; `None` where none can be made.
pub(crate) fn on_terminal(
    fake: &Fake,
    line: &str,
    change: impl FnOnce(&mut Command),
) -> Option<String> {
    let line = format!("'{}' {line}", env!("CARGO_BIN_EXE_pontoon"));
    let mut command = command("script".as_ref(), fake, &["-qec", &line, "/dev/null"]);
    command.env("TERM", "xterm").env("SHELL", "/bin/sh").stdin(Stdio::null());
    change(&mut command);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What a command that does not end by itself prints in a while.
pub(crate) fn pontoon_for(fake: &Fake, arguments: &[&str], time: Duration) -> String {
    let program = env!("CARGO_BIN_EXE_pontoon").as_ref();
    let mut child = command(program, fake, arguments).spawn().unwrap();
    thread::sleep(time);
    child.kill().unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn command(program: &Path, fake: &Fake, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PONTOON_SOCKET", fake.socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A node of its own, with a pod.
pub(crate) fn status(ready: bool) -> Status {
    let problems: &[&str] = if ready { &[] } else { &["the underlay is not found"] };
    let status = json!({"node": "a", "version": "0.1.0", "ready": ready, "problems": problems,
        "store": {"kind": "etcd", "connected": true, "revision": 7}, "cluster": null, "mtu": 1450,
        "nodes": [{"name": "a", "underlay": "192.0.2.1", "subnets": ["10.244.1.0/24"], "backend": null, "alive": true}],
        "pods": [{"pod": {"namespace": "default", "name": "web-0"}, "id": {"containerId": "c1", "ifname": "eth0"},
            "hostInterface": "ptn-of-no-host", "addresses": ["10.244.1.2"]}]});
    serde_json::from_value(status).unwrap()
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
