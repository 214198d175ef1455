//! Tables, and the families they belong to.

use std::borrow::Cow;
use std::fmt;

/// A name or a comment: constant where the caller's is.
pub type Name = Cow<'static, str>;

/// Which packets a table sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4 and IPv6 packets.
    Inet,
    /// IPv4 packets.
    Ip,
    /// ARP packets.
    Arp,
    /// Everything that one device receives.
    Netdev,
    /// Frames that cross a bridge.
    Bridge,
    /// IPv6 packets.
    Ip6,
}

impl Family {
    const ALL: [Self; 6] = [Self::Inet, Self::Ip, Self::Arp, Self::Netdev, Self::Bridge, Self::Ip6];

    /// `NFPROTO_*`.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Inet => 1,
            Self::Ip => 2,
            Self::Arp => 3,
            Self::Netdev => 5,
            Self::Bridge => 7,
            Self::Ip6 => 10,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.number() == number)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "inet",
            Self::Ip => "ip",
            Self::Arp => "arp",
            Self::Netdev => "netdev",
            Self::Bridge => "bridge",
            Self::Ip6 => "ip6",
        })
    }
}

/// A table: the owner of chains and sets, named by family and name together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name, unique in the family.
    pub name: Name,
    /// What `nft list` shows as its comment (needs Linux 5.10); at most 127 bytes.
    pub comment: Option<Name>,
}

impl Table {
    /// A table with no comment.
    pub const fn new(family: Family, name: &'static str) -> Self {
        Self { family, name: Cow::Borrowed(name), comment: None }
    }

    /// The same with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Name>) -> Self {
        self.comment = Some(comment.into());
        self
    }
}

/// `inet pontoon`, as nft writes it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}
