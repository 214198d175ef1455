//! How questions come in and answers go out.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`sockets`] | sockets: bound, or handed over |
//! | [`limit`] | who may ask, and how often: pure |
//! | [`gate`] | the same for all listeners at once |
//! | [`reception`] | what all listeners share |
//! | [`udp`] | datagrams, in batches |

pub mod gate;
pub mod limit;
pub mod reception;
pub mod sockets;
pub mod udp;
