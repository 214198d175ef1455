//! The usual sequences of expressions, ready-made: matches and statements under the names that nft
//! has for them. Each gives the expressions for [`Rule::with`].
//!
//! In tables that carry both IPv4 and IPv6 a rule must ask for the protocol before it reads a
//! header of it: [`nfproto`] in family `inet`, [`ethertype`] in family `bridge`. Ports need a
//! [`l4proto`] before them, or to be part of a key with one.
//!
//! [`Rule::with`]: crate::nft::Rule::with
//!
//! All of them work in the registers from [`Register::FIRST`] on, and none leaves a value behind
//! for a later one, but for [`map_to`] and [`key_registers`], which say where.

mod matches;
mod statements;

pub use self::matches::*;
pub use self::statements::*;

#[cfg(doc)]
use super::Register;
