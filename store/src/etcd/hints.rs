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
    // A server that wants TLS, or a certificate, may just hang up.
    (
        &[
            "frame with invalid size",
            "connection reset",
            "connection closed",
            "broken pipe",
            "h2 protocol",
        ],
        "the connection was cut: etcd stopped, or one side speaks https and the other http, or etcd wants a client certificate",
    ),
];

pub(super) fn likely_reason(cause: &str) -> Option<&'static str> {
    let cause = cause.to_lowercase();
    let fits = |(words, _): &&(&[&str], &str)| words.iter().any(|word| cause.contains(word));
    HINTS.iter().find(fits).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_lower_case() {
        for (words, _) in HINTS {
            for word in *words {
                assert_eq!(*word, word.to_lowercase());
            }
        }
    }

    #[test]
    fn what_is_not_known_has_no_hint() {
        assert_eq!(likely_reason("etcdserver: too many requests"), None);
    }
}
