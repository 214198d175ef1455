//! Why there is no answer, in one sentence with the next step.

use std::io;

use pontoon_client::http::HttpError;
use pontoon_model::api::Failure;
use pontoon_model::rest;

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
    /// What was typed of the server does not fit together.
    pub(crate) const fn usage(text: String) -> Self {
        Self { exit: Exit::Usage, text }
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

/// What the daemon said, with the next step among the details.
pub(super) fn failure(mut error: rest::ApiError) -> Failure {
    if let Some(next) = error.next.take() {
        let details = &mut error.details;
        *details = if details.is_empty() { next } else { format!("{details}; {next}") };
    }
    error.into()
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        let text = error.to_string();
        match error {
            HttpError::Refused { error, .. } => failure(error).into(),
            HttpError::Absent { address, error } => absent(&address, &error),
            HttpError::Untrusted { .. } => Self { exit: Exit::Denied, text },
            HttpError::File { .. } => Self { exit: Exit::Usage, text },
            HttpError::Broken { .. } | HttpError::Silent { .. } | HttpError::Undecodable { .. } => {
                Self { exit: Exit::Silent, text }
            }
        }
    }
}

fn absent(address: &str, error: &io::Error) -> ApiError {
    let is_socket = address.starts_with('/');
    let (exit, text) = match error.kind() {
        io::ErrorKind::NotFound if is_socket => (
            Exit::Absent,
            format!(
                "pontoond is not running: there is no {address}; start it with `systemctl start pontoond`, or say where it is with --socket"
            ),
        ),
        io::ErrorKind::ConnectionRefused if is_socket => (
            Exit::Absent,
            format!(
                "pontoond is not running: nobody listens at {address}; `systemctl status pontoond` says why"
            ),
        ),
        io::ErrorKind::PermissionDenied => (
            Exit::Denied,
            format!(
                "{address} is not for this user: use sudo, or have `api.group` name a group that you are in"
            ),
        ),
        _ => (
            Exit::Absent,
            format!(
                "pontoond is not reached at {address}: {error}; see `systemctl status pontoond` there, and `api.listen`"
            ),
        ),
    };
    ApiError { exit, text }
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
        let absent = |address: &str, kind: io::ErrorKind| HttpError::Absent {
            address: address.to_owned(),
            error: kind.into(),
        };
        let (socket, server) = ("/run/s", "node-1:9554");
        for (error, exit, step) in [
            (absent(socket, io::ErrorKind::NotFound), Exit::Absent, "systemctl start pontoond"),
            (absent(socket, io::ErrorKind::ConnectionRefused), Exit::Absent, "systemctl status"),
            (absent(socket, io::ErrorKind::PermissionDenied), Exit::Denied, "use sudo"),
            (absent(server, io::ErrorKind::ConnectionRefused), Exit::Absent, "api.listen"),
        ] {
            let said = ApiError::from(error);
            assert_eq!(said.exit, exit, "{said}");
            assert!(said.to_string().contains(step), "{said}");
            assert_eq!(said.to_string().lines().count(), 1);
        }
    }
}
