//! Where the API is served: sockets, certificates, connections.
//!
//! | module | its one job |
//! | --- | --- |
//! | `unix` | the socket on this host, and who may use it |
//! | `tcp` | the port, and what keeps it from being had |
//! | [`tls`] | certificates, and that they are read anew when they change |
//! | [`connection`] | one client's connection, and how long it may take |
//! | `patient` | a connection that ends when its client reads nothing |

pub mod connection;
mod patient;
mod tcp;
pub mod tls;
mod unix;

use std::path::PathBuf;

use axum::Router;
use tokio::sync::watch;

use crate::config::ApiSettings;

/// Serves the API for ever; what is wrong is told in `problems`.
pub async fn run(
    socket: PathBuf,
    settings: ApiSettings,
    router: Router,
    problems: watch::Sender<Vec<String>>,
) {
    let here = unix::run(socket, settings.group.clone(), router.clone(), &problems);
    let beyond = tcp::run(&settings, router, &problems);
    tokio::join!(here, beyond);
}

/// Tells a problem of one listener, in place of what it told before; `None` that there is none.
pub(crate) fn tell(problems: &watch::Sender<Vec<String>>, whose: &str, problem: Option<String>) {
    let line = problem.map(|problem| format!("{whose}: {problem}"));
    problems.send_if_modified(|lines| {
        let is_theirs =
            |line: &String| line.strip_prefix(whose).is_some_and(|rest| rest.starts_with(": "));
        let old = lines.iter().position(is_theirs);
        let same = old.map(|at| &lines[at]) == line.as_ref();
        if let (false, Some(line)) = (same, &line) {
            tracing::warn!("{line}");
        }
        if let Some(at) = old {
            lines.remove(at);
        }
        lines.extend(line);
        !same
    });
}
