//! Why there is no answer, in one sentence with the next step.

use std::io;

use pontoon_client::ExchangeError;
use pontoon_model::api::{Failure, Response};

use crate::exit::Exit;

/// It ends the command, with an exit code of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct ApiError {
    /// How the command ends.
    pub(crate) exit: Exit,
    text: String,
}

impl ApiError {
    /// An answer to something else.
    pub(crate) fn strange(response: &Response) -> Self {
        let said = serde_json::to_string(response).unwrap_or_default();
        let start: String = said.chars().take(80).collect();
        let text = format!(
            "pontoond answered something else than was asked ({start}…): it is of another version; install pontoon and pontoond from one release"
        );
        Self { exit: Exit::Silent, text }
    }

    /// The daemon was not reached.
    pub(crate) fn unanswered(error: &ExchangeError) -> Self {
        let (exit, text) = match error {
            ExchangeError::Absent { socket, error } => match error.kind() {
                io::ErrorKind::NotFound => (
                    Exit::Absent,
                    format!(
                        "pontoond is not running: there is no {socket}; start it with `systemctl start pontoond`, or say where it is with --socket"
                    ),
                ),
                io::ErrorKind::ConnectionRefused => (
                    Exit::Absent,
                    format!(
                        "pontoond is not running: nobody listens at {socket}; `systemctl status pontoond` says why"
                    ),
                ),
                io::ErrorKind::PermissionDenied => {
                    (Exit::Denied, format!("{socket} is not for this user: use sudo"))
                }
                _ => (
                    Exit::Absent,
                    format!(
                        "pontoond is not reached at {socket}: {error}; see `systemctl status pontoond`"
                    ),
                ),
            },
            ExchangeError::Broken { .. } => (
                Exit::Silent,
                format!(
                    "{error}; it was probably restarted: try again, or see `journalctl -u pontoond`"
                ),
            ),
            ExchangeError::Silent { .. } => (
                Exit::Silent,
                format!("{error}; it is overloaded or hangs: see `journalctl -u pontoond`"),
            ),
            ExchangeError::Undecodable { .. } => {
                (Exit::Silent, format!("{error}; install pontoon and pontoond from one release"))
            }
        };
        Self { exit, text }
    }

    /// This, behind a part that was done.
    #[must_use]
    pub(crate) fn behind(mut self, before: usize, total: usize) -> Self {
        if before > 0 {
            self.text.push_str(&format!(
                "; this came behind {before} of {total} objects: apply the same again, nothing is done twice"
            ));
        }
        self
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let exit = Exit::of(&failure);
        let mut text = failure.to_string();
        if exit == Exit::Store && !text.contains('`') {
            text.push_str("; see `pontoon status`");
        }
        Self { exit, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_get_no_answer_has_its_exit_code_and_next_step() {
        let absent = |kind: io::ErrorKind| ExchangeError::Absent {
            socket: "/run/s".to_owned(),
            error: kind.into(),
        };
        for (error, exit, step) in [
            (absent(io::ErrorKind::NotFound), Exit::Absent, "systemctl start pontoond"),
            (absent(io::ErrorKind::ConnectionRefused), Exit::Absent, "systemctl status pontoond"),
            (absent(io::ErrorKind::PermissionDenied), Exit::Denied, "use sudo"),
            (
                ExchangeError::Silent {
                    socket: "/run/s".to_owned(),
                    patience: std::time::Duration::from_secs(10),
                },
                Exit::Silent,
                "journalctl",
            ),
        ] {
            let said = ApiError::unanswered(&error);
            assert_eq!(said.exit, exit, "{said}");
            assert!(
                said.to_string().contains(step) && said.to_string().contains("/run/s"),
                "{said}"
            );
            assert_eq!(said.to_string().lines().count(), 1);
        }
    }
}
