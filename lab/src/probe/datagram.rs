//! Datagrams that are answered from the address they came to, as servers on hosts with several
//! addresses must: the kernel would choose one by the way back.

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6RecvPacketInfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage,
    recvmsg, sendmsg, setsockopt,
};

/// A datagram's two ends.
pub(super) struct Asked {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// Lets the kernel tell to which address each datagram came.
pub(super) fn tell_local(socket: &impl AsFd, v4: bool) -> Result<(), Errno> {
    if v4 {
        setsockopt(socket, Ipv4PacketInfo, &true)
    } else {
        setsockopt(socket, Ipv6RecvPacketInfo, &true)
    }
}

/// The next datagram; `None` for one that tells nothing of where it came from.
pub(super) fn receive(socket: &UdpSocket) -> Result<Option<Asked>, Errno> {
    let mut buffer = [0; 2048];
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let mut space = nix::cmsg_space!(libc::in6_pktinfo);
    let flags = MsgFlags::empty();
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let peer = message.address.as_ref().and_then(peer_of);
    let mut to = None;
    for told in message.cmsgs()? {
        match told {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                to = Some(IpAddr::from(u32::from_be(info.ipi_addr.s_addr).to_be_bytes()));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                to = Some(IpAddr::from(info.ipi6_addr.s6_addr));
            }
            _ => {}
        }
    }
    let port = socket.local_addr().map_or(0, |local| local.port());
    Ok(peer.zip(to).map(|(peer, to)| Asked { peer, local: SocketAddr::new(to, port) }))
}

fn peer_of(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || address.as_sockaddr_in().map(|a| SocketAddr::new(a.ip().into(), a.port()));
    let v6 = || address.as_sockaddr_in6().map(|a| SocketAddr::new(a.ip().into(), a.port()));
    v4().or_else(v6)
}

impl Asked {
    /// Sends an answer from where the question came to.
    pub(super) fn answer(&self, socket: &UdpSocket, text: &[u8]) -> Result<usize, Errno> {
        let (parts, flags) = ([IoSlice::new(text)], MsgFlags::empty());
        let fd = socket.as_raw_fd();
        match (self.peer, self.local.ip()) {
            (SocketAddr::V4(peer), IpAddr::V4(from)) => {
                let ipi_spec_dst = libc::in_addr { s_addr: u32::from(from).to_be() };
                let ipi_addr = libc::in_addr { s_addr: 0 };
                let info = libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst, ipi_addr };
                let told = [ControlMessage::Ipv4PacketInfo(&info)];
                sendmsg(fd, &parts, &told, flags, Some(&SockaddrIn::from(peer)))
            }
            (SocketAddr::V6(peer), IpAddr::V6(from)) => {
                let ipi6_addr = libc::in6_addr { s6_addr: from.octets() };
                let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: 0 };
                let told = [ControlMessage::Ipv6PacketInfo(&info)];
                sendmsg(fd, &parts, &told, flags, Some(&SockaddrIn6::from(peer)))
            }
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }
}
