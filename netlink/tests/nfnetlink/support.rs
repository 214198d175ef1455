//! A network namespace a test, and the readers that check what we wrote.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};

/// Runs a test on a thread in a network namespace of its own, which goes away with the thread. Says
/// so and does nothing where the process may not make one.
pub(crate) fn in_netns<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let outcome = std::thread::spawn(move || match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => {
            run("ip", &["link", "set", "lo", "up"]);
            Some(test())
        }
        Err(error) => {
            eprintln!("skipped: needs root to make a network namespace ({error})");
            None
        }
    })
    .join();
    match outcome {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs a program in the calling thread's network namespace; panics with its words if it fails.
pub(crate) fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What nft prints for a table.
pub(crate) fn nft_text(family_and_name: &str) -> String {
    let words: Vec<&str> =
        ["list", "table"].into_iter().chain(family_and_name.split(' ')).collect();
    run("nft", &words)
}

/// The elements that nft reads from a set or map, as JSON.
pub(crate) fn nft_elements(
    kind: &str,
    family_and_table: &str,
    name: &str,
) -> Vec<serde_json::Value> {
    let command = format!("-j list {kind} {family_and_table} {name}");
    let listing = run("nft", &command.split(' ').collect::<Vec<_>>());
    let mut listing: serde_json::Value = serde_json::from_str(&listing).unwrap();
    let elements = listing.pointer_mut(&format!("/nftables/1/{kind}/elem")).map(|e| e.take());
    elements.map(|elements| elements.as_array().unwrap().clone()).unwrap_or_default()
}

/// The tables that nft sees.
pub(crate) fn nft_tables() -> String {
    run("nft", &["list", "tables"])
}

/// Compares a listing with the golden file of that name in `tests/nfnetlink/golden`.
/// `UPDATE_GOLDEN=1` writes it.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = format!("{}/tests/nfnetlink/golden/{name}.nft", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{path} differs; UPDATE_GOLDEN=1 accepts what is now");
}

/// What a piece of work took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    /// Time of this thread, in user mode and in the kernel together.
    pub(crate) cpu: Duration,
}

pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (started, cpu_before) = (Instant::now(), thread_cpu());
    let value = work();
    (value, Cost { wall: started.elapsed(), cpu: thread_cpu() - cpu_before })
}

fn thread_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    [usage.user_time(), usage.system_time()]
        .into_iter()
        .map(|time| {
            Duration::from_micros(
                u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap(),
            )
        })
        .sum()
}

/// A host: a thread in a network namespace of its own that does what it is told, and ends with
/// this.
pub(crate) struct Host {
    thread_id: i32,
    orders: Option<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (orders, received) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            run("ip", &["link", "set", "lo", "up"]);
            ready.send(nix::unistd::gettid().as_raw()).unwrap();
            received.iter().for_each(|order| order());
        });
        let thread_id = is_ready.recv().unwrap();
        Self { thread_id, orders: Some(orders), thread: Some(thread) }
    }

    /// Runs something on the host and waits for its result.
    pub(crate) fn run<T: Send + 'static>(&self, order: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, result) = mpsc::channel();
        let order = move || drop(done.send(order()));
        self.orders.as_ref().unwrap().send(Box::new(order)).unwrap();
        result.recv().expect("the host's thread panicked")
    }

    /// Runs `ip` with these words on the host.
    pub(crate) fn ip(&self, words: &str) {
        let words = words.to_owned();
        self.run(move || run("ip", &words.split(' ').collect::<Vec<_>>()));
    }

    /// Joins this host to a router by a cable, which is 10.244.`subnet`.0/24, the router .1 and
    /// this host .2.
    pub(crate) fn join(&self, router: &Self, subnet: u8) {
        let link = format!("to{subnet}");
        router.ip(&format!("link add {link} type veth peer name eth0 netns {}", self.thread_id));
        router.ip(&format!("address add 10.244.{subnet}.1/24 dev {link}"));
        router.ip(&format!("link set {link} up"));
        self.ip(&format!("address add 10.244.{subnet}.2/24 dev eth0"));
        self.ip("link set eth0 up");
        self.ip(&format!("route add default via 10.244.{subnet}.1"));
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.orders.take();
        let ended = self.thread.take().map(std::thread::JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the host's thread panicked");
        }
    }
}
