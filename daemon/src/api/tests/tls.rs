//! Over TCP: who has the right certificate is served, and nobody else.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate and its key.
fn issue(authority: &Authority, name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// A client's way in.
struct Badge {
    roots: RootCertStore,
    own: Option<(String, String)>,
}

impl Badge {
    fn new(server: &Authority, own: Option<(String, String)>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(server.der().clone()).unwrap();
        Self { roots, own }
    }

    async fn ask(&self, port: u16, path: &str) -> Result<Answer, String> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let config = match &self.own {
            None => config.with_no_client_auth(),
            Some((cert, key)) => {
                let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(vec![cert], key).unwrap()
            }
        };
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| e.to_string())?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        let method = if path.ends_with("cordon") { Method::POST } else { Method::GET };
        let request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
        let response = exchange(stream, request).await;
        let response = response
            .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
        Ok(Answer::read(response).await)
    }
}

fn write(folder: &Path, server: &(String, String), clients: &Authority) {
    std::fs::write(folder.join("cert.pem"), &server.0).unwrap();
    std::fs::write(folder.join("key.pem"), &server.1).unwrap();
    std::fs::write(folder.join("clients.pem"), clients.pem()).unwrap();
}

async fn stage(files: &Path) -> (Stage, u16) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let settings = ApiSettings {
        group: None,
        listen: format!("127.0.0.1:{port}").try_into().unwrap(),
        cert: Some(files.join("cert.pem")),
        key: Some(files.join("key.pem")),
        client_ca: Some(files.join("clients.pem")),
    };
    (Stage::with(settings).await, port)
}

async fn eventually(what: &str, mut attempt: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if attempt().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}");
}

#[tokio::test]
async fn only_clients_of_the_authority_are_served() {
    let files = tempfile::tempdir().unwrap();
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    write(files.path(), &issue(&ours, "server"), &ours);
    let (stage, port) = stage(files.path()).await;
    stage.host("a", 1).await;
    let friend = Badge::new(&ours, Some(issue(&ours, "ops-laptop")));
    eventually("it is not served", async || friend.ask(port, "/v1/status").await.is_ok()).await;
    friend.ask(port, "/v1/nodes/a/cordon").await.unwrap();
    let node = stage.get("/v1/nodes/a").await.body;
    assert_eq!(node["spec"]["cordon"]["by"], "certificate ops-laptop");

    for stranger in [Badge::new(&ours, None), Badge::new(&ours, Some(issue(&theirs, "x")))] {
        let said = stranger.ask(port, "/v1/status").await.unwrap_err();
        assert!(said.to_lowercase().contains("alert") || said.contains("ertificate"), "{said}");
    }
    let suspicious = Badge::new(&theirs, Some(issue(&ours, "x")));
    assert!(
        suspicious.ask(port, "/v1/status").await.is_err(),
        "the server must show a certificate too"
    );
    assert!(friend.ask(port, "/v1/status").await.is_ok());
}

#[tokio::test]
async fn certificates_are_read_anew_and_broken_ones_are_not_used() {
    let files = tempfile::tempdir().unwrap();
    let (old, new) = (authority("old"), authority("new"));
    write(files.path(), &issue(&old, "server"), &old);
    let (stage, port) = stage(files.path()).await;
    let before = Badge::new(&old, Some(issue(&old, "client")));
    let after = Badge::new(&new, Some(issue(&new, "client")));
    eventually("it is not served", async || before.ask(port, "/v1/status").await.is_ok()).await;

    let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=";
    let broken = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
    std::fs::write(files.path().join("key.pem"), broken).unwrap();
    let told = || stage.problems.borrow().join("\n");
    eventually("the broken key is not told", async || told().contains("key.pem")).await;
    assert!(!told().contains("c2Vj"), "a secret is told: {}", told());
    assert!(before.ask(port, "/v1/status").await.is_ok(), "what was read before is in force");

    write(files.path(), &issue(&new, "server"), &new);
    eventually("the new ones are not read", async || after.ask(port, "/v1/status").await.is_ok())
        .await;
    assert_eq!(told(), "");
    assert!(before.ask(port, "/v1/status").await.is_err());
}
