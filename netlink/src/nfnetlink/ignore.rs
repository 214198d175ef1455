//! Keeps notifications of one's own changes out of a socket's queue.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;

/// Where `nlmsg_pid` is in a message.
const SENDER: u32 = 12;

/// Has the kernel drop what comes from these ports before it is queued, in place of whatever was
/// dropped before.
///
/// All messages of one datagram come from one transaction, so it is enough to look at the first.
pub(crate) fn ignore_sender(socket: &impl AsFd, ports: &[u32]) -> io::Result<()> {
    const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jf, k| libc::sock_filter { code, jt: 0, jf, k };

    let mut program = vec![step(LOAD_WORD, 0, SENDER)];
    for port in ports {
        // The classifier loads words as big-endian; the header is in the host's order. Unequal:
        // skip the drop.
        let wanted = u32::from_be_bytes(port.to_ne_bytes());
        program.push(step(JUMP_IF_EQUAL, 1, wanted));
        program.push(step(RETURN, 0, 0));
    }
    program.push(step(RETURN, 0, u32::MAX));
    attach(socket, &mut program)
}

#[allow(unsafe_code, reason = "SO_ATTACH_FILTER has no safe wrapper")]
fn attach(socket: &impl AsFd, program: &mut [libc::sock_filter]) -> io::Result<()> {
    let length =
        u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; `program` points to
    // `length` instructions that outlive the call, and the kernel copies them before it returns.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of::<libc::sock_fprog>() as libc::socklen_t,
        )
    };
    nix::errno::Errno::result(outcome)?;
    Ok(())
}
