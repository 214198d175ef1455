//! A network namespace a test, and the readers that check what we wrote.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

/// Runs a test on a thread in a network namespace of its own, which goes away with the thread. Says so and does nothing
/// where the process may not make one.
pub fn in_netns<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> Option<T> {
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
pub fn run(program: &str, args: &[&str]) -> String {
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
pub fn nft_text(family_and_name: &str) -> String {
    let words: Vec<&str> =
        ["list", "table"].into_iter().chain(family_and_name.split(' ')).collect();
    run("nft", &words)
}

/// Compares a listing with the golden file of that name in `tests/nft_golden`. `UPDATE_GOLDEN=1` writes it.
pub fn assert_golden(name: &str, actual: &str) {
    let path = format!("{}/tests/nft_golden/{name}.nft", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{path} differs; UPDATE_GOLDEN=1 accepts what is now");
}
