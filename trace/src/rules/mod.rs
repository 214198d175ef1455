//! The way of a packet through rules that we made ourselves, and so can follow to the letter.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`table`] | a table with the elements of its sets |
//! | `rule` | one rule: registers, expressions |
//! | `walk` | from base chain to base chain |
//! | [`text`], `walk_words` | a rule as nft would write it, nearly; what comes of it |

mod rule;
pub mod table;
pub mod text;
mod walk;
pub(crate) mod walk_words;

pub use table::Ruleset;
pub use walk::{End, Passage, Walk};
