//! What a lab needs of the machine, and how an ordinary user gets it: in a user namespace.

use nix::sched::{CloneFlags, unshare};

use crate::binaries;

/// Why no lab can be built here, or `None` when one can.
///
/// A test begins with:
/// ```no_run
/// # fn test() {
/// if let Some(why) = pontoon_lab::unavailable() {
///     eprintln!("skipped: {why}");
///     return;
/// }
/// # }
/// ```
#[must_use]
pub fn unavailable() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root; `cargo xtask test` gives it to tests by a user namespace".into());
    }
    for program in ["ip", "nft", "etcd"] {
        if binaries::on_path(program).is_none() {
            return Some(format!("needs the program {program:?}; `cargo xtask setup` installs it"));
        }
    }
    let allowed = std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    match allowed {
        Ok(Ok(())) => None,
        Ok(Err(errno)) => {
            Some(format!("needs network namespaces, which the kernel refused: {errno}"))
        }
        Err(_) => Some("needs network namespaces".into()),
    }
}
