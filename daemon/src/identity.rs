//! Who this node is.

use std::fs;
use std::io;
use std::path::Path;

use pontoon_model::name::NodeName;

use crate::config::NodeSettings;
use crate::lease::Identity;

/// Why the node does not know who it is.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The host's name is no node name.
    #[error("the host's name {name:?} cannot be the node's: {cause}; set node.name")]
    HostName {
        /// The host's name.
        name: String,
        /// What is wrong with it.
        cause: pontoon_model::name::NameError,
    },
    /// The host's name cannot be read.
    #[error("cannot read the host's name: {0}; set node.name")]
    NoHostName(io::Error),
    /// The state folder cannot hold a machine id.
    #[error("cannot write a machine id to {path}: {cause}")]
    NotWritable {
        /// The file.
        path: String,
        /// Why not.
        cause: io::Error,
    },
}

/// Where machine ids are, machine-id(5).
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/// Finds out. A host without a machine id gets one in the state folder.
///
/// # Errors
/// When the host's name is no node name, or no machine id can be kept.
pub fn find(settings: &NodeSettings, state: &Path) -> Result<Identity, IdentityError> {
    Ok(Identity { name: name(settings)?, machine_id: machine_id(settings, state)? })
}

fn name(settings: &NodeSettings) -> Result<NodeName, IdentityError> {
    if let Some(name) = &settings.name {
        return Ok(name.clone());
    }
    let host =
        fs::read_to_string("/proc/sys/kernel/hostname").map_err(IdentityError::NoHostName)?;
    let name = host.trim().to_ascii_lowercase();
    name.parse().map_err(|cause| IdentityError::HostName { name, cause })
}

fn machine_id(settings: &NodeSettings, state: &Path) -> Result<String, IdentityError> {
    if let Some(id) = &settings.machine_id {
        return Ok(id.trim().to_owned());
    }
    let own = state.join("machine-id");
    let read = |path: &Path| {
        fs::read_to_string(path).ok().map(|id| id.trim().to_owned()).filter(|id| id.len() >= 8)
    };
    if let Some(id) = MACHINE_IDS.iter().map(Path::new).chain([own.as_path()]).find_map(read) {
        return Ok(id);
    }
    let id = format!("{:032x}", rand::random::<u128>());
    crate::snapshot::write_atomically(&own, id.as_bytes())
        .map_err(|cause| IdentityError::NotWritable { path: own.display().to_string(), cause })?;
    Ok(id)
}

/// 48 bits that stay the same for the same text, in every version of the daemon: names of host
/// interfaces and MACs are made of them.
#[must_use]
pub fn stable_hash(text: &str) -> [u8; 6] {
    use std::hash::Hasher;
    let mut hasher = fnv::FnvHasher::default();
    hasher.write(text.as_bytes());
    // The high bits of FNV-1a depend on every byte more evenly than the low ones do.
    let [a, b, c, d, e, f, ..] = hasher.finish().to_be_bytes();
    [a, b, c, d, e, f]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_never_change() {
        assert_eq!(stable_hash("host-1"), stable_hash("host-1"));
        assert_eq!(stable_hash(""), [0xcb, 0xf2, 0x9c, 0xe4, 0x84, 0x22], "FNV-1a's offset basis");
        assert_ne!(stable_hash("host-1"), stable_hash("host-2"));
    }

    #[test]
    fn what_is_configured_wins() {
        let settings = NodeSettings {
            name: Some("n".parse().unwrap()),
            machine_id: Some(" abc ".into()),
            ..NodeSettings::default()
        };
        let found = find(&settings, Path::new("/nonexistent")).unwrap();
        assert_eq!((found.name.as_str(), found.machine_id.as_str()), ("n", "abc"));
    }
}
