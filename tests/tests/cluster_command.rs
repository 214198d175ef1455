//! A session at the command as somebody types it who comes from kubectl.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::PingLoad;
use pontoon_lab::{Lab, binaries};
use pontoon_tests::cluster::{SOON, cluster, eventually, skipped};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// How a command ended.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn well(self) -> Result<String> {
        ensure!(self.code == Some(0), "{self:?}");
        Ok(self.out)
    }

    fn ended(self, code: i32, part: &str) -> Result<()> {
        ensure!(self.code == Some(code) && self.err.contains(part), "{code}, {part}: {self:?}");
        Ok(())
    }
}

fn command(host: &Host, line: &str) -> Result<Command> {
    let mut command = Command::new(binaries::find("pontoon")?);
    command
        .args(line.split_whitespace())
        .env("PONTOON_SOCKET", host.run_dir().join("api.sock"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Types a line on a host.
fn pontoon(host: &Host, line: &str) -> Result<Said> {
    fed(host, line, "")
}

/// Types a line that reads standard input.
fn fed(host: &Host, line: &str, input: &str) -> Result<Said> {
    let mut child = command(host, line)?.spawn()?;
    child.stdin.take().context("no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

const WEB: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {team: shop}}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
";

fn built() -> Result<Lab> {
    cluster(Lab::builder().hosts(2))
}

#[test]
fn a_session_as_it_is_typed() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (one, two) = (lab.host(1), lab.host(2));
    let unready = "tcp:8080;period=200ms";
    let _ready = one.pod("web-0").label("app", "web").add()?;
    let _waiting =
        two.pod("web-1").label("app", "web").annotation("pontoon.net/readiness", unready).add()?;

    // What is there, by every name of a kind.
    for kind in ["no", "node", "nodes", "Nodes"] {
        let names = pontoon(two, &format!("get {kind} -o name"))?.well()?;
        ensure!(names == "node/host-1\nnode/host-2\n", "{names}");
    }
    eventually(SOON, || {
        let names = pontoon(two, "get po -o name")?.well()?;
        ensure!(names == "pod/web-0\npod/web-1\n", "{names}");
        Ok(())
    })?;
    ensure!(pontoon(one, "get subnets")?.well()?.lines().count() > 2);

    // A change is looked at, made, looked at again, and made no second time.
    let differs = fed(one, "diff -f -", WEB)?;
    ensure!(differs.code == Some(1) && differs.out.contains("+  type: NodePort"), "{differs:?}");
    ensure!(
        !differs.out.contains("clusterIP") && !differs.out.contains("nodePort:"),
        "{differs:?}"
    );
    ensure!(fed(one, "apply --dry-run -f -", WEB)?.well()? == "service/web created (dry run)\n");
    pontoon(one, "get svc web")?.ended(1, "service default/web does not exist")?;
    ensure!(fed(one, "apply -f -", WEB)?.well()? == "service/web created\n");
    ensure!(fed(two, "diff -f -", WEB)?.well()?.is_empty());
    ensure!(fed(two, "apply -f -", WEB)?.well()? == "service/web unchanged\n");
    let changed = WEB.replace("8080", "9090");
    let differs = fed(one, "diff -f -", &changed)?;
    ensure!(
        differs.code == Some(1) && differs.out.contains("+    targetPort: 9090"),
        "{differs:?}"
    );
    ensure!(differs.out.lines().filter(|line| line.starts_with('+')).count() == 2, "{differs:?}");

    // Who answers, and why the other does not.
    let told = eventually(SOON, || {
        let told = pontoon(one, "describe svc/web")?.well()?;
        ensure!(told.contains("its check tcp:8080") && told.contains("pod web-0"), "{told}");
        Ok(told)
    })?;
    ensure!(told.contains("web.default.svc.cluster.local"), "{told}");
    let told = pontoon(two, "describe pod web-1")?.well()?;
    ensure!(told.contains("gets none: its check") && told.contains("ptn"), "{told}");
    let told = pontoon(one, "describe node host-2")?.well()?;
    ensure!(told.contains("web-1") && told.contains("heard of"), "{told}");
    ensure!(pontoon(one, "get ep,svc -A -o wide --show-labels")?.well()?.contains("team=shop"));

    // Marks of pods and nodes, an edit, what moves.
    ensure!(pontoon(two, "annotate po web-1 note=x")?.well()? == "pod/web-1 annotated\n");
    ensure!(pontoon(two, "node cordon host-1 --reason disk")?.well()? == "node/host-1 cordoned\n");
    ensure!(pontoon(one, "get no")?.well()?.contains("Ready,SchedulingDisabled"));
    let told = pontoon(two, "describe node host-1")?.well()?;
    ensure!(told.contains("Cordoned:") && told.contains("disk"), "{told}");
    pontoon(one, "node uncordon host-1")?.well()?;
    pontoon(two, "node remove host-1")?.ended(1, "is alive")?;
    ensure!(pontoon(two, "label po web-0 track=canary")?.well()? == "pod/web-0 labeled\n");
    ensure!(pontoon(one, "get pods -l track=canary,app -o name")?.well()? == "pod/web-0\n");
    let mut edit = command(one, "edit svc web")?;
    edit.env("PONTOON_EDITOR", "sed -i s/targetPort:.8080/targetPort:\\ 9090/");
    let output = edit.output()?;
    ensure!(output.stdout == b"service/web edited\n", "{output:?}");
    ensure!(pontoon(two, "get svc web -o yaml")?.well()?.contains("targetPort: 9090"));
    // Another changes it while it is edited, and nobody's change is lost.
    let script = one.path().join("editor.sh");
    let other = binaries::find("pontoon")?;
    let meanwhile = format!(
        "PONTOON_SOCKET={} {} label svc web meanwhile=yes\nsed -i s/9090/9191/ \"$1\"\n",
        two.run_dir().join("api.sock").display(),
        other.display()
    );
    std::fs::write(&script, meanwhile)?;
    let mut edit = command(one, "edit svc web")?;
    edit.env("PONTOON_EDITOR", format!("sh {}", script.display())).env("TMPDIR", one.path());
    let output = edit.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.code() == Some(1) && said.contains("to the latest version"),
        "{output:?}"
    );
    let now = pontoon(two, "get svc web -o yaml")?.well()?;
    ensure!(now.contains("meanwhile: ") && now.contains("targetPort: 9090"), "{now}");

    // So it is with a manifest that was exported before a change; without a version it is what is to be.
    pontoon(two, "label svc web meanwhile-")?.well()?;
    let exported = now.replace("9090", "9191");
    fed(one, "apply -f -", &exported)?.ended(1, "the object has been modified")?;
    fed(one, "diff -f -", &exported)?.ended(1, "")?;
    let plain: Vec<&str> =
        exported.lines().filter(|line| !line.contains("resourceVersion:")).collect();
    ensure!(fed(one, "apply -f -", &plain.join("\n"))?.well()? == "service/web configured\n");

    // What is chosen by labels.
    for (labels, expected) in [
        ("app!=web", "".to_owned()),
        ("track=canary,!nothing", "pod/web-0\n".to_owned()),
        ("track!=canary", "pod/web-1\n".to_owned()),
        ("track", "pod/web-0\n".to_owned()),
    ] {
        let names = pontoon(one, &format!("get po -o name -l {labels}"))?.well()?;
        ensure!(names == expected, "{labels}: {names}");
    }

    // What is mistyped.
    pontoon(one, "node cordon hots-1")?.ended(1, "did you mean host-1?")?;
    pontoon(one, "node remove hots-1")?.ended(1, "did you mean host-1?")?;
    let misspelt = fed(one, "apply --dry-run -f -", &WEB.replace("selector:", "slector:"))?;
    ensure!(misspelt.err.contains("did you mean `spec.selector`?"), "{misspelt:?}");
    pontoon(one, "get svc wbe")?.ended(1, "did you mean web?")?;
    pontoon(one, "get servcies")?.ended(2, "did you mean services?")?;
    pontoon(one, "descirbe svc")?.ended(2, "describe")?;
    pontoon(one, "get po -l ap=web")?.ended(0, "Did you mean app?")?;
    let bad = format!("{WEB}---\n{}", WEB.replace("port: 80,", "port: 80000,"));
    fed(one, "apply -f -", &bad)?
        .ended(1, "standard input: document 2: Service default/web: spec.ports[0].port: 80000")?;

    let status = pontoon(one, "status")?.well()?;
    ensure!(status.starts_with("node host-1 is ready") && status.contains("1 service"), "{status}");
    ensure!(pontoon(two, "delete svc/web")?.well()? == "service \"web\" deleted\n");
    pontoon(one, "get svc")?.ended(0, "No services found in namespace default.")
}

#[test]
fn top_sees_what_moves_in_both_directions() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (one, two) = (lab.host(1), lab.host(2));
    let (client, server) = (one.pod("client").add()?, two.pod("server").add()?);
    let _idle = one.pod("idle").add()?;
    let load = PingLoad::start(client.netns(), server.v4()?, Duration::from_millis(20))?;
    let output = one.netns().output(&mut command(one, "top pods --once -o json")?)?;
    load.stop()?;
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout)?;
    ensure!(rows.len() == 2, "{rows:?}");
    // The busiest is first. Of some 50 pings a second each is answered; a slow machine sends fewer.
    let (busy, idle) = (&rows[0], &rows[1]);
    ensure!(busy["name"] == "client" && idle["name"] == "idle", "{rows:?}");
    let rate = |row: &serde_json::Value, name: &str| row[name].as_f64().unwrap_or_default();
    for way in ["received", "sent"] {
        let packets = rate(busy, &format!("{way}PacketsPerSecond"));
        let bytes = rate(busy, &format!("{way}BytesPerSecond"));
        ensure!((5.0..200.0).contains(&packets), "{way}: {rows:?}");
        ensure!(bytes > packets * 20.0, "{way}: {rows:?}");
        ensure!(rate(idle, &format!("{way}PacketsPerSecond")) < packets, "{way}: {rows:?}");
    }
    Ok(())
}

#[test]
fn a_watch_shows_a_change_made_on_another_node_and_outlives_the_daemon() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let (one, two) = (lab.host(1), lab.host(2));
    let mut watching = command(two, "get svc -w -o name")?.spawn()?;
    let mut out = watching.stdout.take().context("no output")?;
    let (teller, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while out.read(&mut byte).is_ok_and(|read| read > 0) {
            if teller.send(byte[0]).is_err() {
                break;
            }
        }
    });
    let mut seen = String::new();
    let mut wait_for = |expected: &str| -> Result<()> {
        let until = Instant::now() + Duration::from_secs(20);
        while seen != expected {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(byte) = told.recv_timeout(left) else { bail!("{seen:?} is not {expected:?}") };
            seen.push(char::from(byte));
        }
        Ok(())
    };
    fed(one, "apply -f -", WEB)?.well()?;
    wait_for("service/web\n")?;
    two.restart(Duration::from_secs(30))?;
    fed(one, "apply -f -", &WEB.replace("name: web,", "name: api,"))?.well()?;
    let outcome = wait_for("service/web\nservice/api\n");
    watching.kill()?;
    watching.wait()?;
    outcome
}

#[test]
fn what_is_away_is_told_in_one_sentence_with_an_exit_code_of_its_own() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let host = lab.host(1);
    lab.etcd().stop()?;
    // A daemon waits a little for a store that is away.
    let three =
        ["web", "api", "db"].map(|name| WEB.replace("name: web,", &format!("name: {name},")));
    let said = eventually(Duration::from_secs(40), || {
        let said = fed(host, "apply -f -", &three.join("---\n"))?;
        ensure!(said.code == Some(5), "{said:?}");
        Ok(said)
    })?;
    ensure!(said.err.lines().count() == 1 && said.err.contains("`pontoon status`"), "{said:?}");
    let status = pontoon(host, "status")?;
    ensure!(status.out.contains("degraded: the store (etcd) is away"), "{status:?}");
    host.stop()?;
    pontoon(host, "get svc")?.ended(3, "pontoond is not running")
}

/// Writes `ca.pem`, and a certificate and key that it signs for each subject.
fn make_authority(folder: &Path, subjects: &[(&str, Vec<String>)]) -> Result<()> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    std::fs::write(folder.join("ca.pem"), authority.pem())?;
    for (subject, names) in subjects {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.clone())?;
        params.distinguished_name.push(rcgen::DnType::CommonName, *subject);
        let certificate = params.signed_by(&key, &authority)?;
        std::fs::write(folder.join(format!("{subject}.pem")), certificate.pem())?;
        std::fs::write(folder.join(format!("{subject}.key")), key.serialize_pem())?;
    }
    Ok(())
}

#[test]
fn another_hosts_daemon_is_asked_with_a_certificate() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = Lab::builder().hosts(1).build()?;
    let host = lab.host(1);
    let address = host.addresses()[0].to_string();
    let (ours, strangers) = (host.path().join("ours"), host.path().join("strangers"));
    std::fs::create_dir(&ours)?;
    std::fs::create_dir(&strangers)?;
    make_authority(&ours, &[("server", vec![address.clone()]), ("client", Vec::new())])?;
    make_authority(&strangers, &[("client", Vec::new())])?;
    let url = format!("{address}:9554");
    host.configure("api.listen", &url)?;
    host.configure("api.cert", ours.join("server.pem"))?;
    host.configure("api.key", ours.join("server.key"))?;
    host.configure("api.client-ca", ours.join("ca.pem"))?;
    lab.start(Duration::from_secs(30))?;
    let ask = |folder: &Path, line: &str| -> Result<Said> {
        let file = |name: &str| folder.join(name).display().to_string();
        let (cert, key) = (file("client.pem"), file("client.key"));
        let ca = ours.join("ca.pem").display().to_string();
        let mut command = command(
            host,
            &format!("--server https://{url} --ca {ca} --cert {cert} --key {key} {line}"),
        )?;
        let output = host.netns().output(&mut command)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        })
    };
    ensure!(ask(&ours, "get nodes -o name")?.well()? == "node/host-1\n");
    ensure!(ask(&ours, "status")?.well()?.starts_with("node host-1 is ready"));
    ask(&strangers, "get nodes")?.ended(4, "do not trust each other")?;
    ask(&ours, "top")?.ended(2, "run it there, without --server")
}
