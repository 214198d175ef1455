//! Questions to name servers from inside a namespace, as resolvers send them, and a name server that
//! says what it is told.

mod answer;
mod ask;
mod load;
mod server;
mod transfer;

pub use answer::{Answer, written};
pub use ask::{Over, Question, Silence, ask, ask_here, framed, read_framed, resolve};
pub use hickory_proto::op::ResponseCode;
pub use hickory_proto::rr::RecordType;
pub use load::{DnsLoad, DnsReport, Patience};
pub use server::{Manner, NameServer};
pub use transfer::transfer;
