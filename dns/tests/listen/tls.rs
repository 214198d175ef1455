//! Connections of TLS (RFC 7858), and their certificates.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pontoon_dns::listen::stream::limits::Limits;
use pontoon_dns::listen::stream::{Listener, Protocol};
use pontoon_dns::listen::tls::Certificate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::toy::{answered, question, reception, sockets};

const PATIENCE: Duration = Duration::from_secs(5);

/// A folder with a certificate for `localhost` and its key.
pub(crate) struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new() -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.renew();
        files
    }

    fn chain(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// Puts another certificate in the place of the one before.
    fn renew(&self) {
        let fresh = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        for (path, text) in
            [(self.chain(), fresh.cert.pem()), (self.key(), fresh.signing_key.serialize_pem())]
        {
            let new = path.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, path).unwrap();
        }
    }

    pub(crate) fn load(&self) -> Arc<Certificate> {
        Certificate::load(&self.chain(), &self.key()).unwrap()
    }

    /// Connects, trusting nothing but the certificate that is there now.
    pub(crate) async fn connect(
        &self,
        server: SocketAddr,
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(PemObject::from_pem_file(self.chain()).unwrap()).unwrap();
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(server).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

fn start(files: &Files, limits: Limits) -> (Listener, SocketAddr) {
    let (sockets, address) = sockets("127.0.0.1:0");
    let protocol = Protocol::Tls(files.load());
    (Listener::start(&reception(), sockets.tcp, &protocol, limits).unwrap(), address)
}

async fn ask(stream: &mut TlsStream<TcpStream>, id: u16, name: &str) {
    let message = question(id, name);
    stream.write_u16(message.len().try_into().unwrap()).await.unwrap();
    stream.write_all(&message).await.unwrap();
    stream.flush().await.unwrap();
}

async fn hear(stream: &mut TlsStream<TcpStream>) -> Option<(u16, u8)> {
    let length = stream.read_u16().await.ok()?;
    let mut message = vec![0; length.into()];
    stream.read_exact(&mut message).await.unwrap();
    Some(answered(&message))
}

#[tokio::test]
async fn rfc7858_3_questions_are_asked_inside_tls() {
    let files = Files::new();
    let (listener, server) = start(&files, Limits::default());
    let mut stream = files.connect(server, "dot").await.unwrap();
    ask(&mut stream, 1, "late-50.x").await;
    ask(&mut stream, 2, "web.x").await;
    assert_eq!(hear(&mut stream).await, Some((2, 0)));
    assert_eq!(hear(&mut stream).await, Some((1, 0)));
    listener.stop(PATIENCE).await;
    // The end is said, not just reached: nobody has cut the connection.
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn who_does_not_speak_tls_is_closed_and_harms_nobody() {
    let files = Files::new();
    let limits = Limits { idle: Duration::from_millis(200), ..Limits::default() };
    let (listener, server) = start(&files, limits);
    let mut silent = TcpStream::connect(server).await.unwrap();
    let mut plain = TcpStream::connect(server).await.unwrap();
    plain.write_all(&question(1, "web.x")).await.unwrap();
    // An alert, and the end.
    let mut rest = Vec::new();
    let _ = plain.read_to_end(&mut rest).await;
    assert!(matches!(silent.read(&mut [0]).await, Ok(0) | Err(_)));
    let mut stream = files.connect(server, "dot").await.unwrap();
    ask(&mut stream, 1, "web.x").await;
    assert_eq!(hear(&mut stream).await, Some((1, 0)));
    listener.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_certificate_that_changed_is_used_and_one_that_is_broken_is_not() {
    let files = Files::new();
    let (listener, server) = start(&files, Limits::default());
    let mut before = files.connect(server, "dot").await.unwrap();
    // Files are looked at once a second.
    let look = Duration::from_millis(1100);

    let old = [fs::read(files.chain()).unwrap(), fs::read(files.key()).unwrap()];
    files.renew();
    sleep(look).await;
    files.connect(server, "dot").await.expect("the new certificate is not used");
    ask(&mut before, 1, "web.x").await;
    assert_eq!(hear(&mut before).await, Some((1, 0)), "a connection from before has broken");

    // The key of another certificate.
    let key = fs::read(files.key()).unwrap();
    fs::write(files.key(), &old[1]).unwrap();
    sleep(look).await;
    files.connect(server, "dot").await.expect("what cannot be used is used");
    fs::write(files.key(), key).unwrap();

    fs::remove_file(files.key()).unwrap();
    sleep(look).await;
    files.connect(server, "dot").await.expect("what is gone is missed");

    fs::write(files.key(), &old[1]).unwrap();
    fs::write(files.chain(), &old[0]).unwrap();
    sleep(look).await;
    files.connect(server, "dot").await.expect("the mended certificate is not used");
    listener.stop(PATIENCE).await;
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Files::new();
    let missing = PathBuf::from("/nonexistent/tls.crt");
    let error = Certificate::load(&missing, &files.key()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/tls.crt"), "{error}");
    let error = Certificate::load(&files.chain(), &files.chain()).unwrap_err().to_string();
    assert!(error.contains("private key") && error.contains("tls.crt"), "{error}");
    let error = Certificate::load(&files.key(), &files.key()).unwrap_err().to_string();
    assert!(error.contains("certificates") && error.contains("tls.key"), "{error}");
    let other = Files::new();
    let error = Certificate::load(&files.chain(), &other.key()).unwrap_err().to_string();
    assert!(error.contains("was only one of them renewed"), "{error}");
}

#[test]
fn what_is_wrong_with_a_file_is_said_without_what_is_in_it() {
    let files = Files::new();
    let pem = fs::read_to_string(files.key()).unwrap();
    // As editors and secret stores break it: all in one line, without its end, with a sign too much.
    let secret: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let broken = [
        pem.replace('\n', ""),
        pem.replace('\n', " "),
        pem.replace("-----END", ""),
        pem.replace(&secret[8..12], "!?!?"),
    ];
    for text in broken {
        let both = fs::read_to_string(files.chain()).unwrap() + &text;
        for (chain, key) in [(None, Some(&text)), (Some(&both), None), (Some(&text), None)] {
            files.renew();
            for (path, text) in [(files.chain(), chain), (files.key(), key)] {
                if let Some(text) = text {
                    fs::write(path, text).unwrap();
                }
            }
            let Err(error) = Certificate::load(&files.chain(), &files.key()) else { continue };
            for said in [error.to_string(), format!("{error:?}")] {
                is_silent_of(&said, &text);
            }
        }
    }
}

/// No part of a secret is said, neither as text nor as its bytes in decimals.
fn is_silent_of(said: &str, secret: &str) {
    for part in secret.as_bytes().windows(8).step_by(4) {
        let numbers: Vec<String> = part.iter().map(u8::to_string).collect();
        let text = String::from_utf8_lossy(part);
        let is_marker = text.contains("---") || text.contains("PRIVATE") || text.contains("KEY");
        assert!(is_marker || !said.contains(&*text), "{text:?} is in {said}");
        assert!(!said.contains(&numbers.join(", ")), "{text:?} is in {said}");
    }
}
