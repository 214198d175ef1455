//! Rules that several kinds share: ports, names, addresses, closed sets of words.

use std::net::{IpAddr, Ipv6Addr};

use ipnetwork::IpNetwork;
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::error::{At, ManifestError};
use crate::service::{Protocol, TargetPort};

pub(crate) const PORT_NAME_RULE: &str = "is no port's name: use up to 15 of a-z, 0-9 and '-', at least one letter, no '-' at an end or beside another (IANA_SVC_NAME)";
pub(crate) const LABEL_RULE: &str =
    "is not valid: use 1 to 63 of a-z, 0-9 and '-', with a letter or digit at both ends";

/// The word's meaning among `words`.
pub(crate) fn one_of<T: Copy>(
    at: &At<'_>,
    word: &str,
    words: &[(&str, T)],
) -> Result<T, ManifestError> {
    words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        at.wrong_text(word, format_args!("is not one of {}", known.join(", ")))
    })
}

/// The same where the field may be absent, or empty as Go writes what is absent.
pub(crate) fn one_of_or<T: Copy>(
    at: &At<'_>,
    word: Option<&str>,
    words: &[(&str, T)],
    absent: T,
) -> Result<T, ManifestError> {
    match word {
        None | Some("") => Ok(absent),
        Some(word) => one_of(at, word, words),
    }
}

pub(crate) fn protocol(at: &At<'_>, word: Option<&str>) -> Result<Protocol, ManifestError> {
    let words = [("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)];
    one_of_or(at, word, &words, Protocol::Tcp)
}

pub(crate) fn port(at: &At<'_>, number: i64) -> Result<u16, ManifestError> {
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| at.wrong(format!("{number} is not in 1..=65535")))
}

/// A port that may be absent, or 0 as Go writes what is absent.
pub(crate) fn optional_port(
    at: &At<'_>,
    number: Option<i64>,
) -> Result<Option<u16>, ManifestError> {
    number.filter(|number| *number != 0).map(|number| port(at, number)).transpose()
}

/// Whether a text may name a port of a pod (`IANA_SVC_NAME`, RFC 6335, section 5.1).
pub(crate) fn is_port_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=15).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && bytes.iter().any(u8::is_ascii_lowercase)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

/// Whether a text is an RFC 1123 label, as names of services' ports and hostnames are.
pub(crate) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

pub(crate) fn label(at: &At<'_>, text: &str) -> Result<(), ManifestError> {
    if is_label(text) { Ok(()) } else { Err(at.wrong_text(text, LABEL_RULE)) }
}

/// A port by number or by name, as it stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IntOrString {
    Int(i64),
    String(String),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = IntOrString;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a port's number or name")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<IntOrString, E> {
                Ok(IntOrString::Int(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<IntOrString, E> {
                Ok(IntOrString::Int(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<IntOrString, E> {
                Ok(IntOrString::String(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

pub(crate) fn target_port(at: &At<'_>, found: IntOrString) -> Result<TargetPort, ManifestError> {
    match found {
        IntOrString::Int(number) => port(at, number).map(TargetPort::Number),
        IntOrString::String(name) if is_port_name(&name) => Ok(TargetPort::Name(name)),
        IntOrString::String(name) if name.parse::<u16>().is_ok_and(|n| n > 0) => {
            Err(at.wrong(format!("{name:?} is a number in quotes: write {name}")))
        }
        IntOrString::String(name) => Err(at.wrong_text(&name, PORT_NAME_RULE)),
    }
}

/// An address that packets can be sent to from another host.
pub(crate) fn address(at: &At<'_>, text: &str) -> Result<IpAddr, ManifestError> {
    let ip = plain_address(at, text)?;
    let kind = if ip.is_unspecified() {
        "the unspecified address"
    } else if ip.is_loopback() {
        "a loopback address"
    } else if ip.is_multicast() || text == "255.255.255.255" {
        "a multicast address"
    } else if is_link_local(ip) {
        "a link-local address"
    } else {
        return Ok(ip);
    };
    Err(at.wrong(format!("{ip} is {kind}: use one that other hosts reach")))
}

/// Any address, in the one way to write it that all agree on.
pub(crate) fn plain_address(at: &At<'_>, text: &str) -> Result<IpAddr, ManifestError> {
    let ip: IpAddr = text
        .parse()
        .map_err(|_| at.wrong_text(text, "is no IP address such as 10.1.2.3 or fd00::3"))?;
    match ip.to_canonical() {
        plain if plain == ip => Ok(ip),
        plain => Err(at.wrong(format!("{ip} is an IPv4 address written as IPv6: write {plain}"))),
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => Ipv6Addr::is_unicast_link_local(&ip),
    }
}

/// A range; as in Kubernetes its host bits do not count.
pub(crate) fn range(at: &At<'_>, text: &str) -> Result<IpNetwork, ManifestError> {
    let text = text.trim();
    let wrong = || at.wrong_text(text, "is no range such as 192.0.2.0/24 or fd00::/8");
    if !text.contains('/') {
        return Err(wrong());
    }
    let net: IpNetwork = text.parse().map_err(|_| wrong())?;
    IpNetwork::new(net.network(), net.prefix()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ports_follow_iana() {
        for good in ["http", "a", "x-1", "a-b-c", "0a", &"a".repeat(15)] {
            assert!(is_port_name(good), "{good}");
        }
        for bad in ["", "80", "-a", "a-", "a--b", "A", "a_b", "é", &"a".repeat(16)] {
            assert!(!is_port_name(bad), "{bad}");
        }
    }

    #[test]
    fn addresses_that_lead_nowhere_are_refused() {
        let at = At::root("ip");
        for good in ["10.0.0.1", "203.0.113.5", "fd00::1", "2001:db8::1"] {
            assert!(address(&at, good).is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "0.0.0.0",
            "169.254.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "10.0.0.01",
            "10.0.0",
            "",
        ] {
            assert!(address(&at, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ranges_lose_their_host_bits() {
        let at = At::root("range");
        assert_eq!(range(&at, " 10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
        for bad in ["10.1.2.3", "10.0.0.0/33", "x/8", ""] {
            assert!(range(&at, bad).is_err(), "{bad}");
        }
    }
}
