use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::control::Control;
use super::name::Name;
use super::*;

fn socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

fn outgoing(bytes: &[u8], to: SocketAddr) -> Outgoing<'_> {
    Outgoing { bytes, to, from: None }
}

#[test]
fn addresses_are_read_as_they_were_written() {
    for address in ["10.1.2.3:53", "[fd00::1:2]:5353", "[fe80::1%7]:53", "0.0.0.0:0"] {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(Name::of(address).0.read(), Some(address));
    }
    assert_eq!(Name::NONE.read(), None);
}

#[test]
fn local_addresses_are_read_as_they_were_written() {
    for (address, interface) in [("10.1.2.3", 0), ("fd00::1", 0), ("fe80::1", 9)] {
        let local = Local { address: address.parse().unwrap(), interface };
        let mut control = Control::EMPTY;
        let length = control.write(local);
        assert!(length <= Control::room());
        assert_eq!(control.read(length), Some(local));
        assert_eq!(control.read(length - 8), None);
        assert_eq!(control.read(0), None);
        assert_eq!(control.read(4096), None);
    }
}

#[test]
fn a_batch_arrives_as_it_was_sent() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (here, there) = (socket(address), socket(address));
        let messages: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; usize::from(n)]).collect();
        let to = there.local_addr().unwrap();
        let sent = send(&here, messages.iter().map(|message| outgoing(message, to))).unwrap();
        assert_eq!(sent, BATCH);
        let mut inbox = Inbox::new(64);
        let mut seen = Vec::new();
        while seen.len() < BATCH {
            inbox.receive(&there, Wait::ForFirst).unwrap();
            for datagram in inbox.datagrams() {
                assert_eq!(datagram.from, here.local_addr().unwrap());
                assert_eq!(datagram.to, None);
                seen.push(datagram.bytes.unwrap().to_vec());
            }
        }
        assert_eq!(seen, messages[..BATCH]);
        let nothing = inbox.receive(&there, Wait::No).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
        assert_eq!(inbox.datagrams().len(), 0);
    }
}

#[test]
fn a_datagram_longer_than_the_inbox_is_told_from_one_that_fits() {
    let (here, there) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let to = there.local_addr().unwrap();
    let sent = send(&here, [outgoing(&[1; 65], to), outgoing(&[2; 64], to)]).unwrap();
    assert_eq!(sent, 2);
    let mut inbox = Inbox::new(64);
    let mut lengths = Vec::new();
    while lengths.len() < 2 {
        inbox.receive(&there, Wait::ForFirst).unwrap();
        lengths.extend(inbox.datagrams().map(|datagram| datagram.bytes.map(<[u8]>::len)));
    }
    assert_eq!(lengths, [None, Some(64)]);
}

#[test]
fn what_cannot_leave_stops_those_behind_it_only() {
    let (here, there) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let good = there.local_addr().unwrap();
    let bad = SocketAddr::from((Ipv6Addr::LOCALHOST, 9));
    let batch = [outgoing(b"a", good), outgoing(b"b", bad), outgoing(b"c", good)];
    assert_eq!(send(&here, batch).unwrap(), 1);
    assert!(send(&here, batch[1..].iter().copied()).is_err());
    assert_eq!(send(&here, batch[2..].iter().copied()).unwrap(), 1);
    assert_eq!(send(&here, []).unwrap(), 0);
}

#[test]
fn a_socket_on_all_addresses_answers_from_the_one_that_was_asked() {
    for (all, asked) in [
        ("0.0.0.0:0", Ipv4Addr::new(127, 0, 0, 77).into()),
        ("[::]:0", IpAddr::V6(Ipv6Addr::LOCALHOST)),
        // IPv4 on a socket of both families.
        ("[::]:0", Ipv4Addr::new(127, 0, 0, 78).into()),
    ] {
        let server = socket(all);
        let mut inbox = Inbox::with_local(64, &server).unwrap();
        let asked = SocketAddr::new(asked, server.local_addr().unwrap().port());
        let client = socket(if asked.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" });
        // Twice: the kernel has written into the buffers the first time.
        for _ in 0..2 {
            client.send_to(b"question", asked).unwrap();
            assert_eq!(inbox.receive(&server, Wait::ForFirst).unwrap(), 1);
            let datagram = inbox.datagrams().next().unwrap();
            assert_eq!(datagram.to.unwrap().address.to_canonical(), asked.ip());
            let answer = Outgoing { bytes: b"answer", to: datagram.from, from: datagram.to };
            assert_eq!(send(&server, [answer]).unwrap(), 1);
            let mut buffer = [0; 64];
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((&buffer[..length], from), (&b"answer"[..], asked));
        }
    }
}
