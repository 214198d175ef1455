//! The sockets that questions come in by. Under systemd they outlive the process: it keeps them in its
//! store of file descriptors (sd_notify(3), `FDSTORE=1`), and what arrives while a daemon is replaced
//! waits in them for the next one.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use anyhow::{Context, Result};
use listenfd::ListenFd;
use pontoon_dns::listen::sockets::{Origin, Sockets};
use sd_notify::NotifyState;
use tracing::{debug, info};

/// What systemd calls them.
const NAME: &str = "pontoon-dns";

/// Opens sockets at these addresses: those that systemd has, if they are the same, or new ones.
///
/// # Errors
/// When an address cannot be listened at.
pub fn open(addresses: &[SocketAddr], workers: usize) -> Result<Sockets> {
    let kept = Sockets::from_fds(handed_over()).context("sockets handed over cannot be used")?;
    if bound_to(&kept.udp, &kept.tcp) == wanted(addresses, workers) {
        info!("listening at the sockets of the daemon before this one");
        return Ok(kept);
    }
    drop(kept);
    forget();
    let mut sockets = Sockets::bind(addresses, workers)?;
    let all = sockets.udp.iter().map(AsFd::as_fd).chain(sockets.tcp.iter().map(AsFd::as_fd));
    if keep(&all.collect::<Vec<_>>()) {
        sockets.origin = Origin::HandedOver;
    }
    Ok(sockets)
}

/// Each address as often as it has sockets for datagrams, and once for connections.
type Places = Vec<(SocketAddr, bool)>;

fn wanted(addresses: &[SocketAddr], workers: usize) -> Places {
    let unique: BTreeSet<SocketAddr> = addresses.iter().copied().collect();
    let datagrams = unique.iter().flat_map(|at| std::iter::repeat_n((*at, false), workers.max(1)));
    let mut places: Places = datagrams.chain(unique.iter().map(|at| (*at, true))).collect();
    places.sort();
    places
}

fn bound_to(udp: &[UdpSocket], tcp: &[TcpListener]) -> Places {
    let datagrams = udp.iter().filter_map(|socket| Some((socket.local_addr().ok()?, false)));
    let streams = tcp.iter().filter_map(|socket| Some((socket.local_addr().ok()?, true)));
    let mut places: Places = datagrams.chain(streams).collect();
    places.sort();
    places
}

fn handed_over() -> Vec<OwnedFd> {
    let mut fds = ListenFd::from_env();
    (0..fds.len())
        .filter_map(|index| match fds.take_udp_socket(index) {
            Ok(Some(socket)) => Some(OwnedFd::from(socket)),
            _ => fds.take_tcp_listener(index).ok().flatten().map(OwnedFd::from),
        })
        .collect()
}

/// Asks systemd to keep the sockets; says whether there is one.
fn keep(sockets: &[BorrowedFd<'_>]) -> bool {
    // Whether the unit lets it keep any is not told (before systemd 254); ours does.
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return false;
    }
    let states = [NotifyState::FdStore, NotifyState::FdName(NAME)];
    match sd_notify::notify_with_fds(&states, sockets) {
        Ok(()) => true,
        Err(error) => {
            debug!(%error, "systemd does not keep the sockets");
            false
        }
    }
}

/// Asks systemd to let go of what it keeps.
fn forget() {
    let states = [NotifyState::FdStoreRemove, NotifyState::FdName(NAME)];
    crate::watchdog::notify(&states);
}
