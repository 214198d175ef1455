//! Connection tracking: who talks to whom, and forgetting it.
//!
//! An entry outlives what it was made for. A released pod address that is given to another pod
//! would inherit the connections, and their NAT, of the first; a UDP flow to a removed endpoint of
//! a service would go to it for as long as packets come. So entries are deleted with what they
//! belong to:
//!
//! ```no_run
//! use pontoon_netlink::conntrack::{Conntrack, Filter};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let released = "10.244.1.7".parse()?;
//! let deleted = Conntrack::open()?.delete(&Filter::involving([released]))?;
//! println!("{deleted} connections of {released} forgotten");
//! # Ok(())
//! # }
//! ```

mod filter;
mod flow;
mod table;
mod uapi;

pub use self::filter::{Endpoint, Filter};
pub use self::flow::{Flow, FlowTuple};
pub use self::table::{Conntrack, ConntrackError};

#[cfg(test)]
mod tests;
