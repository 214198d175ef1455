//! Rules.

use super::expr::encode_all;
use super::uapi::NFTA_RULE_EXPRESSIONS;
use super::{Expr, Name};
use crate::nfnetlink::MessageBuffer;

/// A rule: expressions that run one after the other until one ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The chain that it is in.
    pub chain: Name,
    /// What it does.
    pub exprs: Vec<Expr>,
    /// What `nft list` shows as its comment; at most 127 bytes.
    pub comment: Option<Name>,
}

impl Rule {
    /// A rule that does nothing yet.
    pub fn new(chain: impl Into<Name>) -> Self {
        Self { chain: chain.into(), exprs: Vec::new(), comment: None }
    }

    /// The same with more to do: one expression, or a sequence such as those of [`m`](super::m).
    #[must_use]
    pub fn with(mut self, exprs: impl IntoIterator<Item = Expr>) -> Self {
        self.exprs.extend(exprs);
        self
    }

    /// The same with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Name>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// A number that is the same for rules that do the same under the same comment, and changes
    /// with any of it.
    ///
    /// The kernel keeps it with the rule and shows it in
    /// [`RuleInfo::digest`](super::RuleInfo::digest). A rule read back differs in bytes from what
    /// was written (counters run, registers are renumbered), but its digest does not, and a rule
    /// never changes once it is made: the sequence of digests says whether a chain is as it should
    /// be.
    pub fn digest(&self) -> u64 {
        let mut exprs = MessageBuffer::default();
        exprs.nested(NFTA_RULE_EXPRESSIONS, |exprs| encode_all(&self.exprs, exprs));
        digest(exprs.as_bytes(), self.comment.as_deref())
    }
}

/// FNV-1a, 64 bits, of the encoded expressions and the comment: stable across versions of Rust,
/// which the standard library's hashers are not.
pub(super) fn digest(exprs: &[u8], comment: Option<&str>) -> u64 {
    exprs
        .iter()
        .chain(comment.unwrap_or_default().as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}
