//! Transactions: if every compare holds, do this, else do that, all at one revision.

use crate::{Error, KeyValue, LeaseId, Result, Revision};

/// The most operations in one branch of a transaction, and the most compares (etcd's `--max-txn-ops` default).
pub const MAX_OPS: usize = 128;

/// The longest value, in bytes. etcd refuses requests over 1.5 MiB.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// A condition on the present state of a key. A key that does not exist has version 0 and revisions 0, and its value
/// equals nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key does not exist.
    Absent(String),
    /// The key exists.
    Exists(String),
    /// The key was created at this revision.
    CreateRevision(String, Revision),
    /// The key was last changed at this revision: nobody wrote it since it was read.
    ModRevision(String, Revision),
    /// The key was put this often since it was created.
    Version(String, u64),
    /// The key holds this value.
    Value(String, Vec<u8>),
}

impl Compare {
    /// The key that the condition is on.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Absent(key)
            | Self::Exists(key)
            | Self::CreateRevision(key, _)
            | Self::ModRevision(key, _)
            | Self::Version(key, _)
            | Self::Value(key, _) => key,
        }
    }
}

/// One step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Create or change a key.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: Vec<u8>,
        /// The lease that it dies with. `None` detaches it from the one it had.
        lease: Option<LeaseId>,
    },
    /// Read a key.
    Get(String),
    /// Delete a key, if it exists.
    Delete(String),
    /// Delete every key that starts with this.
    DeletePrefix(String),
}

impl Op {
    /// A put without a lease.
    #[must_use]
    pub fn put(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Put { key: key.into(), value: value.into(), lease: None }
    }
}

/// A transaction. Within one branch no key may be put twice, nor both put and deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// What must hold for `success` to be carried out.
    pub compares: Vec<Compare>,
    /// Carried out when all compares hold.
    pub success: Vec<Op>,
    /// Carried out when one does not.
    pub failure: Vec<Op>,
}

impl Txn {
    /// A transaction that does nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, compare: Compare) -> Self {
        self.compares.push(compare);
        self
    }

    /// Adds a step for when all conditions hold.
    #[must_use]
    pub fn then(mut self, op: Op) -> Self {
        self.success.push(op);
        self
    }

    /// Adds a step for when one condition does not hold.
    #[must_use]
    pub fn otherwise(mut self, op: Op) -> Self {
        self.failure.push(op);
        self
    }

    /// A lease that the transaction names, for error messages.
    pub(crate) fn lease(&self) -> Option<LeaseId> {
        self.success.iter().chain(&self.failure).find_map(|op| match op {
            Op::Put { lease, .. } => *lease,
            Op::Get(_) | Op::Delete(_) | Op::DeletePrefix(_) => None,
        })
    }

    pub(crate) fn validate(&self) -> Result<()> {
        limit("compares", self.compares.len())?;
        for compare in &self.compares {
            check_key(compare.key())?;
        }
        for branch in [&self.success, &self.failure] {
            validate_branch(branch)?;
        }
        Ok(())
    }
}

fn validate_branch(ops: &[Op]) -> Result<()> {
    limit("operations", ops.len())?;
    let mut puts = std::collections::BTreeSet::new();
    for op in ops {
        match op {
            Op::Put { key, value, .. } => {
                check_key(key)?;
                if value.len() > MAX_VALUE_BYTES {
                    let cause = format!(
                        "the value has {} bytes, the most is {MAX_VALUE_BYTES}",
                        value.len()
                    );
                    return Err(Error::invalid(format!("put {key}"), cause));
                }
                if !puts.insert(key.as_str()) {
                    return Err(Error::invalid(
                        format!("put {key}"),
                        "the key is put twice in one transaction",
                    ));
                }
            }
            Op::Get(key) | Op::Delete(key) => check_key(key)?,
            Op::DeletePrefix(_) => {}
        }
    }
    for op in ops {
        let both = match op {
            Op::Delete(key) => puts.contains(key.as_str()).then_some(key.as_str()),
            Op::DeletePrefix(prefix) => {
                puts.iter().find(|key| key.starts_with(prefix.as_str())).copied()
            }
            Op::Put { .. } | Op::Get(_) => None,
        };
        if let Some(key) = both {
            return Err(Error::invalid(
                format!("put {key}"),
                "the key is put and deleted in one transaction",
            ));
        }
    }
    Ok(())
}

fn limit(what: &str, count: usize) -> Result<()> {
    if count > MAX_OPS {
        return Err(Error::invalid(
            "transaction",
            format!("{count} {what}, the most is {MAX_OPS}"),
        ));
    }
    Ok(())
}

pub(crate) fn check_key(key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::invalid("check the key", "the key is empty"));
    }
    Ok(())
}

/// What a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnOutcome {
    /// Whether all compares held.
    pub succeeded: bool,
    /// The store's revision after it: its own, if it changed anything.
    pub revision: Revision,
    /// One response for each step of the branch that was taken, in order.
    pub responses: Vec<OpResponse>,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpResponse {
    /// The key was put.
    Put,
    /// What the key held, after the steps before this one.
    Get(Option<KeyValue>),
    /// How many keys were deleted.
    Deleted(u64),
}

/// What a transaction is about, for error messages.
pub(crate) fn describe(txn: &Txn) -> String {
    let name = |op: &Op| match op {
        Op::Put { key, .. } => format!("put {key}"),
        Op::Get(key) => format!("get {key}"),
        Op::Delete(key) => format!("delete {key}"),
        Op::DeletePrefix(prefix) => format!("delete everything under {prefix:?}"),
    };
    match txn.success.as_slice() {
        [] => "transaction".to_owned(),
        [op] => name(op),
        [op, rest @ ..] => format!("{} and {} more", name(op), rest.len()),
    }
}
