//! Settings of the network stack under `/proc/sys/net`.
//!
//! They are those of the calling thread's network namespace; [`Netns::run`] enters another.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::name::LinkName;
use crate::netns::{Netns, NetnsError};

/// The name of a setting, such as `net/ipv4/ip_forward`.
///
/// Parts are divided by `/`: a device's name may hold dots.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sysctl(String);

/// Why a setting could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// The name leads out of `/proc/sys/net`, or to nothing in it.
    #[error("{0:?} names no network setting: write it as net/ipv4/ip_forward")]
    Name(String),
    /// The kernel refused.
    #[error("cannot {doing} {key}: {source}{}", likely_cause(.source))]
    Io {
        /// What was tried, with the value.
        doing: String,
        /// The setting.
        key: Sysctl,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace cannot be used.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

fn likely_cause(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ReadOnlyFilesystem => {
            " (/proc/sys is mounted read-only: a container, or ProtectKernelTunables= of systemd)"
        }
        io::ErrorKind::NotFound => " (the device is gone, or the kernel was built without it)",
        io::ErrorKind::PermissionDenied => " (the process lacks CAP_NET_ADMIN in the namespace)",
        _ => "",
    }
}

impl SysctlError {
    /// Whether there is no such setting: the device is gone, or IPv6 is not in the kernel.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl Sysctl {
    /// Checks the name of a setting.
    ///
    /// # Errors
    /// When it does not begin with `net/`, or has a part that is empty, `.` or `..`.
    pub fn try_new(key: &str) -> Result<Self, SysctlError> {
        let mut parts = key.split('/');
        let sound = parts.next() == Some("net")
            && parts.clone().count() > 0
            && parts.all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
        if sound { Ok(Self(key.to_owned())) } else { Err(SysctlError::Name(key.to_owned())) }
    }

    /// `net.ipv4.ip_forward`
    #[must_use]
    pub fn ipv4_forwarding() -> Self {
        Self("net/ipv4/ip_forward".into())
    }

    /// `net.ipv6.conf.all.forwarding`
    #[must_use]
    pub fn ipv6_forwarding() -> Self {
        Self("net/ipv6/conf/all/forwarding".into())
    }

    /// A setting of a device, `net.ipv4.conf.<device>.<setting>`.
    ///
    /// # Errors
    /// When the setting's name is not sound.
    pub fn ipv4_conf(dev: LinkName, setting: &str) -> Result<Self, SysctlError> {
        Self::try_new(&format!("net/ipv4/conf/{dev}/{setting}"))
    }

    /// A setting of a device, `net.ipv6.conf.<device>.<setting>`.
    ///
    /// # Errors
    /// When the setting's name is not sound.
    pub fn ipv6_conf(dev: LinkName, setting: &str) -> Result<Self, SysctlError> {
        Self::try_new(&format!("net/ipv6/conf/{dev}/{setting}"))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/proc/sys").join(&self.0)
    }

    fn failed(&self, doing: impl Into<String>) -> impl FnOnce(io::Error) -> SysctlError {
        let (key, doing) = (self.clone(), doing.into());
        move |source| SysctlError::Io { doing, key, source }
    }

    /// The value, with no white space around it.
    ///
    /// # Errors
    /// When there is no such setting.
    pub fn read(&self) -> Result<String, SysctlError> {
        let text = std::fs::read_to_string(self.path()).map_err(self.failed("read"))?;
        Ok(text.trim().to_owned())
    }

    /// Sets the value.
    ///
    /// # Errors
    /// When there is no such setting, the value is not one of its, or the process may not.
    pub fn write(&self, value: impl fmt::Display) -> Result<(), SysctlError> {
        let value = value.to_string();
        // A file of /proc/sys is never created; `fs::write` would ask for that.
        let written = std::fs::File::options()
            .write(true)
            .open(self.path())
            .and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()));
        written.map_err(self.failed(format!("write {value:?} to")))
    }

    /// Sets the value unless it is set; whether it had to be.
    ///
    /// # Errors
    /// As [`Sysctl::write`].
    pub fn write_if_different(&self, value: impl fmt::Display) -> Result<bool, SysctlError> {
        let value = value.to_string();
        // Some settings can be written but not read.
        if self.read().is_ok_and(|actual| actual == value) {
            return Ok(false);
        }
        self.write(value).map(|()| true)
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads or writes settings in another namespace.
///
/// # Errors
/// Those of the function, and when the namespace cannot be entered.
pub fn in_netns<T: Send>(
    netns: &Netns,
    f: impl FnOnce() -> Result<T, SysctlError> + Send,
) -> Result<T, SysctlError> {
    netns.run(f)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_the_network_settings() {
        let dev = LinkName::try_new("pontoon.1").unwrap();
        let conf = Sysctl::ipv4_conf(dev, "rp_filter").unwrap();
        assert_eq!(conf.path().to_str(), Some("/proc/sys/net/ipv4/conf/pontoon.1/rp_filter"));
        for bad in [
            "",
            "net",
            "net/",
            "kernel/panic",
            "net/../kernel/panic",
            "/net/x",
            "net//x",
            "net/./x",
        ] {
            assert!(Sysctl::try_new(bad).is_err(), "{bad}");
        }
        assert!(Sysctl::ipv6_conf(dev, "../all/forwarding").is_err());
    }
}
