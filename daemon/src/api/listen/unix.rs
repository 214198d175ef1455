//! The socket on this host. Root may use it, and one group when a person names it.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use nix::unistd::Group;
use tokio::net::UnixListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::connection;
use crate::api::Caller;
use crate::problems::tell;

/// Connections at once.
const CONNECTIONS: usize = 256;
/// Before what failed is tried again: a group that is not there yet, a folder that is full.
const RETRY: Duration = Duration::from_secs(5);
/// How the problems of this listener begin.
const WHOSE: &str = "the API's socket";

/// The socket's file; removed when it is dropped, if it is still ours.
struct File {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for File {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Serves for ever.
pub(super) async fn run(
    path: PathBuf,
    group: Option<String>,
    router: Router,
    problems: &watch::Sender<Vec<String>>,
) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let (listener, _file) = loop {
        match listen(&path) {
            Ok(listening) => break listening,
            Err(error) => {
                tell(problems, WHOSE, Some(format!("{}: {error}", path.display())));
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    tell(problems, WHOSE, None);
    tokio::join!(admit(&path, group, problems), accept(listener, slots, router));
}

/// Binds beside the path and moves it there: whoever connects meanwhile finds the old socket or the
/// new one. Nobody but root can use it yet.
fn listen(path: &Path) -> io::Result<(UnixListener, File)> {
    let fresh = path.with_extension("sock.new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
    fs::rename(&fresh, path)?;
    let file = File { path: path.to_owned(), identity: identity(path)? };
    Ok((listener, file))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Lets the group use the socket, as soon as there is such a group.
async fn admit(path: &Path, group: Option<String>, problems: &watch::Sender<Vec<String>>) {
    loop {
        let (at, name) = (path.to_owned(), group.clone());
        let done = tokio::task::spawn_blocking(move || open_to(&at, name.as_deref())).await;
        match done {
            Ok(Ok(())) => return tell(problems, WHOSE, None),
            Ok(Err(problem)) => {
                tell(problems, WHOSE, Some(format!("only root can use it: {problem}")));
            }
            Err(_) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn open_to(path: &Path, group: Option<&str>) -> Result<(), String> {
    if let Some(name) = group {
        let found = Group::from_name(name)
            .map_err(|error| format!("api.group: {name}: cannot be looked up: {error}"))?;
        let found = found.ok_or_else(|| {
            format!("api.group: this host has no group {name:?}: make it with `groupadd {name}`")
        })?;
        chown(path, None, Some(found.gid.as_raw()))
            .map_err(|error| format!("cannot give it to the group {name}: {error}"))?;
    }
    // After its owner: for a moment with the wrong group nobody more can use it.
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))
        .map_err(|error| format!("cannot set its mode: {error}"))
}

async fn accept(listener: UnixListener, slots: Arc<Semaphore>, router: Router) {
    let stop = CancellationToken::new();
    loop {
        // Without a free place others wait to be accepted.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(peer) = stream.peer_cred() else { continue };
                let caller = Caller::User(peer.uid());
                let router = router.clone().layer(Extension(caller));
                let stop = stop.clone();
                tokio::spawn(async move {
                    connection::serve(stream, router, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: others must close theirs first.
                debug!(%error, "cannot accept a connection to the API");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[tokio::test]
    async fn a_socket_replaces_the_old_one_and_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        let (_old, old_file) = listen(&path).unwrap();
        let (_new, new_file) = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(old_file);
        assert!(UnixStream::connect(&path).is_ok(), "the new one is not the old one's to remove");
        drop(new_file);
        assert!(!path.exists() && !folder.path().join("api.sock.new").exists());
    }

    #[test]
    fn a_group_that_is_not_there_leaves_it_to_root() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let said = open_to(&path, Some("no-such-group-here")).unwrap_err();
        assert!(said.contains("groupadd no-such-group-here"), "{said}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        open_to(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }
}
