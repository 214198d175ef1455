//! What a test needs of the machine.

use std::fs;

use pontoon_lab::binaries;

/// Why hosts with these programs cannot be made here, or `None` when they can.
///
/// A test prints `skipped: ` and the reason, and returns.
#[must_use]
pub fn missing(programs: &[&str]) -> Option<String> {
    if let Some(why) = pontoon_lab::unavailable() {
        return Some(why);
    }
    if !is_root_of_the_machine() {
        return Some(
            "needs root outside of any user namespace: container runtimes mount and make cgroups"
                .into(),
        );
    }
    let ours = ["pontoond", "pontoon-cni"].into_iter().filter(|name| binaries::find(name).is_err());
    let theirs = programs.iter().copied().filter(|name| binaries::on_path(name).is_none());
    let absent: Vec<_> = ours.chain(theirs).collect();
    (!absent.is_empty()).then(|| {
        format!("needs {}: `cargo xtask setup` and `cargo xtask build`", absent.join(", "))
    })
}

fn is_root_of_the_machine() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}
