//! How questions come in and answers go out.
//!
//! | module | its one job |
//! | --- | --- |
//! | [`sockets`] | sockets: bound, or handed over |
//! | [`limit`] | who may ask, and how often: pure |
//! | [`gate`] | the same for all listeners at once |
//! | [`reception`] | what all listeners share |
//! | [`udp`] | datagrams, in batches |
//! | [`stream`] | connections: TCP and TLS |
//! | `https` | connections: HTTP |
//! | [`tls`] | certificates |

pub mod gate;
mod https;
pub mod limit;
pub mod reception;
pub mod sockets;
pub mod stream;
pub mod tls;
pub mod udp;
