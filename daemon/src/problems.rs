//! What is wrong on this node, as its parts tell it.

use tokio::sync::watch;

use crate::services::report::Report;
use crate::situation::Situation;

/// Where the parts tell it.
#[derive(Debug, Clone)]
pub struct Problems {
    /// What the controller knows.
    pub situation: watch::Receiver<Situation>,
    /// What is known of services.
    pub services: watch::Receiver<Report>,
    /// What keeps sockets from being served, by [`tell`].
    pub listeners: watch::Receiver<Vec<String>>,
}

impl Problems {
    /// All of it, a line each.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut all = self.situation.borrow().problems.clone();
        all.extend(self.services.borrow().problems.iter().cloned());
        all.extend(self.listeners.borrow().iter().cloned());
        all
    }
}

/// Tells a problem of one listener, in place of what it told before; `None` that there is none.
pub(crate) fn tell(problems: &watch::Sender<Vec<String>>, whose: &str, problem: Option<String>) {
    let prefix = format!("{whose}: ");
    let line = problem.map(|problem| format!("{prefix}{problem}"));
    problems.send_if_modified(|lines| {
        let old = lines.iter().position(|line| line.starts_with(&prefix));
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
