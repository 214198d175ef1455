//! The likely reason of a failed connection, by the words of rustls, the kernel, the resolver and etcd.

/// Words of a cause, in lower case, and what they mean. The first that fits is told.
const HINTS: &[(&[&str], &str)] = &[
    (
        &["unknownissuer", "badsignature"],
        "etcd's certificate is not signed by an authority that we trust: set ca to the PEM file of the one that signed it",
    ),
    (
        &["not valid for name", "notvalidforname"],
        "etcd's certificate is for another name: use an endpoint that it names, or set server-name",
    ),
    (
        &["expired", "notvalidyet"],
        "etcd's certificate is out of date, or this host's clock is wrong",
    ),
    (
        &[
            "certificaterequired",
            "badcertificate",
            "unknownca",
            "decrypterror",
            "certificateunknown",
        ],
        "etcd wants a client certificate that its authority signed: set cert and key",
    ),
    (
        &["invalidcontenttype", "corrupt message", "tls handshake eof"],
        "the endpoint does not speak TLS: is it http, not https?",
    ),
    (&["connection refused"], "nothing listens there: is etcd running, and is the port right?"),
    (
        &["no route to host", "network is unreachable", "host is unreachable"],
        "this host has no way there: check addresses, routes and firewalls",
    ),
    (
        &["dns error", "failed to lookup"],
        "the name does not resolve: check the endpoint, or use an address",
    ),
    (&["no leader", "leader changed"], "etcd has no quorum: check that most of its members run"),
    (
        &["no answer within", "deadline", "timed out", "timeout"],
        "it may be overloaded, stopped or cut off, or a firewall drops the packets",
    ),
];

/// Words for a connection that ended, in lower case.
const CUT: &[&str] = &[
    "frame with invalid size",
    "connection reset",
    "connection closed",
    "connection was closed",
    "not connected",
    "broken pipe",
    "h2 protocol",
    "unexpected eof",
    "unexpected end of file",
];

/// The likely reason why a call to an endpoint failed.
pub(super) fn likely_reason(endpoint: &str, cause: &str) -> Option<&'static str> {
    let cause = cause.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| cause.contains(word));
    let known = HINTS.iter().find(|(words, _)| any(words)).map(|(_, hint)| *hint);
    known.or_else(|| any(CUT).then(|| hung_up(endpoint)))
}

/// A server that wants TLS, or a certificate, may say so, or just hang up.
fn hung_up(endpoint: &str) -> &'static str {
    match endpoint.starts_with("https") {
        true => {
            "etcd hung up: it stopped, or wants a client certificate that its authority signed (set cert and key), or \
             speaks http"
        }
        false => "etcd hung up: it stopped, or speaks https",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_lower_case() {
        for word in HINTS.iter().flat_map(|(words, _)| *words).chain(CUT) {
            assert_eq!(*word, word.to_lowercase());
        }
    }

    #[test]
    fn what_is_not_known_has_no_hint() {
        assert_eq!(likely_reason("http://e:1", "etcdserver: too many requests"), None);
    }
}
