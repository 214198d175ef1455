//! Datagrams that leave.

use std::io;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc::{self, iovec, mmsghdr};

use super::control::Control;
use super::name::Name;
use super::{BATCH, Local, Peer};

/// A datagram to send.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// What it says.
    pub bytes: &'a [u8],
    /// To whom it goes.
    pub to: Peer,
    /// The address that it leaves from, where the socket has more than one.
    pub from: Option<Local>,
}

/// Sends datagrams, up to [`BATCH`] of them, without waiting; says how many of the first of them left.
///
/// # Errors
/// When the first of them cannot leave.
#[allow(unsafe_code, reason = "sendmmsg has no safe wrapper that says how many were sent")]
pub fn send<'a>(
    socket: &UdpSocket,
    datagrams: impl IntoIterator<Item = Outgoing<'a>>,
) -> io::Result<usize> {
    // Only as many places are prepared as there are datagrams.
    let mut names = [const { MaybeUninit::<Name>::uninit() }; BATCH];
    let mut controls = [const { MaybeUninit::<Control>::uninit() }; BATCH];
    let mut vectors = [const { MaybeUninit::<iovec>::uninit() }; BATCH];
    let mut headers = [const { MaybeUninit::<mmsghdr>::uninit() }; BATCH];
    let mut count = 0;
    for (index, datagram) in datagrams.into_iter().take(BATCH).enumerate() {
        // SAFETY: all zero is a valid header: null pointers and lengths of 0.
        let mut header: mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        let (name, length) = Name::of(datagram.to);
        header.msg_hdr.msg_namelen = length;
        header.msg_hdr.msg_name = names[index].write(name).as_mut_ptr();
        header.msg_hdr.msg_iov = vectors[index].write(iovec {
            // Only read: `sendmmsg` shares the type with `recvmmsg`.
            iov_base: datagram.bytes.as_ptr().cast_mut().cast(),
            iov_len: datagram.bytes.len(),
        });
        header.msg_hdr.msg_iovlen = 1;
        if let Some(local) = datagram.from {
            let control = controls[index].write(Control::EMPTY);
            header.msg_hdr.msg_controllen = control.write(local) as _;
            header.msg_hdr.msg_control = control.as_mut_ptr();
        }
        headers[index].write(header);
        count = index + 1;
    }
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: the first `count` headers were written above. Each points to a name, a vector and a
    // control buffer of its own in arrays that live until this function ends, and each vector to bytes
    // that are borrowed for `'a`, which is longer; the kernel reads them and writes into the headers.
    let sent = Errno::result(unsafe {
        let headers = headers.as_mut_ptr().cast::<mmsghdr>();
        libc::sendmmsg(socket.as_raw_fd(), headers, count as _, libc::MSG_DONTWAIT as _)
    })?;
    Ok(sent as usize)
}
