//! All checks as a page of the documentation.

use std::fmt::Write;

use crate::checks::{CHECKS, Group};

const HEAD: &str = "\
# What `pontoon doctor` looks at

<!-- Made from the checks themselves: `cargo xtask docs` writes it anew. -->

`pontoon doctor` says what is wrong, why it hurts and what mends it. The daemon looks, since it knows the
cluster; where it does not run or may not be asked, the command looks by itself, and first says why the daemon is not
there. Nothing is changed. `--check NAME` makes one check, `-o json` is for programs.

It ends with 0 when it finds nothing, or notes only; with 8 when it finds warnings; with 1 when it finds a fault. What it could
not look at it says at the end; that is no finding.

A check fires on what hurts, not on a setting for its own sake: rules of other programs are followed for the packets that pods send,
and a policy that drops is no finding where a rule before it lets them pass.
";

/// The page in Markdown, `docs/doctor.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for group in Group::ALL {
        let title = match group {
            Group::Kernel => "The kernel",
            Group::Host => "The host's other programs",
            Group::Cluster => "The daemon, the store and the other nodes",
            Group::State => "What this node holds",
        };
        let _ = write!(page, "\n## {title}\n\n| check | finds |\n| --- | --- |\n");
        for check in CHECKS.iter().filter(|check| check.group == group) {
            let _ = writeln!(page, "| `{}` | {} |", check.name, check.finds);
        }
    }
    page
}
