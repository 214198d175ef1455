//! The name of a network device.

use std::fmt;
use std::str::FromStr;

/// A network device's name, as the kernel accepts it: 1 to 15 bytes.
///
/// A name read from the kernel that is not UTF-8 is shown as `?` and the device's index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkName {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

/// Why a text cannot name a network device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot name a network device: use 1 to 15 visible ASCII characters other than '/', ':' and '%', and neither \".\" nor \"..\""
)]
pub struct LinkNameError(String);

impl LinkName {
    /// The longest name in bytes (`IFNAMSIZ` less the closing NUL).
    pub const MAX_LEN: usize = 15;

    /// Checks a name.
    ///
    /// # Errors
    /// When the kernel would refuse the name, read another name in it (`%d` asks it to number
    /// the device), or no tool could show it.
    pub fn try_new(name: &str) -> Result<Self, LinkNameError> {
        let visible = |b: &u8| b.is_ascii_graphic() && !matches!(b, b'/' | b':' | b'%');
        if name == "." || name == ".." || !name.as_bytes().iter().all(visible) {
            return Err(LinkNameError(name.to_owned()));
        }
        Self::pack(name).ok_or_else(|| LinkNameError(name.to_owned()))
    }

    /// A name that the kernel reported, whatever it is.
    pub(crate) fn from_kernel(name: &[u8], index: u32) -> Self {
        let name = name.split(|b| *b == 0).next().unwrap_or_default();
        std::str::from_utf8(name).ok().and_then(Self::pack).unwrap_or_else(|| Self::unnamed(index))
    }

    /// What stands for a device whose name is not known.
    pub(crate) fn unnamed(index: u32) -> Self {
        Self::pack(&format!("?{index}")).unwrap_or(Self { bytes: [b'?'; Self::MAX_LEN], len: 1 })
    }

    fn pack(name: &str) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { bytes, len: u8::try_from(name.len()).ok()? })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or("?")
    }
}

impl FromStr for LinkName {
    type Err = LinkNameError;

    fn from_str(name: &str) -> Result<Self, LinkNameError> {
        Self::try_new(name)
    }
}

impl TryFrom<&str> for LinkName {
    type Error = LinkNameError;

    fn try_from(name: &str) -> Result<Self, LinkNameError> {
        Self::try_new(name)
    }
}

impl AsRef<str> for LinkName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for LinkName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for LinkName {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_refuses_is_refused() {
        for good in ["lo", "pontoon0", "pontoon.1", "a23456789012345", "veth@x"] {
            assert_eq!(LinkName::try_new(good).unwrap().as_str(), good);
        }
        for bad in
            ["", ".", "..", "a/b", "a b", "a:1", "eth%d", "a2345678901234567", "é", "a\n", "\u{1}"]
        {
            let said = LinkName::try_new(bad).unwrap_err().to_string();
            assert!(said.contains("1 to 15"), "{bad}: {said}");
        }
    }

    #[test]
    fn a_name_from_the_kernel_is_never_lost() {
        assert_eq!(LinkName::from_kernel(b"eth0\0", 2), "eth0");
        assert_eq!(LinkName::from_kernel(b"\xff\xfe\0", 7), "?7");
        assert_eq!(LinkName::from_kernel(b"", 7), "?7");
        assert_eq!(LinkName::from_kernel(&[b'x'; 40], u32::MAX), "?4294967295");
    }

    #[test]
    fn names_sort_as_text() {
        let mut names = ["b", "ab", "a", "abc"].map(|n| LinkName::try_new(n).unwrap());
        names.sort();
        assert_eq!(names.map(|n| n.to_string()), ["a", "ab", "abc", "b"]);
    }
}
