//! What is wrong: one pure function a check.
//!
//! | module | checks |
//! | --- | --- |
//! | [`remark`] | what a check says |
//! | [`list`] | all checks, by name |
//! | `kernel` | settings, tables, devices |
//! | `host` | other programs |
//! | `cluster` | the daemon, the store, the other nodes |
//! | `state` | what this node holds against what it should |

mod cluster;
mod host;
mod kernel;
pub mod list;
pub mod remark;
mod state;

#[cfg(test)]
mod tests;

pub use list::CHECKS;

use pontoon_model::doctor::{Examiner, Finding, Report};

use crate::facts::Facts;
use remark::Remark;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The kernel's settings and tables, and our devices.
    Kernel,
    /// Other programs of the host.
    Host,
    /// The daemon, the store and the other nodes.
    Cluster,
    /// What this node holds against what it should.
    State,
}

impl Group {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kernel, Self::Host, Self::Cluster, Self::State];
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Host => "host",
            Self::Cluster => "cluster",
            Self::State => "state",
        })
    }
}

/// One of the checks.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name, the same in every version.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// When it finds something.
    pub finds: &'static str,
    judge: fn(&Facts) -> Vec<Remark>,
}

impl Check {
    /// What it finds.
    #[must_use]
    pub fn findings(&self, facts: &Facts) -> Vec<Finding> {
        (self.judge)(facts).into_iter().map(|remark| remark.of(self.name)).collect()
    }
}

/// Makes all checks.
#[must_use]
pub fn examine(facts: &Facts, examiner: Examiner, version: &str) -> Report {
    let mut findings: Vec<Finding> =
        CHECKS.iter().flat_map(|check| check.findings(facts)).collect();
    let is_made =
        |name: &&str| !facts.gaps.all().iter().any(|gap| gap.checks.iter().any(|c| c == name));
    // In the order of the checks otherwise.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Report {
        node: facts.setup.node.clone(),
        version: version.to_owned(),
        examiner,
        checks: CHECKS.iter().map(|check| check.name).filter(is_made).map(str::to_owned).collect(),
        findings,
        unexamined: facts.gaps.all().to_vec(),
    }
}
