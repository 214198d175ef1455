use super::*;

fn explained(code: Code, message: &str) -> Error {
    let subject = Subject { revision: Some(Revision(7)), lease: Some(LeaseId(9)) };
    explain("http://e:1", "get a", subject, &Status::new(code, message))
}

#[test]
fn etcd_s_words_become_typed_errors() {
    let kind = |code, message| match explained(code, message) {
        Error::Unavailable(_) => "unavailable",
        Error::Unauthenticated(_) => "unauthenticated",
        Error::PermissionDenied(_) => "denied",
        Error::Corrupt(_) => "corrupt",
        Error::Full(_) => "full",
        Error::Invalid(_) => "invalid",
        Error::Compacted { requested: Revision(7), .. } => "compacted",
        Error::FutureRevision { requested: Revision(7), .. } => "future",
        Error::LeaseNotFound(LeaseId(9)) => "lease",
        other => panic!("{other:?}"),
    };
    for (code, message, expected) in [
        (Code::Unavailable, "etcdserver: leader changed", "unavailable"),
        (Code::Unavailable, "etcdserver: request timed out", "unavailable"),
        (Code::DeadlineExceeded, "no answer within 5s", "unavailable"),
        (Code::Unknown, "context deadline exceeded", "unavailable"),
        (Code::Cancelled, "", "unavailable"),
        (Code::Internal, "h2 protocol error", "unavailable"),
        (Code::ResourceExhausted, "etcdserver: too many requests", "unavailable"),
        (Code::Unauthenticated, "etcdserver: invalid auth token", "unauthenticated"),
        (Code::InvalidArgument, "etcdserver: revision of auth store is old", "unauthenticated"),
        (
            Code::InvalidArgument,
            "etcdserver: authentication failed, invalid user ID or password",
            "unauthenticated",
        ),
        (Code::InvalidArgument, "etcdserver: user name is empty", "unauthenticated"),
        (Code::PermissionDenied, "etcdserver: permission denied", "denied"),
        (Code::DataLoss, "etcdserver: corrupt cluster", "corrupt"),
        (Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded", "full"),
        (Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", "compacted"),
        (Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision", "future"),
        (Code::NotFound, "etcdserver: requested lease not found", "lease"),
        (Code::InvalidArgument, "etcdserver: request is too large", "invalid"),
        (Code::FailedPrecondition, "etcdserver: authentication is not enabled", "invalid"),
        (Code::Unimplemented, "unknown service etcdserverpb.KV", "invalid"),
    ] {
        assert_eq!(kind(code, message), expected, "{code:?} {message}");
    }
}

#[test]
fn the_message_says_what_was_tried_where_what_happened_and_what_to_do() {
    let error =
        explained(Code::Unavailable, "tcp connect error: Connection refused (os error 111)");
    assert_eq!(
        error.to_string(),
        "store unavailable: get a on http://e:1: tcp connect error: Connection refused (os error 111) (nothing \
         listens there: is etcd running, and is the port right?)"
    );
    assert!(error.is_retryable());
}

#[test]
fn only_answers_over_the_limit_are_too_long() {
    assert!(too_long(&Status::out_of_range(
        "Error, decoded message length too large: found 9 bytes"
    )));
    assert!(!too_long(&Status::out_of_range(
        "etcdserver: mvcc: required revision has been compacted"
    )));
}
