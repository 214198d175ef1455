//! One question over UDP.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use prometheus_client::metrics::counter::Counter;
use tokio::net::UdpSocket;

use super::Failure;
use super::request::Request;

/// The longest datagram that is read: more than is asked for, since some send it nevertheless.
const LONGEST: usize = 4096;

/// Asks, from a port that the kernel picks at random, with a random number. Only the upstream's own
/// datagrams are seen, and what does not fit the question is passed over: an answer must be guessed
/// in all of these to be forged.
pub(super) async fn exchange(
    to: SocketAddr,
    request: &Request,
    strays: &Counter,
) -> Result<Vec<u8>, Failure> {
    let socket = bind(to).await.map_err(Failure::host)?;
    let id = rand::random();
    let exchange = async {
        socket.connect(to).await?;
        socket.send(&request.numbered(id)).await?;
        let mut buffer = vec![0; LONGEST];
        loop {
            let length = socket.recv(&mut buffer).await?;
            if let Some(answer) = request.answer_in(&buffer[..length], id) {
                return Ok(answer);
            }
            strays.inc();
        }
    };
    exchange.await.map_err(Failure::network)
}

async fn bind(to: SocketAddr) -> io::Result<UdpSocket> {
    match to {
        SocketAddr::V4(_) => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await,
        SocketAddr::V6(_) => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await,
    }
}
