//! Versions and architectures as Debian and file names write them.

use anyhow::{Context, Result};

/// What is packed, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// As in Cargo.toml: `0.2.0-rc.1`.
    pub(crate) version: &'static str,
    /// As rustc says it: `x86_64`.
    pub(crate) architecture: &'static str,
}

impl Release {
    /// The workspace's version for this machine.
    pub(crate) fn of_this_build() -> Result<Self> {
        let release =
            Self { version: env!("CARGO_PKG_VERSION"), architecture: std::env::consts::ARCH };
        release.debian_architecture().map(|_| release)
    }

    /// Debian's version: what comes before a release sorts before it.
    pub(crate) fn debian_version(&self) -> String {
        format!("{}-1", self.version.replacen('-', "~", 1).replace('-', "."))
    }

    /// Debian's name of the architecture.
    pub(crate) fn debian_architecture(&self) -> Result<&'static str> {
        let found = ARCHITECTURES.iter().find(|(rust, _)| *rust == self.architecture);
        found.map(|(_, debian)| *debian).with_context(|| {
            format!("no Debian architecture is known for {}: add it here", self.architecture)
        })
    }

    /// A package's file.
    pub(crate) fn deb(&self, package: &str) -> Result<String> {
        Ok(format!("{package}_{}_{}.deb", self.debian_version(), self.debian_architecture()?))
    }

    /// The folder inside the tarball; the file has `.tar.gz` behind it.
    pub(crate) fn folder(&self) -> String {
        format!("pontoon-{}-linux-{}", self.version, self.architecture)
    }
}

/// rustc's names and Debian's, of what has been thought of.
const ARCHITECTURES: &[(&str, &str)] =
    &[("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64"), ("s390x", "s390x")];

#[cfg(test)]
mod unit {
    use super::*;

    fn release(version: &'static str) -> Release {
        Release { version, architecture: "x86_64" }
    }

    #[test]
    fn a_candidate_sorts_before_its_release() {
        assert_eq!(release("0.2.0").debian_version(), "0.2.0-1");
        assert_eq!(release("0.2.0-rc.1").debian_version(), "0.2.0~rc.1-1");
        assert_eq!(release("0.2.0-rc-x.1").debian_version(), "0.2.0~rc.x.1-1");
    }

    #[test]
    fn files_are_named_as_each_kind_is_elsewhere() {
        let release = release("0.2.0");
        assert_eq!(release.deb("pontoon-cni").unwrap(), "pontoon-cni_0.2.0-1_amd64.deb");
        assert_eq!(release.folder(), "pontoon-0.2.0-linux-x86_64");
        assert!(Release { version: "1.0.0", architecture: "vax" }.deb("pontoon").is_err());
    }
}
