//! Root file systems for containers where there is no registry: the host's own, under an overlay.

use std::path::PathBuf;

use anyhow::Result;

use crate::host::RuntimeHost;

/// A container's root, in which everything that the host has installed can run.
#[derive(Debug, Clone)]
pub struct RootFs {
    /// Where the host sees it.
    pub path: String,
    upper: PathBuf,
}

impl RootFs {
    /// Lays it over the host's root.
    ///
    /// # Errors
    /// When the host has a file system that cannot hold overlays.
    pub fn create(host: &RuntimeHost, name: &str) -> Result<Self> {
        let folder = format!("/tmp/rootfs/{name}");
        let path = format!("{folder}/root");
        host.exec(&["mkdir", "-p", &path, &format!("{folder}/upper"), &format!("{folder}/work")])?;
        let options = format!("lowerdir=/,upperdir={folder}/upper,workdir={folder}/work");
        host.exec(&["mount", "-t", "overlay", "overlay", "-o", &options, &path])?;
        Ok(Self { upper: host.path(&format!("{folder}/upper")), path })
    }

    /// Where the test finds a file that was written in the container.
    #[must_use]
    pub fn written(&self, file: &str) -> PathBuf {
        self.upper.join(file.trim_start_matches('/'))
    }
}
