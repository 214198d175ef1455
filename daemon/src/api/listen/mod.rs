//! Where the API is served: sockets, certificates, connections.
//!
//! | module | its one job |
//! | --- | --- |
//! | `unix` | the socket on this host, and who may use it |
//! | `tcp` | the port, and what keeps it from being had |
//! | [`tls`] | certificates, and that they are read anew when they change |
//! | [`connection`] | one client's connection, and how long it may take |
//! | `write_timeout` | a connection that ends when its client reads nothing |

pub mod connection;
mod tcp;
pub mod tls;
mod unix;
mod write_timeout;

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
