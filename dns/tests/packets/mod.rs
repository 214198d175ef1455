//! Packets that somebody broke: real ones with bytes changed, and noise. Whatever comes, nothing
//! panics, and what goes back is a message that anybody can read.

mod any;
mod unbroken;
