//! Who may ask, how often, and over what: from pods, nodes and beyond the cluster.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_lab::probe::dns::{
    Answer, NameServer, Over, Question, RecordType, ResponseCode, Silence, ask, framed,
    read_framed, transfer, written,
};
use pontoon_lab::{Host, Lab, Netns, Pod};
use pontoon_tests::cluster::{SOON, eventually, skipped};
use pontoon_tests::naming::{asked, leads_to, of_service, servers};
use pontoon_tests::services::documents::selecting;
use pontoon_tests::services::objects::{apply, cluster_ips};
use pontoon_tests::services::stage::{Position, Stage};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const WEB: &str = "web.default.svc.cluster.local";
const PATIENCE: Duration = Duration::from_secs(3);

/// Where nodes answer for whoever is not of the cluster.
fn outer(lab: &Lab, number: usize) -> SocketAddr {
    SocketAddr::new(lab.host(number).addresses()[0], 53)
}

/// A cluster with a service.
fn with_web(configure: impl FnOnce(&Lab) -> Result<()>) -> Result<Stage> {
    let stage = Stage::configured(Lab::builder(), configure)?;
    apply(stage.host(1), &[selecting("web", "web", 80, 8080)])?;
    let ips = cluster_ips(stage.host(1), "web")?;
    for position in [Position::PodNear, Position::PodFar, Position::NodeFar] {
        eventually(SOON, || leads_to(stage.netns(position), &of_service("web"), &ips))?;
    }
    Ok(stage)
}

/// What somebody gets who asks for the service.
fn code(from: &Netns, at: SocketAddr, over: Over) -> Result<ResponseCode> {
    let answer = ask(from, at, over, &Question::new(WEB, RecordType::A), PATIENCE);
    let answer = answer.map_err(|silence| anyhow::anyhow!("{at} {over:?}: {silence:?}"))?;
    ensure!(answer.addresses().is_empty() == (answer.code() != ResponseCode::NoError));
    Ok(answer.code())
}

#[test]
fn pods_and_the_node_itself_may_ask_and_others_are_refused_until_they_are_let_in() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = with_web(|lab| {
        let outside = lab.outside().addresses()[0];
        for number in [1, 2, 3] {
            lab.host(number).configure("dns.listen", [outer(lab, number).to_string()])?;
        }
        lab.host(2).configure("dns.allow", [format!("{outside}/32")])?;
        // Who keeps a copy is nobody who may ask otherwise.
        lab.host(3).configure("dns.transfer-to", [format!("{outside}/32")])
    })?;
    let [closed, open, copied] = [1, 2, 3].map(|number| outer(&stage.lab, number));
    let (outside, pod) = (stage.netns(Position::Outside), stage.netns(Position::PodNear));
    for over in [Over::Udp, Over::Tcp] {
        for (from, at, expected) in [
            (outside, closed, ResponseCode::Refused),
            (outside, open, ResponseCode::NoError),
            (outside, copied, ResponseCode::Refused),
            (stage.netns(Position::NodeFar), open, ResponseCode::Refused),
            (stage.netns(Position::NodeNear), closed, ResponseCode::NoError),
            (pod, closed, ResponseCode::NoError),
            (pod, servers()[0], ResponseCode::NoError),
        ] {
            let found = code(from, at, over)?;
            ensure!(found == expected, "{at} over {over:?}: {found} in place of {expected}");
        }
        // The cluster's own address, led to a node from beyond.
        let found = code(outside, servers()[0], over)?;
        ensure!(found == ResponseCode::Refused, "the cluster's address over {over:?}: {found}");
    }

    // The whole zone is for whom it was promised to.
    let zone = transfer(outside, copied, "cluster.local", PATIENCE)?;
    let zone: Vec<String> = zone.iter().map(written).collect();
    for ip in cluster_ips(stage.host(1), "web")? {
        ensure!(zone.iter().any(|line| line.starts_with(WEB) && line.ends_with(&ip.to_string())));
    }
    ensure!(zone[0].contains(" SOA ") && zone.first() == zone.last(), "{zone:#?}");
    // Whether there is a newer one, it has to know too; all else it may ask of others.
    for (name, rtype, expected) in [
        ("cluster.local", RecordType::SOA, ResponseCode::NoError),
        ("cluster.local", RecordType::NS, ResponseCode::Refused),
        ("www.example.test", RecordType::SOA, ResponseCode::Refused),
        ("www.example.test", RecordType::A, ResponseCode::Refused),
    ] {
        let found = ask(outside, copied, Over::Udp, &Question::new(name, rtype), PATIENCE);
        let found = found.map_err(|silence| anyhow::anyhow!("{name} {rtype}: {silence:?}"))?;
        ensure!(found.code() == expected, "{name} {rtype}: {}", found.message);
    }
    for (from, at) in [(outside, closed), (outside, open), (pod, servers()[0])] {
        let refused = transfer(from, at, "cluster.local", PATIENCE);
        let said = format!("{:#}", refused.err().context("a transfer to anybody")?);
        ensure!(said.contains("was refused"), "{said}");
    }
    Ok(())
}

#[test]
fn who_asks_more_than_the_limit_is_not_answered_for_a_while_and_others_are() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    const LIMIT: usize = 100;
    let stage = with_web(|lab| lab.host(1).configure("dns.rate-limit", LIMIT))?;
    let (pod, other) = (stage.netns(Position::PodNear), stage.pod("web-1").netns());
    let began = Instant::now();
    let answered = pod.run(|| -> Result<usize> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(servers()[0])?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        for _ in 0..10 * LIMIT {
            socket.send(&Question::new(WEB, RecordType::A).packet()?.1)?;
        }
        Ok(std::iter::from_fn(|| socket.recv(&mut [0; 512]).ok()).count())
    })??;
    let most = LIMIT * (2 + usize::try_from(began.elapsed().as_secs())?);
    ensure!((LIMIT / 2..=most).contains(&answered), "{answered} of {} were answered", 10 * LIMIT);
    ensure!(asked(other, WEB, RecordType::A)?.addresses().len() == 1, "another pod");
    eventually(SOON, || {
        let question = Question::new(WEB, RecordType::A);
        let answer = ask(pod, servers()[0], Over::Udp, &question, Duration::from_millis(200));
        answer.map(drop).map_err(|silence: Silence| anyhow::anyhow!("{silence:?}"))
    })
}

#[test]
fn questions_in_a_row_share_a_connection_and_none_waits_for_another() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = with_web(|_| Ok(()))?;
    let known = [("www.example.test", "192.0.2.80")];
    let _upstream = NameServer::start(stage.lab.outside().netns(), &known)?;
    for position in [Position::PodFar, Position::NodeFar] {
        for server in servers() {
            let answers = stage.netns(position).run(|| -> Result<BTreeSet<u16>> {
                let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut all = Vec::new();
                let mut ids = BTreeSet::new();
                for name in
                    [WEB, "www.example.test", "nowhere.cluster.local"].iter().cycle().take(60)
                {
                    let (id, packet) = Question::new(name, RecordType::A).packet()?;
                    ids.insert(id);
                    all.extend(framed(&packet));
                }
                // In two pieces, the second of which begins inside a message.
                let (first, second) = all.split_at(all.len() / 2 + 1);
                stream.write_all(first)?;
                stream.write_all(second)?;
                for _ in 0..60 {
                    let answer = Answer::read(&read_framed(&mut stream)?, Duration::ZERO)?;
                    let is_good = answer.addresses().len() == 1 || answer.is_denial();
                    ensure!(is_good && ids.remove(&answer.message.metadata.id), "{answer:?}");
                }
                Ok(ids)
            })??;
            ensure!(answers.is_empty(), "{answers:?} were not answered");
        }
    }
    Ok(())
}

/// The certificate of the cluster's DNS addresses, and its key.
fn certificate(folder: &Path) -> Result<()> {
    let names: Vec<String> = servers().iter().map(|server| server.ip().to_string()).collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    fs::write(folder.join("dns.pem"), made.cert.pem())?;
    fs::write(folder.join("dns.key"), made.signing_key.serialize_pem())?;
    Ok(())
}

/// Has a node answer over TLS and HTTPS, with that certificate.
fn encrypt(host: &Host) -> Result<()> {
    for (key, file) in [("dns.tls.cert", "dns.pem"), ("dns.tls.key", "dns.key")] {
        host.configure(key, host.path().join(file))?;
    }
    host.configure("dns.https.listen", Vec::<String>::new())
}

/// Asks over TLS (RFC 7858), trusting that certificate alone.
fn over_tls(pod: &Pod, trusted: &Path, server: SocketAddr, name: &str) -> Result<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let session = ClientConnection::new(Arc::new(config), ServerName::from(server.ip()))?;
    pod.netns().run(|| {
        let at = SocketAddr::new(server.ip(), 853);
        let stream = TcpStream::connect_timeout(&at, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(session, stream);
        stream.write_all(&framed(&Question::new(name, RecordType::A).packet()?.1))?;
        stream.flush()?;
        Answer::read(&read_framed(&mut stream)?, Duration::ZERO)
    })?
}

/// Asks over HTTPS (RFC 8484) by curl, trusting that certificate alone.
fn over_https(pod: &Pod, trusted: &Path, server: SocketAddr, name: &str) -> Result<Answer> {
    let folder = pod.host().path();
    let [question, answer] = ["question", "answer"].map(|file| folder.join(file));
    fs::write(&question, Question::new(name, RecordType::A).packet()?.1)?;
    let (body, trusted) = (format!("@{}", question.display()), trusted.display().to_string());
    let url = format!("https://{}/dns-query", SocketAddr::new(server.ip(), 443));
    let kind = "content-type: application/dns-message";
    let to = answer.display().to_string();
    let rest =
        ["--cacert", &trusted, "--header", kind, "--data-binary", &body, "--output", &to, &url];
    pod.exec(
        &[&["curl", "--silent", "--show-error", "--fail", "--noproxy", "*"], &rest[..]].concat(),
    )?;
    Answer::read(&fs::read(&answer)?, Duration::ZERO)
}

/// Asks over both at all addresses of the cluster.
fn over_both(pod: &Pod, ips: &[IpAddr]) -> Result<()> {
    let trusted = pod.host().path().join("dns.pem");
    for server in servers() {
        let over_tls = over_tls(pod, &trusted, server, WEB).context("over TLS")?;
        let over_https = over_https(pod, &trusted, server, WEB).context("over HTTPS")?;
        for answer in [over_tls, over_https] {
            ensure!(answer.addresses() == ips[..1], "{}", answer.message);
        }
    }
    Ok(())
}

#[test]
fn pods_ask_over_tls_and_https_at_the_clusters_addresses() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = with_web(|lab| {
        let host = lab.host(2);
        certificate(host.path())?;
        encrypt(host)
    })?;
    let ips = cluster_ips(stage.host(1), "web")?;
    over_both(stage.pod("web-2"), &ips)
}

#[test]
fn without_a_certificate_there_is_plain_dns_and_the_rest_once_it_is_there() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    // It is seen that pods have names.
    let stage = with_web(|lab| encrypt(lab.host(2)))?;
    let (host, pod) = (stage.host(2), stage.pod("web-2"));
    let told = |whose: &str| -> Result<Vec<String>> {
        let all = host.status()?.problems.into_iter();
        Ok(all.filter(|problem| problem.starts_with(whose)).collect())
    };
    for whose in ["DNS over TLS: ", "DNS over HTTPS: "] {
        eventually(SOON, || {
            let told = told(whose)?;
            ensure!(matches!(&told[..], [one] if one.contains("dns.pem")), "{told:?}");
            Ok(())
        })?;
    }
    ensure!(told("DNS: ")?.is_empty(), "{:?}", told("DNS: ")?);
    certificate(host.path())?;
    let ips = cluster_ips(stage.host(1), "web")?;
    eventually(SOON, || over_both(pod, &ips))?;
    ensure!(told("DNS")?.is_empty(), "{:?}", told("DNS")?);
    leads_to(pod.netns(), &of_service("web"), &ips)
}

#[test]
fn a_node_that_listens_everywhere_answers_itself_and_is_not_its_own_upstream() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let stage = with_web(|lab| {
        let (host, own) = (lab.host(1), outer(lab, 1).ip());
        host.configure("dns.listen", ["0.0.0.0:53", "[::]:53"])?;
        let upstream = lab.outside().addresses()[0];
        host.set_resolv_conf(&format!("nameserver {own}\nnameserver {upstream}\n"))
    })?;
    let names: Vec<String> = (0..8).map(|number| format!("www-{number}.example.test")).collect();
    let known: Vec<_> = names.iter().map(|name| (name.as_str(), "192.0.2.80")).collect();
    let _upstream = NameServer::start(stage.lab.outside().netns(), &known)?;
    let (node, own) = (stage.netns(Position::NodeNear), outer(&stage.lab, 1));
    for over in [Over::Udp, Over::Tcp] {
        let found = code(node, own, over)?;
        ensure!(found == ResponseCode::NoError, "{over:?}: {found}");
        let found = code(stage.netns(Position::Outside), own, over)?;
        ensure!(found == ResponseCode::Refused, "a stranger over {over:?}: {found}");
    }
    for name in &names {
        let began = Instant::now();
        let answer = asked(stage.netns(Position::PodNear), name, RecordType::A)?;
        ensure!(answer.addresses().len() == 1, "{}", answer.message);
        // It would wait for itself, until it asks the other.
        ensure!(began.elapsed() < Duration::from_secs(1), "{name}: {:?}", began.elapsed());
    }
    Ok(())
}
