//! What a node checks of itself, since nobody else can: its DNS answers at an address that every node
//! has, and its table translates where packets begin.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use pontoon_dns::wire::name::Name;
use pontoon_model::mesh::PORT;
use tokio::net::UdpSocket;

use super::wire::Probe;

/// `TXT` and `IN`.
const TXT_IN: [u8; 4] = [0, 16, 0, 1];
/// A query with one question (RFC 1035, section 4.1.1), but for its number.
const HEAD: [u8; 10] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// Asks the DNS at an address for `dns-version` of the cluster's domain, which every cluster has.
///
/// # Errors
/// When there is no good answer in time.
pub async fn ask_dns(server: SocketAddr, domain: &str, patience: Duration) -> Result<Duration, ()> {
    let name = Name::parse(&format!("dns-version.{domain}")).map_err(drop)?;
    let number: [u8; 2] = rand::random();
    let question = [&number[..], &HEAD, name.wire(), &TXT_IN].concat();
    let from = SocketAddr::new(unspecified(server.ip()), 0);
    exchange(from, server, &question, patience, |answer| is_good(answer, number)).await
}

/// Whether it is an answer to that number (QR), without an error, with something in it.
fn is_good(answer: &[u8], number: [u8; 2]) -> bool {
    let Some(head) = answer.first_chunk::<12>() else { return false };
    head[..2] == number && head[2] & 0x80 != 0 && head[3] & 0x0f == 0 && head[6..8] != [0, 0]
}

/// Sends a probe to a virtual address, from one of this node's own; it must come back from there.
///
/// # Errors
/// When it does not, in time.
pub async fn ask_service(from: IpAddr, vip: IpAddr, patience: Duration) -> Result<Duration, ()> {
    let number = rand::random();
    let at = SocketAddr::new(vip, PORT);
    let is_ours = |answer: &[u8]| Probe::read(answer) == Some(Probe::Answered(number));
    exchange(SocketAddr::new(from, 0), at, &Probe::Asked(number).write(), patience, is_ours).await
}

async fn exchange(
    from: SocketAddr,
    to: SocketAddr,
    question: &[u8],
    patience: Duration,
    is_good: impl Fn(&[u8]) -> bool,
) -> Result<Duration, ()> {
    let asked = async {
        let socket = UdpSocket::bind(from).await?;
        socket.connect(to).await?;
        let began = Instant::now();
        socket.send(question).await?;
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).await?;
        let good = is_good(&buffer[..length]);
        Ok::<_, io::Error>(good.then(|| began.elapsed()))
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(Some(took))) => Ok(took),
        _ => Err(()),
    }
}

const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}

/// Of several outcomes of one check the worst counts; `None` when there was nothing to check.
#[must_use]
pub fn worst(outcomes: Vec<Result<Duration, ()>>) -> Option<Result<Duration, ()>> {
    outcomes.into_iter().reduce(|one, other| Ok(one?.max(other?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_counts_when_it_is_to_the_question_and_good() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = server.local_addr().unwrap();
        let answers = async |flags: [u8; 2], answers: u8, other: bool| {
            let ask = ask_dns(at, "cluster.local", Duration::from_secs(2));
            let answer = async {
                let mut buffer = [0; 512];
                let (length, from) = server.recv_from(&mut buffer).await.unwrap();
                buffer[2..4].copy_from_slice(&flags);
                buffer[7] = answers;
                buffer[0] ^= u8::from(other);
                server.send_to(&buffer[..length], from).await.unwrap();
                buffer[12..length].to_vec()
            };
            let (outcome, question) = tokio::join!(ask, answer);
            assert_eq!(question, b"\x0bdns-version\x07cluster\x05local\0\0\x10\0\x01");
            outcome.is_ok()
        };
        assert!(answers([0x84, 0], 1, false).await);
        assert!(!answers([0x84, 3], 0, false).await, "there is no such name");
        assert!(!answers([0x84, 0], 0, false).await, "it is empty");
        assert!(!answers([0x00, 0], 1, false).await, "it is a question");
        assert!(!answers([0x84, 0], 1, true).await, "it is to another question");
    }

    #[test]
    fn the_worst_outcome_counts() {
        let ms = Duration::from_millis;
        assert_eq!(worst(vec![]), None);
        assert_eq!(worst(vec![Ok(ms(2)), Ok(ms(5)), Ok(ms(1))]), Some(Ok(ms(5))));
        assert_eq!(worst(vec![Ok(ms(2)), Err(())]), Some(Err(())));
    }
}
