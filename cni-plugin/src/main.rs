//! `pontoon-cni`, the plugin that a container runtime starts on each ADD, DEL, CHECK, GC, STATUS
//! and VERSION. It turns environment and stdin into one request to the daemon, and the response
//! into a CNI answer; all the rest is the daemon's. What is parsed and how is in
//! [`pontoon_model::cni`].
//!
//! | module | what it does |
//! | --- | --- |
//! | [`run`] | one call, from the environment to the answer |
//! | [`patience`] | how long to wait for stdin, and for a daemon that was down |
//! | [`pending`] | leaves a DEL on disk for a daemon that is down |
//! | [`about`] | tells a person what this program is |

mod about;
mod patience;
mod pending;
mod run;

use std::io::Write;
use std::process::ExitCode;

/// Nothing here may end the process with a panic (`println!` does when stdout is closed): a runtime
/// wants an error document and exit code 1.
fn main() -> ExitCode {
    if let Some(exit) = about::for_a_person() {
        return exit;
    }
    let (answer, mut exit) = match run::call() {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(error) => (run::document(&error.as_document()), ExitCode::FAILURE),
    };
    let mut stdout = std::io::stdout();
    if let Err(error) = stdout.write_all(&answer).and_then(|()| stdout.flush()) {
        let _ = writeln!(std::io::stderr(), "pontoon-cni: writing the answer to stdout: {error}");
        exit = ExitCode::FAILURE;
    }
    exit
}
