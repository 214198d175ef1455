//! What `pontoon doctor` finds.

use serde::{Deserialize, Serialize};

use crate::name::NodeName;

/// How bad it is; what is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing is wrong now.
    Note,
    /// Something will go wrong, or does so for some.
    Warning,
    /// Something does not work.
    Fault,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Fault => "fault",
        })
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The check that found it, such as `bridge-nf-call`; the same in every version.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// Why it hurts.
    pub why: String,
    /// What mends it: commands, a line each, or the setting to change.
    pub mend: String,
}

/// Something that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Unexamined {
    /// What.
    pub what: String,
    /// Why not, and what helps.
    pub why: String,
    /// The checks that would have needed it.
    pub checks: Vec<String>,
}

/// Who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Examiner {
    /// The daemon, which knows the cluster.
    Daemon,
    /// The command by itself, where the daemon does not answer.
    Command,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The node, as far as its name is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The version of who looked.
    pub version: String,
    /// Who looked.
    pub examiner: Examiner,
    /// The checks that were made with nothing missing.
    pub checks: Vec<String>,
    /// What they found, the worst first.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unexamined: Vec<Unexamined>,
}

impl Report {
    /// How bad the worst finding is; `None` when there is none.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// The same, but only what concerns this check.
    #[must_use]
    pub fn only(mut self, check: &str) -> Self {
        self.checks.retain(|name| name == check);
        self.findings.retain(|finding| finding.check == check);
        self.unexamined.retain(|gap| gap.checks.iter().any(|name| name == check));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(check: &str, severity: Severity) -> Finding {
        let text = String::new;
        Finding { check: check.to_owned(), severity, what: text(), why: text(), mend: text() }
    }

    #[test]
    fn the_worst_finding_counts_and_one_check_can_be_looked_at_alone() {
        let report = Report {
            node: None,
            version: "0.1.0".to_owned(),
            examiner: Examiner::Command,
            checks: vec!["mtu".to_owned(), "etcd".to_owned()],
            findings: vec![finding("etcd", Severity::Fault), finding("mtu", Severity::Warning)],
            unexamined: vec![],
        };
        assert_eq!(report.worst(), Some(Severity::Fault));
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let only = report.only("mtu");
        assert_eq!((only.worst(), only.checks.len()), (Some(Severity::Warning), 1));
        assert_eq!(only.only("clock").worst(), None);
    }
}
