//! A blocking connection to the kernel's routing family.

mod batch;
mod devices;
mod dump;
mod error;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage};
use netlink_packet_route::RouteNetlinkMessage;

pub(crate) use devices::Names;
pub use error::{BatchError, OpError, OpFailure, RtnlError};

use crate::netns::Netns;
use crate::op::Op;
use crate::transport::{self, Transport};

/// A connection to the routing family of one network namespace, the one it was opened in,
/// whatever thread uses it.
///
/// Its calls block, for as long as the kernel works: use them from threads that may
/// (`tokio::task::spawn_blocking`), or see [`Rtnl::apply`].
#[derive(Debug)]
pub struct Rtnl {
    transport: Transport,
}

impl Rtnl {
    /// Opens a connection in the calling thread's namespace.
    ///
    /// # Errors
    /// When the process is out of descriptors, or may not use netlink at all.
    pub fn open() -> Result<Self, RtnlError> {
        Self::from_socket(transport::route_socket())
    }

    /// Opens a connection in another namespace; costs about 10 µs.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or as [`Rtnl::open`].
    pub fn open_in(netns: &Netns) -> Result<Self, RtnlError> {
        Self::from_socket(netns.briefly(transport::route_socket)?)
    }

    fn from_socket(socket: std::io::Result<netlink_sys::Socket>) -> Result<Self, RtnlError> {
        let transport = socket
            .and_then(Transport::new)
            .map_err(|source| RtnlError::Socket { doing: "open an rtnetlink socket", source })?;
        Ok(Self { transport })
    }

    /// Carries out operations in order, and stops after a failure.
    ///
    /// Operations go out in batches of one system call each. The kernel carries out every
    /// request of a batch whatever became of the ones before, so that operations shortly after
    /// the failed one may have been carried out too: a plan must be made anew from a dump.
    ///
    /// # Errors
    /// The first operation that failed, and why.
    pub fn execute(&mut self, ops: &[Op]) -> Result<(), BatchError> {
        let outcomes = batch::Batch::new(&mut self.transport, batch::OnFailure::Stop).run(ops);
        let mut failures = outcomes
            .into_iter()
            .enumerate()
            .filter_map(|(index, outcome)| outcome.err().map(|error| (index, error)));
        match failures.next() {
            None => Ok(()),
            Some((index, error)) => Err(BatchError { index, error, others: failures.count() }),
        }
    }

    /// Carries out all operations in order, whatever becomes of each; an outcome for each.
    pub fn execute_each(&mut self, ops: &[Op]) -> Vec<Result<(), OpError>> {
        batch::Batch::new(&mut self.transport, batch::OnFailure::GoOn).run(ops)
    }

    /// Opens a connection in the namespace (the calling thread's without one) and executes
    /// operations, on a thread that may block.
    ///
    /// # Errors
    /// As [`Rtnl::open_in`] and [`Rtnl::execute`].
    pub async fn apply(netns: Option<Netns>, ops: Vec<Op>) -> Result<(), RtnlError> {
        let open = move || match &netns {
            Some(netns) => Self::open_in(netns),
            None => Self::open(),
        };
        Self::blocking(move || Ok(open()?.execute(&ops)?)).await
    }

    /// Runs a function that blocks (one that uses a connection, say) on a thread that may.
    ///
    /// # Errors
    /// Those of the function, and [`RtnlError::Socket`] when the runtime is shutting down.
    pub async fn blocking<T: Send + 'static>(
        f: impl FnOnce() -> Result<T, RtnlError> + Send + 'static,
    ) -> Result<T, RtnlError> {
        match tokio::task::spawn_blocking(f).await {
            Ok(result) => result,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(RtnlError::Socket {
                    doing: "run a blocking netlink call",
                    source: std::io::Error::other(error),
                }),
            },
        }
    }
}

/// Appends a request to a buffer; its place in the buffer.
fn append(
    message: RouteNetlinkMessage,
    flags: u16,
    sequence: u32,
    buffer: &mut Vec<u8>,
) -> std::ops::Range<usize> {
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, message.into());
    message.finalize();
    let start = buffer.len();
    let len = message.buffer_len();
    // Messages begin at multiples of four.
    buffer.resize(start + ((len + 3) & !3), 0);
    if let Some(place) = buffer.get_mut(start..start + len) {
        message.serialize(place);
    }
    start..start + len
}
