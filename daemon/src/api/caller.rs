//! Who asks.

use std::fmt;

use nix::unistd::{Uid, User};

/// Who asks, as far as the connection says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A user of this host.
    User(u32),
    /// Whoever has a certificate of this name.
    Certificate(String),
}

impl Caller {
    /// Who that is, in words: a user by name where the host knows one. That may ask a directory
    /// over the network, so it is done only for what is written down.
    pub(crate) async fn named(&self) -> String {
        let Self::User(uid) = *self else { return self.to_string() };
        let look = move || User::from_uid(Uid::from_raw(uid)).ok().flatten();
        match tokio::task::spawn_blocking(look).await {
            Ok(Some(user)) => format!("user {}", user.name),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(f, "user {uid}"),
            Self::Certificate(name) => write!(f, "certificate {name}"),
        }
    }
}
