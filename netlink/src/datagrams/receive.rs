//! Datagrams that arrive.

use std::io;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;

use nix::errno::Errno;
use nix::libc::{self, c_int, iovec, mmsghdr};

use super::control::Control;
use super::name::Name;
use super::{BATCH, Local, Peer};

/// Space between buffers beyond what they hold, so that their beginnings do not share a set of the
/// processor's cache.
const STAGGER: usize = 192;

/// As many are asked for while no more arrive together: each place costs time to prepare.
const FEW: usize = 4;

/// Buffers for what arrives at a socket.
#[derive(Debug)]
pub struct Inbox {
    longest: usize,
    /// How many datagrams the next call asks for.
    places: usize,
    bytes: Box<[u8]>,
    arrived: Vec<Arrived>,
    /// Whether datagrams are asked which address they came to.
    with_local: bool,
}

#[derive(Debug, Clone, Copy)]
struct Arrived {
    buffer: usize,
    length: usize,
    from: Peer,
    to: Option<Local>,
}

/// A datagram in an [`Inbox`].
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// What it says; `None` when it is longer than the inbox takes.
    pub bytes: Option<&'a [u8]>,
    /// Who sent it.
    pub from: Peer,
    /// The address that it came to, when the socket is asked to say ([`Inbox::with_local`]).
    pub to: Option<Local>,
}

/// Whether to wait for a first datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Only what is there.
    No,
    /// For as long as the socket's time-out says; not on a socket that does not block.
    ForFirst,
}

impl Inbox {
    /// Buffers for datagrams of up to so many bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        let bytes = vec![0; BATCH * (longest + STAGGER)].into();
        let arrived = Vec::with_capacity(BATCH);
        Self { longest, places: FEW, bytes, arrived, with_local: false }
    }

    /// The same, for a socket on all addresses: asks it to say which address each datagram came to.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn with_local(longest: usize, socket: &UdpSocket) -> io::Result<Self> {
        use nix::sys::socket::{setsockopt, sockopt};
        if socket.local_addr()?.is_ipv4() {
            setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
        } else {
            setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        Ok(Self { with_local: true, ..Self::new(longest) })
    }

    /// Takes what has arrived, up to [`BATCH`] datagrams, in place of what was here.
    ///
    /// # Errors
    /// When nothing arrived in time, a signal came, or the socket has an error to tell.
    #[allow(unsafe_code, reason = "recvmmsg has no safe wrapper that can be used again and again")]
    pub fn receive(&mut self, socket: &UdpSocket, wait: Wait) -> io::Result<usize> {
        self.arrived.clear();
        let mut names = [const { MaybeUninit::<Name>::uninit() }; BATCH];
        let mut controls = [const { MaybeUninit::<Control>::uninit() }; BATCH];
        let mut vectors = [const { MaybeUninit::<iovec>::uninit() }; BATCH];
        let mut headers = [const { MaybeUninit::<mmsghdr>::uninit() }; BATCH];
        let (stride, places) = (self.longest + STAGGER, self.places.min(BATCH));
        for (index, buffer) in self.bytes.chunks_exact_mut(stride).take(places).enumerate() {
            let vector = vectors[index]
                .write(iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: self.longest });
            // SAFETY: all zero is a valid header: null pointers and lengths of 0.
            let mut header: mmsghdr = unsafe { MaybeUninit::zeroed().assume_init() };
            header.msg_hdr.msg_name = names[index].write(Name::NONE).as_mut_ptr();
            header.msg_hdr.msg_namelen = Name::SIZE;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            if self.with_local {
                header.msg_hdr.msg_control = controls[index].write(Control::EMPTY).as_mut_ptr();
                header.msg_hdr.msg_controllen = Control::room() as _;
            }
            headers[index].write(header);
        }
        let flags = match wait {
            Wait::No => libc::MSG_DONTWAIT,
            Wait::ForFirst => libc::MSG_WAITFORONE,
        };
        // SAFETY: the first `places` headers were written above, `bytes` being at least as many strides
        // long. Each points to a name, a vector and, if at all, a control buffer of its own that were
        // written, in arrays that live until this function ends, and each vector to `longest` bytes of
        // its own in `bytes`.
        let count = Errno::result(unsafe {
            let headers = headers.as_mut_ptr().cast::<mmsghdr>();
            libc::recvmmsg(socket.as_raw_fd(), headers, places as _, flags as _, ptr::null_mut())
        })?;
        let count = (count as usize).min(places);
        self.places = match count {
            _ if count == places => BATCH,
            0..FEW => FEW,
            _ => places,
        };
        for index in 0..count {
            // SAFETY: the header and the name of each place were written above; the kernel writes
            // numbers into them.
            let (header, name) =
                unsafe { (headers[index].assume_init_ref(), names[index].assume_init_ref()) };
            let to = if self.with_local {
                // SAFETY: so was its control buffer, as it was wanted then, too.
                let control = unsafe { controls[index].assume_init_ref() };
                control.read(header.msg_hdr.msg_controllen)
            } else {
                None
            };
            // Another family than the socket's cannot arrive; should it, nobody is to be answered.
            let Some(from) = name.read() else { continue };
            self.arrived.push(Arrived {
                buffer: index,
                length: if header.msg_hdr.msg_flags & libc::MSG_TRUNC as c_int == 0 {
                    header.msg_len as usize
                } else {
                    usize::MAX
                },
                from,
                to,
            });
        }
        Ok(self.arrived.len())
    }

    /// What has arrived, in its order.
    pub fn datagrams(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        let stride = self.longest + STAGGER;
        self.arrived.iter().map(move |arrived| Datagram {
            bytes: (arrived.length <= self.longest)
                .then(|| &self.bytes[arrived.buffer * stride..][..arrived.length]),
            from: arrived.from,
            to: arrived.to,
        })
    }
}
