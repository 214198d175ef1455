//! Files of the daemon's that the command knows, too.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The daemon's program.
pub const DAEMON: &str = "pontoond";
/// Where it is installed, beside the PATH: that of a person need not hold root's folders.
const FOLDERS: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/usr/sbin"];

/// A daemon that runs holds it locked.
pub const LOCK: &str = "pontoond.lock";
/// What a daemon said that could not go on, until another one starts.
pub const LAST_WORDS: &str = "last-words";

/// Where the daemon's program may be, the likeliest place first: beside the program that looks for it, on
/// its PATH, and where packages put it.
pub fn daemon_places<'a>(
    own: Option<&Path>,
    path: &'a OsStr,
) -> impl Iterator<Item = PathBuf> + use<'a> {
    let beside = own.and_then(Path::parent).map(Path::to_owned);
    let folders = beside.into_iter().chain(std::env::split_paths(path));
    folders.chain(FOLDERS.map(PathBuf::from)).map(|folder| folder.join(DAEMON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemon_is_looked_for_beside_the_command_first_and_in_roots_folders_last() {
        let own = Path::new("/opt/pontoon/pontoon");
        let places: Vec<PathBuf> = daemon_places(Some(own), OsStr::new("/bin")).collect();
        let expected = ["/opt/pontoon", "/bin", "/usr/local/bin", "/usr/bin", "/usr/sbin"];
        assert_eq!(places, expected.map(|folder| Path::new(folder).join(DAEMON)));
    }
}
