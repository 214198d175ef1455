//! Between the store's words and etcd's.

use super::proto::{self, CompareResult, CompareTarget, EventType, Request, Response, TargetUnion};
use crate::{Compare, Event, KeyValue, LeaseId, Op, OpResponse, Revision, Txn};

/// The range of every key that starts with `root` and `prefix`.
pub(super) fn range(root: &str, prefix: &str) -> proto::RangeRequest {
    let key = format!("{root}{prefix}").into_bytes();
    proto::RangeRequest { range_end: end_of_prefix(&key), key, ..proto::RangeRequest::default() }
}

/// The first key after those that start with `prefix`. Text never holds the byte 0xff, so there always is one.
pub(super) fn end_of_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

pub(super) fn revision(number: i64) -> Revision {
    Revision(u64::try_from(number).unwrap_or(0))
}

pub(super) fn wire(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

pub(super) fn header_revision(header: Option<&proto::ResponseHeader>) -> Revision {
    header.map_or(Revision(0), |header| revision(header.revision))
}

fn relative_key(root: &str, key: &[u8]) -> String {
    String::from_utf8_lossy(key.strip_prefix(root.as_bytes()).unwrap_or(key)).into_owned()
}

pub(super) fn key_value(root: &str, item: proto::KeyValue) -> KeyValue {
    KeyValue {
        key: relative_key(root, &item.key),
        value: item.value,
        create_revision: revision(item.create_revision),
        mod_revision: revision(item.mod_revision),
        version: u64::try_from(item.version).unwrap_or(0),
        lease: (item.lease != 0).then_some(LeaseId(item.lease)),
    }
}

pub(super) fn event(root: &str, event: proto::Event) -> Option<Event> {
    let item = event.kv?;
    match EventType::try_from(event.r#type) {
        Ok(EventType::Put) => Some(Event::Put(key_value(root, item))),
        Ok(EventType::Delete) => Some(Event::Delete {
            key: relative_key(root, &item.key),
            revision: revision(item.mod_revision),
        }),
        Err(_) => None,
    }
}

pub(super) fn txn(root: &str, txn: Txn) -> proto::TxnRequest {
    let ops = |ops: Vec<Op>| ops.into_iter().map(|op| request_op(root, op)).collect();
    proto::TxnRequest {
        compare: txn.compares.into_iter().map(|condition| compare(root, condition)).collect(),
        success: ops(txn.success),
        failure: ops(txn.failure),
    }
}

fn compare(root: &str, condition: Compare) -> proto::Compare {
    let (result, target, key, value) = match condition {
        Compare::Absent(key) => {
            (CompareResult::Equal, CompareTarget::Create, key, TargetUnion::CreateRevision(0))
        }
        Compare::Exists(key) => {
            (CompareResult::Greater, CompareTarget::Create, key, TargetUnion::CreateRevision(0))
        }
        Compare::CreateRevision(key, at) => (
            CompareResult::Equal,
            CompareTarget::Create,
            key,
            TargetUnion::CreateRevision(wire(at)),
        ),
        Compare::ModRevision(key, at) => {
            (CompareResult::Equal, CompareTarget::Mod, key, TargetUnion::ModRevision(wire(at)))
        }
        Compare::Version(key, count) => {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            (CompareResult::Equal, CompareTarget::Version, key, TargetUnion::Version(count))
        }
        Compare::Value(key, value) => {
            (CompareResult::Equal, CompareTarget::Value, key, TargetUnion::Value(value))
        }
    };
    proto::Compare {
        result: result.into(),
        target: target.into(),
        key: format!("{root}{key}").into_bytes(),
        target_union: Some(value),
    }
}

fn request_op(root: &str, op: Op) -> proto::RequestOp {
    let absolute = |key: String| format!("{root}{key}").into_bytes();
    let request = match op {
        Op::Put { key, value, lease } => Request::Put(proto::PutRequest {
            key: absolute(key),
            value,
            lease: lease.map_or(0, |lease| lease.0),
        }),
        Op::Get(key) => {
            Request::Range(proto::RangeRequest { key: absolute(key), ..Default::default() })
        }
        Op::Delete(key) => Request::DeleteRange(proto::DeleteRangeRequest {
            key: absolute(key),
            range_end: Vec::new(),
        }),
        Op::DeletePrefix(prefix) => {
            let key = absolute(prefix);
            Request::DeleteRange(proto::DeleteRangeRequest { range_end: end_of_prefix(&key), key })
        }
    };
    proto::RequestOp { request: Some(request) }
}

pub(super) fn response_op(root: &str, op: proto::ResponseOp) -> OpResponse {
    match op.response {
        Some(Response::Range(mut found)) => {
            OpResponse::Get(found.kvs.pop().map(|item| key_value(root, item)))
        }
        Some(Response::DeleteRange(done)) => {
            OpResponse::Deleted(u64::try_from(done.deleted).unwrap_or(0))
        }
        Some(Response::Put(_)) | None => OpResponse::Put,
    }
}
