//! HTTP/1.1 in plain words: a server with a name, and a load that counts what fails and who answers.

mod load;
mod message;
mod server;

pub use load::{Connections, HttpLoad, HttpReport};
pub use message::get;
pub use server::HttpServer;
