//! Names that are not the cluster's: whoever asks others for them.

use std::future::Future;

use crate::wire::code::Rcode;
use crate::wire::name::Name;
use crate::wire::question::Query;
use crate::wire::reply::{Reply, Verdict, header_only};

/// What a cache says of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cached {
    /// The answer is in the buffer.
    Hit,
    /// It is not known, or is to be asked for again.
    Miss,
}

/// Who knows the names that are not the cluster's.
pub trait Outside: Send + Sync + 'static {
    /// Answers from memory: does not wait. `out` comes empty, and stays so on a miss.
    fn cached(&self, query: &Query<'_>, limit: usize, out: &mut Vec<u8>) -> Cached;

    /// Answers the client's question, whatever it takes; `SERVFAIL` where nobody answers.
    fn resolve(&self, query: &Query<'_>, limit: usize) -> impl Future<Output = Vec<u8>> + Send;

    /// Asks for the records of a name, for an answer that is put together here. The result is a
    /// whole message; `SERVFAIL` where nobody answers.
    fn lookup(&self, name: &Name, rtype: u16) -> impl Future<Output = Vec<u8>> + Send;
}

/// Nobody: there are the cluster's names only, and questions for others are refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Outside for Nobody {
    fn cached(&self, query: &Query<'_>, limit: usize, out: &mut Vec<u8>) -> Cached {
        Reply::begin(query, limit, out).finish(Verdict {
            rcode: Rcode::Refused,
            authoritative: false,
            recursion_available: false,
        });
        Cached::Hit
    }

    async fn resolve(&self, query: &Query<'_>, limit: usize) -> Vec<u8> {
        let mut out = Vec::new();
        self.cached(query, limit, &mut out);
        out
    }

    async fn lookup(&self, name: &Name, rtype: u16) -> Vec<u8> {
        let mut out = Vec::new();
        header_only(&super::chase::ask(name, rtype), Rcode::Refused, &mut out);
        out
    }
}
