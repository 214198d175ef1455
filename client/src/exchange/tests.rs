use std::io::Read;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Instant;

use super::*;

const SHORT: Duration = Duration::from_millis(100);
/// Far below the time of a hang, far above a busy machine's.
const BOUND: Duration = Duration::from_secs(10);

struct Socket {
    dir: tempfile::TempDir,
}

impl Socket {
    fn new() -> Self {
        Self { dir: tempfile::TempDir::with_prefix("pontoon-cni-").unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("s")
    }

    fn listen(&self) -> UnixListener {
        UnixListener::bind(self.path()).unwrap()
    }
}

fn silent(result: Result<Response, ExchangeError>, began: Instant) {
    assert!(matches!(result, Err(ExchangeError::Silent { .. })), "{result:?}");
    assert!(began.elapsed() < BOUND);
}

#[test]
fn a_daemon_that_never_answers_is_given_up() {
    let socket = Socket::new();
    let _listener = socket.listen();
    let began = Instant::now();
    silent(ask(&socket.path(), &Request::Ready, SHORT), began);
}

#[test]
fn a_daemon_that_dribbles_does_not_extend_its_time() {
    let socket = Socket::new();
    let listener = socket.listen();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let began = Instant::now();
    silent(ask(&socket.path(), &Request::Ready, SHORT), began);
}

#[test]
fn a_full_backlog_is_given_up() {
    let socket = Socket::new();
    let listener = socket.listen();
    nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = connect_to(&socket.path(), Deadline::after(Duration::ZERO)) {
        held.push(stream);
        assert!(held.len() < 100, "the backlog takes as many as there are");
    }
    let began = Instant::now();
    silent(ask(&socket.path(), &Request::Ready, SHORT), began);
}

#[test]
fn an_endless_answer_is_refused() {
    let socket = Socket::new();
    let listener = socket.listen();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(&[b' '; 4096]).is_ok() {}
    });
    let result = ask(&socket.path(), &Request::Ready, BOUND);
    assert!(matches!(result, Err(ExchangeError::Broken { .. })), "{result:?}");
}

#[test]
fn objects_may_be_longer_than_an_attachment() {
    let socket = Socket::new();
    let listener = socket.listen();
    let objects = Response::Objects(vec!["x".repeat(2 << 20).into()]);
    let answer = serde_json::to_vec(&objects).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = Vec::new();
            let _ = stream.read_to_end(&mut asked);
            let _ = stream.write_all(&answer);
        }
    });
    let all = pontoon_model::object::Selection {
        kind: pontoon_model::object::Kind::Service,
        namespace: None,
        names: Vec::new(),
        labels: Default::default(),
    };
    assert_eq!(ask(&socket.path(), &Request::Get(all), BOUND).unwrap(), objects);
    let result = ask(&socket.path(), &Request::Ready, BOUND);
    assert!(matches!(result, Err(ExchangeError::Broken { .. })), "{result:?}");
}

#[test]
fn an_early_refusal_is_read_although_the_request_was_not() {
    let socket = Socket::new();
    let listener = socket.listen();
    let refusal = Response::Failed(Failure::new(Code::InvalidConfig, "too long", ""));
    let answer = serde_json::to_vec(&refusal).unwrap();
    let daemon = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&answer).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
    });
    let valid = (0..50_000)
        .map(|number| pontoon_model::attachment::AttachmentId {
            container_id: format!("c{number}").parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        })
        .collect();
    let request = Request::Gc { network: "pontoon".parse().unwrap(), valid };
    assert_eq!(ask(&socket.path(), &request, BOUND).unwrap(), refusal);
    daemon.join().unwrap();
}

#[test]
fn each_failure_names_socket_cause_and_next_step() {
    let socket = Socket::new();
    let failure = |result: Result<Response, ExchangeError>| Failure::from(&result.unwrap_err());
    let absent = failure(ask(&socket.path(), &Request::Ready, SHORT));
    drop(socket.listen());
    let stopped = failure(ask(&socket.path(), &Request::Ready, SHORT));
    assert!(absent.details.contains("not running"), "{absent}");
    assert!(stopped.details.contains("has stopped"), "{stopped}");
    for failure in [absent, stopped] {
        assert_eq!(failure.code, Code::TryAgainLater);
        assert!(failure.details.contains(socket.path().to_str().unwrap()), "{failure}");
        assert!(failure.details.contains("systemctl status pontoond"), "{failure}");
    }
}

#[test]
fn a_socket_that_may_not_be_used_will_not_be_usable_later() {
    let error = io::ErrorKind::PermissionDenied.into();
    let failure = Failure::from(&ExchangeError::Absent { socket: "/run/s".to_owned(), error });
    assert_eq!(failure.code, Code::Io);
    assert!(failure.details.contains("run it as root"), "{failure}");
}
