//! The tables of `iptables-legacy` and `ip6tables-legacy`, which nf_tables does not show.
//!
//! A kernel that nobody loaded such a table into is not made to load one by asking: see
//! [`is_loaded`].

mod decode;
mod sockopt;

use std::io;

use super::Table;

/// IPv4 or IPv6: each has tables of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `iptables-legacy`.
    Ipv4,
    /// `ip6tables-legacy`.
    Ipv6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    const fn names(self) -> &'static str {
        match self {
            Self::Ipv4 => "/proc/thread-self/net/ip_tables_names",
            Self::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
        }
    }
}

/// The table whose chains decide what passes.
const FILTER: &str = "filter";

/// Whether the network namespace has a legacy table `filter` of that family.
///
/// # Errors
/// When the kernel does not say, to somebody without `CAP_NET_ADMIN` for instance.
pub fn is_loaded(family: Family) -> io::Result<bool> {
    match std::fs::read_to_string(family.names()) {
        Ok(names) => Ok(names.lines().any(|name| name == FILTER)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The table `filter` of the calling thread's network namespace; `None` where there is none.
///
/// # Errors
/// When the caller lacks `CAP_NET_ADMIN`, or the table changes under every attempt.
pub fn filter(family: Family) -> io::Result<Option<Table>> {
    if !is_loaded(family)? {
        return Ok(None);
    }
    let (info, entries) = sockopt::read(family, FILTER)?;
    Ok(Some(decode::table(family, FILTER, &info, &entries)))
}
