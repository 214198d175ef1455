//! The verb and its parameters, out of the environment (CNI spec 1.1.0, section 2, "Parameters").

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::args::{Args, ArgsError};
use super::version::SpecVersion;
use crate::api::{Code, Failure};
use crate::attachment::{AttachmentId, AttachmentIdError, ContainerId};

/// What a runtime wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Attach a container.
    Add,
    /// Undo ADD.
    Del,
    /// Is what ADD made still there?
    Check,
    /// Undo every ADD that the runtime does not name.
    Gc,
    /// Would ADD be served?
    Status,
    /// Which versions are spoken?
    Version,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Add, Self::Del, Self::Check, Self::Gc, Self::Status, Self::Version];

    /// The first version that has it, of those that Pontoon speaks.
    #[must_use]
    pub fn since(self) -> SpecVersion {
        match self {
            Self::Add | Self::Del | Self::Version => SpecVersion::V0_3_0,
            Self::Check => SpecVersion::V0_4_0,
            Self::Gc | Self::Status => SpecVersion::V1_1_0,
        }
    }

    /// Whether a version has it.
    #[must_use]
    pub fn is_in(self, version: SpecVersion) -> bool {
        version >= self.since()
    }

    /// As `CNI_COMMAND` has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }

    /// The variables that must not be empty, as in the specification and libcni's skeleton.
    fn required(self) -> &'static [&'static str] {
        match self {
            Self::Add | Self::Check => &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"],
            Self::Del => &["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"],
            Self::Gc | Self::Status => &["CNI_PATH"],
            Self::Version => &[],
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Verb {
    type Err = CallError;
    fn from_str(text: &str) -> Result<Self, CallError> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == text)
            .ok_or_else(|| CallError::UnknownCommand(text.to_owned()))
    }
}

/// A verb with its parameters, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// VERSION: no network, no daemon.
    Version,
    /// Every other verb.
    Network(Operation),
}

/// A verb on a network, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// ADD.
    Add {
        /// The attachment to make.
        id: AttachmentId,
        /// The pod's network namespace.
        netns: PathBuf,
        /// What `CNI_ARGS` held.
        args: Args,
    },
    /// DEL. The network namespace and `CNI_ARGS` are not needed, so nothing that is wrong with them
    /// can keep an address from being released.
    Del {
        /// The attachment to undo.
        id: AttachmentId,
    },
    /// CHECK.
    Check {
        /// The attachment to look at.
        id: AttachmentId,
        /// The pod's network namespace.
        netns: PathBuf,
    },
    /// GC.
    Gc,
    /// STATUS.
    Status,
}

impl Operation {
    /// The verb alone.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Add { .. } => Verb::Add,
            Self::Del { .. } => Verb::Del,
            Self::Check { .. } => Verb::Check,
            Self::Gc => Verb::Gc,
            Self::Status => Verb::Status,
        }
    }
}

/// Why the environment is no call.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Variables that the verb needs.
    #[error("required env variables [{}] missing", .0.join(","))]
    Missing(Vec<&'static str>),
    /// A verb of no version.
    #[error("unknown CNI_COMMAND: {0}")]
    UnknownCommand(String),
    /// Not text.
    #[error("{variable} is not UTF-8: {value}")]
    NotText {
        /// The variable.
        variable: &'static str,
        /// Its value, what is no text replaced.
        value: String,
    },
    /// Not a container id or an interface name.
    #[error("{variable}: {error}")]
    Id {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        error: AttachmentIdError,
    },
    /// A path that means something else in the daemon.
    #[error(
        "CNI_NETNS: {0:?} is not valid: give an absolute path of the pod's network namespace, such as /run/netns/NAME or /proc/PID/ns/net; relative paths, /proc/self and /proc/thread-self mean another one to the daemon"
    )]
    Netns(String),
    /// See [`ArgsError`].
    #[error("CNI_ARGS: {0}")]
    Args(#[from] ArgsError),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            // In the words of the reference plugins, which people search for.
            CallError::Missing(_) | CallError::UnknownCommand(_) => {
                let details = match &error {
                    CallError::Missing(variables) => format!(
                        "set {}; a CNI runtime does (CNI specification, section 2)",
                        variables.join(", ")
                    ),
                    _ => "it is one of ADD, DEL, CHECK, GC, STATUS and VERSION".to_owned(),
                };
                Self::new(Code::InvalidEnvironment, error.to_string(), details)
            }
            other => Self::new(
                Code::InvalidEnvironment,
                "invalid environment variable",
                other.to_string(),
            ),
        }
    }
}

impl Call {
    /// Reads a call from variables that `get` looks up.
    ///
    /// # Errors
    /// When a variable that the verb needs is missing or wrong.
    pub fn from_environment(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, CallError> {
        let text = |variable: &'static str| match get(variable).map(OsString::into_string) {
            None => Ok(String::new()),
            Some(Ok(value)) => Ok(value),
            Some(Err(value)) => {
                Err(CallError::NotText { variable, value: value.to_string_lossy().into_owned() })
            }
        };

        let command = text("CNI_COMMAND")?;
        if command.is_empty() {
            return Err(CallError::Missing(vec!["CNI_COMMAND"]));
        }
        let verb: Verb = command.parse()?;
        let missing: Vec<_> = verb
            .required()
            .iter()
            .copied()
            .filter(|variable| get(variable).is_none_or(|value| value.is_empty()))
            .collect();
        if !missing.is_empty() {
            return Err(CallError::Missing(missing));
        }

        let id = || {
            let wrong = |variable| move |error| CallError::Id { variable, error };
            Ok::<_, CallError>(AttachmentId {
                container_id: text("CNI_CONTAINERID")?
                    .parse::<ContainerId>()
                    .map_err(wrong("CNI_CONTAINERID"))?,
                ifname: text("CNI_IFNAME")?.parse().map_err(wrong("CNI_IFNAME"))?,
            })
        };
        let netns = || netns(text("CNI_NETNS")?);
        Ok(Self::Network(match verb {
            Verb::Add => {
                Operation::Add { id: id()?, netns: netns()?, args: text("CNI_ARGS")?.parse()? }
            }
            Verb::Del => Operation::Del { id: id()? },
            Verb::Check => Operation::Check { id: id()?, netns: netns()? },
            Verb::Gc => Operation::Gc,
            Verb::Status => Operation::Status,
            Verb::Version => return Ok(Self::Version),
        }))
    }
}

fn netns(path: String) -> Result<PathBuf, CallError> {
    let own = ["/proc/self", "/proc/thread-self"]
        .iter()
        .any(|link| PathBuf::from(&path).starts_with(link));
    if !path.starts_with('/') || own {
        return Err(CallError::Netns(path));
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests;
