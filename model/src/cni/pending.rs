//! A DEL that waits on disk for the daemon.
//!
//! The plugin writes a file of this name and content when the daemon is down, under a temporary
//! name first, so that a file of the final name is always whole.

use crate::attachment::AttachmentId;

/// The name of the file for an attachment. The id's alphabet makes it unambiguous: neither part
/// holds a colon or a slash, and it does not begin with a dot.
#[must_use]
pub fn file_name(id: &AttachmentId) -> String {
    format!("{}:{}.json", id.container_id, id.ifname)
}

/// The name that the file has while a process writes it: hidden, and the process's own.
#[must_use]
pub fn temporary_name(id: &AttachmentId, pid: u32) -> String {
    format!(".{}.{pid}", file_name(id))
}

/// Whether a file of this name is still being written, or was when its writer died.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.')
}

/// What the file holds.
///
/// # Errors
/// None that can come up: an id is always JSON.
pub fn encode(id: &AttachmentId) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(id)
}

/// Reads what the file holds.
///
/// # Errors
/// When it was not written by [`encode`].
pub fn decode(content: &[u8]) -> Result<AttachmentId, serde_json::Error> {
    serde_json::from_slice(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_its_attachment_and_read_back() {
        let id = AttachmentId {
            container_id: "c".repeat(200).parse().unwrap(),
            ifname: "fifteen-letters".parse().unwrap(),
        };
        assert_eq!(decode(&encode(&id).unwrap()).unwrap(), id);
        let temporary = temporary_name(&id, u32::MAX);
        assert!(is_temporary(&temporary) && !is_temporary(&file_name(&id)));
        assert!(temporary.len() <= 255, "NAME_MAX: {}", temporary.len());
    }

    #[test]
    fn the_content_is_that_of_the_wire() {
        let id = decode(br#"{"containerId":"c1","ifname":"eth0"}"#).unwrap();
        assert_eq!(file_name(&id), "c1:eth0.json");
        assert_eq!(encode(&id).unwrap(), br#"{"containerId":"c1","ifname":"eth0"}"#);
        assert!(decode(br#"{"containerId":"../c1","ifname":"eth0"}"#).is_err());
    }
}
