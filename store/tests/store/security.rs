//! TLS, users and passwords, against a real etcd: what works, and what the errors say where it does not.

use std::fs;
use std::path::Path;
use std::time::Duration;

use pontoon_store::{Error, EtcdConfig, EtcdStore, Store};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::etcd_server::EtcdServer;

/// Writes `<name>.pem` of a new authority, and of certificates that it signs with their keys.
fn make_authority(folder: &Path, name: &str, signs: &[(&str, &[&str])]) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(folder.join(format!("{name}.pem")), authority.pem()).unwrap();
    for (subject, names) in signs {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, *subject);
        let certificate = params.signed_by(&key, &authority).unwrap();
        fs::write(folder.join(format!("{subject}.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{subject}.key")), key.serialize_pem()).unwrap();
    }
}

async fn start_tls(names: &'static [&'static str], client_certs: bool) -> Option<EtcdServer> {
    EtcdServer::start_with("https", |folder| {
        make_authority(folder, "ca", &[("server", names), ("client", &[])]);
        make_authority(folder, "stranger", &[("impostor", &[])]);
        let file = |name: &str| folder.join(name).display().to_string();
        let mut flags = vec![
            "--cert-file".to_owned(),
            file("server.pem"),
            "--key-file".to_owned(),
            file("server.key"),
        ];
        if client_certs {
            flags.extend([
                "--client-cert-auth".to_owned(),
                "--trusted-ca-file".to_owned(),
                file("ca.pem"),
            ]);
        }
        flags
    })
    .await
}

fn tls_config(server: &EtcdServer, ca: &str, client: Option<&str>) -> EtcdConfig {
    let file = |name: String| Some(server.folder().join(name));
    EtcdConfig {
        ca: file(format!("{ca}.pem")),
        cert: client.and_then(|client| file(format!("{client}.pem"))),
        key: client.and_then(|client| file(format!("{client}.key"))),
        ..server.config()
    }
}

/// The error of the first call, which must be retryable, name the endpoint, and hint at what it should.
async fn refusal(config: EtcdConfig, hint: &str) {
    let endpoint = config.endpoints[0].clone();
    let error = EtcdStore::new(config).unwrap().get("a").await.unwrap_err();
    eprintln!("{error}");
    let Error::Unavailable(fault) = &error else { panic!("{error:?}") };
    assert_eq!(fault.target, endpoint);
    assert!(fault.hint.as_deref().is_some_and(|found| found.contains(hint)), "{error}");
}

/// etcd runs on this machine.
async fn clock_agrees(store: &EtcdStore) {
    let (there, here) = store.examine().await.clock.expect("etcd tells the time");
    let apart = here.duration_since(there).unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(3), "{apart:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_client_certificates() {
    let Some(server) = start_tls(&["127.0.0.1", "localhost"], true).await else { return };
    let store = EtcdStore::new(tls_config(&server, "ca", Some("client"))).unwrap();
    let revision = store.put("a", b"1".to_vec(), None).await.unwrap();
    let mut watch = store.watch("", revision).await.unwrap();
    assert_eq!(crate::subject::next(&mut watch).await.revision, revision);
    clock_agrees(&store).await;
    refusal(tls_config(&server, "stranger", Some("client")), "set ca").await;
    refusal(tls_config(&server, "ca", None), "client certificate").await;
    refusal(tls_config(&server, "ca", Some("impostor")), "client certificate").await;
    let plain = vec![server.endpoint().replace("https", "http")];
    refusal(EtcdConfig { endpoints: plain, ..server.config() }, "https").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_to_a_certificate_of_another_name() {
    let Some(server) = start_tls(&["etcd.example"], false).await else { return };
    refusal(tls_config(&server, "ca", None), "server-name").await;
    let server_name = Some("etcd.example".to_owned());
    let store =
        EtcdStore::new(EtcdConfig { server_name, ..tls_config(&server, "ca", None) }).unwrap();
    store.put("a", b"1".to_vec(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_to_an_etcd_that_has_none() {
    let Some(server) = EtcdServer::start().await else { return };
    make_authority(server.folder(), "ca", &[]);
    let endpoints = vec![server.endpoint().replace("http", "https")];
    refusal(EtcdConfig { endpoints, ..tls_config(&server, "ca", None) }, "http").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens_and_nobody_answers() {
    let Some(server) = EtcdServer::start().await else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    refusal(
        EtcdConfig { endpoints: vec![silent], ..server.config() },
        "overloaded, stopped or cut off",
    )
    .await;
    drop(listener);
    refusal(
        EtcdConfig { endpoints: vec!["http://127.0.0.1:1".to_owned()], ..server.config() },
        "is etcd running",
    )
    .await;
    let unknown = vec!["http://etcd.invalid:2379".to_owned()];
    refusal(EtcdConfig { endpoints: unknown, ..server.config() }, "does not resolve").await;
}

async fn start_with_users(ttl_secs: u32) -> Option<EtcdServer> {
    let flags = |_: &Path| {
        vec![
            "--auth-token-ttl".to_owned(),
            ttl_secs.to_string(),
            "--bcrypt-cost".to_owned(),
            "4".to_owned(),
        ]
    };
    let server = EtcdServer::start_with("http", flags).await?;
    server.ctl(&["user", "add", "root:secret"]);
    server.ctl(&["user", "grant-role", "root", "root"]);
    server.ctl(&["role", "add", "pontoon"]);
    server.ctl(&[
        "role",
        "grant-permission",
        "pontoon",
        "--prefix=true",
        "readwrite",
        "/pontoon-test/v1/",
    ]);
    server.ctl(&["user", "add", "pontoon:sesame"]);
    server.ctl(&["user", "grant-role", "pontoon", "pontoon"]);
    server.ctl(&["user", "add", "guest:guest"]);
    server.ctl(&["auth", "enable"]);
    Some(server)
}

fn login(server: &EtcdServer, username: &str, password: &str) -> EtcdStore {
    let (username, password) = (Some(username.to_owned()), Some(password.to_owned()));
    EtcdStore::new(EtcdConfig { username, password, ..server.config() }).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_and_password() {
    let Some(server) = start_with_users(300).await else { return };
    let store = login(&server, "pontoon", "sesame");
    store.put("a", b"1".to_vec(), None).await.unwrap();
    assert!(store.get("a").await.unwrap().is_some());
    assert_eq!(store.list("", None).await.unwrap().items.len(), 1);
    for wrong in
        [login(&server, "pontoon", "open"), login(&server, "nobody", "sesame"), server.store()]
    {
        let error = wrong.get("a").await.unwrap_err();
        eprintln!("{error}");
        assert!(matches!(error, Error::Unauthenticated(_)), "{error:?}");
        assert!(!error.is_retryable());
    }
    let error = login(&server, "guest", "guest").put("a", b"2".to_vec(), None).await.unwrap_err();
    eprintln!("{error}");
    assert!(matches!(error, Error::PermissionDenied(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_that_ran_out_is_renewed() {
    let Some(server) = start_with_users(2).await else { return };
    let store = login(&server, "pontoon", "sesame");
    let lease = store.grant(Duration::from_secs(60)).await.unwrap().id;
    let rest = || tokio::time::sleep(Duration::from_millis(3500));
    let revision = store.put("a", b"1".to_vec(), Some(lease)).await.unwrap();
    rest().await;
    let mut watch = store.watch("", revision).await.unwrap();
    assert!(!crate::subject::next(&mut watch).await.events.is_empty());
    rest().await;
    store.keep_alive(lease).await.unwrap();
    rest().await;
    let reads = (0..32).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.get("a").await.unwrap() })
    });
    for read in reads.collect::<Vec<_>>() {
        assert!(read.await.unwrap().is_some());
    }
    rest().await;
    let last = store.put("b", b"1".to_vec(), None).await.unwrap();
    crate::subject::events_until(&mut watch, last).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_from_before_a_change_of_users_is_renewed() {
    let Some(server) = start_with_users(300).await else { return };
    let store = login(&server, "pontoon", "sesame");
    store.put("a", b"1".to_vec(), None).await.unwrap();
    server.ctl(&["--user", "root:secret", "user", "add", "another:one"]);
    store.put("a", b"2".to_vec(), None).await.unwrap();
    server.ctl(&["--user", "root:secret", "user", "add", "yet-another:one"]);
    let now = store.list("", None).await.unwrap().revision;
    store.watch("", now.next()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_is_made_again_after_a_restart() {
    let Some(mut server) = start_with_users(300).await else { return };
    let store = login(&server, "pontoon", "sesame");
    store.put("a", b"1".to_vec(), None).await.unwrap();
    server.crash();
    server.resume().await;
    store.put("a", b"2".to_vec(), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authentication_may_be_turned_on_and_off_under_way() {
    let Some(server) = start_with_users(300).await else { return };
    server.ctl(&["--user", "root:secret", "auth", "disable"]);
    let store = login(&server, "pontoon", "sesame");
    store.put("a", b"1".to_vec(), None).await.unwrap();
    server.ctl(&["auth", "enable"]);
    let mut attempts = 0;
    while let Err(error) = store.put("a", b"2".to_vec(), None).await {
        assert!(attempts < 2, "{error}");
        attempts += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quota_that_is_used_up_is_said_and_reads_go_on() {
    let flags = |_: &Path| vec!["--quota-backend-bytes".to_owned(), (4 << 20).to_string()];
    let Some(server) = EtcdServer::start_with("http", flags).await else { return };
    let store = server.store();
    let mut error = None;
    for i in 0..20 {
        if let Err(found) = store.put(&format!("k{i}"), vec![b'x'; 1 << 20], None).await {
            error = Some(found);
            break;
        }
    }
    let error = error.expect("4 MiB are used up by 20 values of 1 MiB");
    eprintln!("{error}");
    assert!(matches!(error, Error::Full(_)), "{error:?}");
    assert!(store.get("k0").await.unwrap().is_some());
    assert!(store.health().await.unwrap().alarms.iter().any(|alarm| alarm.contains("NOSPACE")));
}
