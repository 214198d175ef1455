//! The file of the embedded store: restarts, crashes, strangers, damage, full disks.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pontoon_store::embedded::{EmbeddedStore, Options};
use pontoon_store::{Error, Revision, Store};
use proptest::prelude::*;

async fn open(path: &Path) -> Result<EmbeddedStore, Error> {
    EmbeddedStore::open(path, Options::default()).await
}

/// Opens a store that was just let go; its last reader may still be at it for a moment.
async fn reopen(path: &Path) -> EmbeddedStore {
    for _ in 0..100 {
        match open(path).await {
            Err(Error::Locked(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            result => return result.unwrap(),
        }
    }
    panic!("the store is still locked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = open(&path).await.unwrap();
    let first = store.put("a", b"1".to_vec(), None).await.unwrap();
    let last = store.put("a", b"2".to_vec(), None).await.unwrap();
    drop(store);
    let store = reopen(&path).await;
    assert_eq!(store.list("", None).await.unwrap().revision, last);
    assert_eq!(store.list("", Some(first)).await.unwrap().items[0].value, b"1");
    assert_eq!(store.put("a", b"3".to_vec(), None).await.unwrap(), last.next());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_get_their_full_time_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = open(&path).await.unwrap();
    let lease = store.grant(Duration::from_secs(2)).await.unwrap();
    store.put("alive/a", Vec::new(), Some(lease.id)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(store);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let store = reopen(&path).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        store.get("alive/a").await.unwrap().is_some(),
        "alive: it has two seconds from the restart on"
    );
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(store.get("alive/a").await.unwrap(), None);
    let other = store.grant(Duration::from_secs(2)).await.unwrap();
    assert_ne!(other.id, lease.id, "lease ids are not used twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_kept_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let options = Options { keep_revisions: 20, ..Options::default() };
    let store = EmbeddedStore::open(&path, options).await.unwrap();
    let mut last = Revision::EMPTY_STORE;
    for i in 0..200_u32 {
        last = store.put("a", i.to_be_bytes().to_vec(), None).await.unwrap();
    }
    assert!(matches!(
        store.list("", Some(Revision(last.0 - 41))).await,
        Err(Error::Compacted { .. })
    ));
    let kept = store.list("", Some(Revision(last.0 - 19))).await.unwrap();
    assert_eq!(kept.items[0].value, 180_u32.to_be_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_opener_is_told_who_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let _store = open(&path).await.unwrap();
    let error = open(&path).await.err().unwrap();
    assert!(
        matches!(&error, Error::Locked(fault) if fault.target == path.display().to_string()),
        "{error}"
    );
    assert!(error.to_string().contains("another pontoond"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let _store = open(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_cannot_be() {
    let folder = tempfile::tempdir().unwrap();
    let missing = open(&folder.path().join("none/store.redb")).await.err().unwrap();
    assert!(missing.to_string().contains("make the folder"), "{missing}");
    let directory = open(folder.path()).await.err().unwrap();
    assert!(matches!(directory, Error::Invalid(_)), "{directory}");
}

const CRASH_PATH: &str = "PONTOON_STORE_CRASH_PATH";

/// Not a test: the process that `a_crash_loses_nothing_that_was_acknowledged` kills. Says every put that is done.
#[test]
#[ignore = "helper process of another test"]
fn crash_helper() {
    let Some(path) = std::env::var_os(CRASH_PATH) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = open(Path::new(&path)).await.unwrap();
        let begun = store.list("", None).await.unwrap().revision.0;
        for i in begun.. {
            store.put(&format!("k{i}"), i.to_string().into_bytes(), None).await.unwrap();
            println!("done {i}");
        }
    });
}

fn spawn_crash_helper(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded_file::crash_helper", "--ignored", "--nocapture"])
        .env(CRASH_PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let mut acknowledged = Vec::new();
    for round in 0..5_usize {
        let mut child = spawn_crash_helper(&path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut puts = 0;
        while puts < 5 + 7 * round {
            let line = lines.next().expect("the helper goes on").unwrap();
            if let Some(number) = line.split("done ").nth(1) {
                acknowledged.push(number.to_owned());
                puts += 1;
            }
        }
        if round == 0 {
            assert!(
                matches!(open(&path).await.err(), Some(Error::Locked(_))),
                "another process holds it"
            );
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let store = reopen(&path).await;
        for number in &acknowledged {
            let held = store.get(&format!("k{number}")).await.unwrap();
            assert_eq!(held.expect("what was acknowledged is there").value, number.as_bytes());
        }
        let listing = store.list("", None).await.unwrap();
        assert_eq!(
            listing.items.len() as u64,
            listing.revision.0 - 1,
            "one key a revision, none torn"
        );
    }
}

/// A valid file with some content, to damage.
fn valid_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = open(&path).await.unwrap();
        for i in 0..50 {
            store.put(&format!("nodes/{i}"), vec![b'x'; 100], None).await.unwrap();
        }
    });
    drop(runtime);
    std::fs::read(&path).unwrap()
}

/// Opens a damaged file and uses it. Anything but a panic, an abort or a hang is right.
fn use_damaged(content: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::write(&path, content).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let uses = async {
        let store = open(&path).await?;
        let listing = store.list("", None).await?;
        store.put("a", b"1".to_vec(), None).await?;
        store.delete("nodes/1").await?;
        store.compact(listing.revision).await?;
        store.get("nodes/2").await.map(|_| ())
    };
    let outcome =
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(30), uses).await });
    let _any_error_is_right = outcome.expect("a damaged file does not hang the store");
}

#[test]
fn a_file_that_is_something_else_is_corrupt() {
    for content in [&b"not a database"[..], &[0xff; 8192], b"redb\x1a\x0a\xa9\x0d\x0a"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        std::fs::write(&path, content).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let error = runtime.block_on(open(&path)).err().expect("refused");
        eprintln!("{error}");
        assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content, "left as it was");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics(content in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        use_damaged(&content);
    }

    #[test]
    fn a_damaged_file_never_panics(
        holes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
        length in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        static VALID: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut content = VALID.get_or_init(valid_file).clone();
        for (index, byte) in holes {
            // Most of the file is empty; the interesting pages are at its begin.
            let length = content.len().min(256 << 10);
            content[index.index(length)] = byte;
        }
        if let Some(length) = length {
            content.truncate(length.index(content.len()));
        }
        use_damaged(&content);
    }
}

/// A file system of a given size, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(parent: &Path, bytes: usize) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root to mount a small tmpfs");
            return None;
        }
        let path = parent.join("small");
        std::fs::create_dir(&path).unwrap();
        let options = format!("size={bytes}");
        let flags = nix::mount::MsFlags::empty();
        match nix::mount::mount(Some("none"), &path, Some("tmpfs"), flags, Some(options.as_str())) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                eprintln!("skipped: cannot mount a small tmpfs: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_mends_itself_once_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 12 << 20) else { return };
    let path = disk.0.join("store.redb");
    let ballast = disk.0.join("ballast");
    std::fs::write(&ballast, vec![0; 6 << 20]).unwrap();
    let store = open(&path).await.unwrap();
    let mut written = 0_usize;
    let error = loop {
        match store.put(&format!("k{written}"), vec![b'x'; 200 << 10], None).await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 100, "12 MiB are full");
    };
    eprintln!("after {written} values: {error}");
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert!(written > 0);
    let listing = store.list("", None).await.unwrap();
    assert_eq!(listing.items.len(), written, "reads go on, and nothing is torn");
    std::fs::remove_file(&ballast).unwrap();
    store.put("after", b"1".to_vec(), None).await.unwrap();
    drop(store);
    assert_eq!(reopen(&path).await.list("", None).await.unwrap().items.len(), written + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_full_at_the_first_start_is_said_and_the_next_start_works() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 8 << 20) else { return };
    let path = disk.0.join("store.redb");
    for room in [0, 4096, 8192, 64 << 10] {
        let ballast = disk.0.join("ballast");
        let full = (8 << 20) - room;
        let written = std::fs::write(&ballast, vec![0; full]);
        let error = open(&path).await.err();
        eprintln!("room {room}, ballast {written:?}: {error:?}");
        assert!(matches!(error, None | Some(Error::Full(_))), "{error:?}");
        std::fs::remove_file(&ballast).unwrap();
        let store = reopen(&path).await;
        store.put("a", b"1".to_vec(), None).await.unwrap();
        drop(store);
        tokio::time::sleep(Duration::from_millis(50)).await;
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let table: redb::TableDefinition<u64, u64> = redb::TableDefinition::new("theirs");
    let theirs = redb::Database::create(&path).unwrap();
    let tx = theirs.begin_write().unwrap();
    tx.open_table(table).unwrap().insert(1, 1).unwrap();
    tx.commit().unwrap();
    drop(theirs);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime.block_on(open(&path)).err().expect("refused");
    assert!(matches!(&error, Error::Invalid(_)), "{error}");
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_nobody_waits_for_is_still_told_to_the_watches() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("store.redb")).await.unwrap();
    for i in 0..50_u64 {
        let now = store.list("", None).await.unwrap().revision;
        let mut watch = store.watch("", now.next()).await.unwrap();
        let key = format!("k{i}");
        let put = store.put(&key, b"1".to_vec(), None);
        let _ = tokio::time::timeout(Duration::from_micros(20 * i), put).await;
        // Applied or not, the store and its watch agree.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if store.get(&key).await.unwrap().is_some() {
            crate::subject::next(&mut watch).await;
        }
    }
}
