//! How well nodes reach each other, as every node shows it.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail by panicking, as tests do")]

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pontoon_lab::host::Host;
use pontoon_lab::probe::http;
use pontoon_lab::{Lab, binaries};
use pontoon_model::mesh::{Grade, Mesh};
use pontoon_tests::cluster::{LEASE, SOON, cluster, eventually, skipped};

/// Long enough for a window of probes to be filled with others.
const WINDOW: Duration = Duration::from_secs(30);

fn built() -> Result<Lab> {
    cluster(Lab::builder().hosts(3).configure("mesh.interval", "200ms"))
}

/// What a person types, whether it went well, and what it said.
fn pontoon(host: &Host, line: &str) -> Result<(bool, String)> {
    let mut command = Command::new(binaries::find("pontoon")?);
    command.args(line.split_whitespace()).env("PONTOON_SOCKET", host.run_dir().join("api.sock"));
    let output = command.output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(text)?))
}

fn mesh(host: &Host) -> Result<Mesh> {
    let (_, text) = pontoon(host, "status --mesh -o json")?;
    serde_json::from_str(&text).context(text)
}

/// Cells of the matrix that are not good, as `from>to:way`, or as `node:check`; all that there are
/// must be known.
fn troubles(mesh: &Mesh) -> Result<BTreeSet<String>> {
    ensure!(mesh.rows.len() == mesh.nodes.len(), "{mesh:?}");
    let mut found = BTreeSet::new();
    for (from, row) in &mesh.rows {
        ensure!(row.peers.len() == mesh.nodes.len() - 1, "{from}: {row:?}");
        for (to, ways) in &row.peers {
            ensure!(ways.each().count() == 3, "{from} to {to}: {ways:?}");
            let bad = ways.each().filter(|(_, quality)| quality.grade() > Grade::Good);
            found.extend(bad.map(|(way, _)| format!("{from}>{to}:{way}")));
        }
        for (check, quality) in [("dns", row.dns), ("service", row.service)] {
            let quality = quality.with_context(|| format!("{from} has not checked its {check}"))?;
            if quality.grade() > Grade::Good {
                found.insert(format!("{from}:{check}"));
            }
        }
    }
    Ok(found)
}

/// Waits until every node shows exactly this.
fn shows(lab: &Lab, expected: &[&str]) -> Result<()> {
    let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
    eventually(WINDOW, || {
        for host in lab.hosts() {
            let found = troubles(&mesh(host)?)?;
            ensure!(found == expected, "{} shows {found:?}, not {expected:?}", host.name());
        }
        Ok(())
    })
}

#[test]
fn a_cut_between_two_hosts_shows_in_their_cells_and_in_no_others() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    shows(&lab, &[])?;
    let (good, text) = pontoon(lab.host(3), "status --mesh")?;
    ensure!(good && text.starts_with("FROM \\ TO") && !text.contains("trouble"), "{text}");
    ensure!(!text.contains('\u{1b}'), "colours are for terminals: {text:?}");

    lab.cut("host-1", "host-2")?;
    let ways = ["underlay", "pods4", "pods6"];
    let pairs = [("host-1", "host-2"), ("host-2", "host-1")];
    let cells: Vec<String> =
        pairs.iter().flat_map(|(from, to)| ways.map(|way| format!("{from}>{to}:{way}"))).collect();
    shows(&lab, &cells.iter().map(String::as_str).collect::<Vec<_>>())?;
    eventually(WINDOW, || {
        let (good, text) = pontoon(lab.host(3), "status --mesh")?;
        ensure!(!good && text.matches("LOST").count() == 2, "{text}");
        ensure!(text.contains("host-1 to host-2: underlay loses 100%"), "{text}");
        let metrics: SocketAddr = "127.0.0.1:9553".parse()?;
        let (_, figures) = http::get(lab.host(1).netns(), metrics, "/metrics", SOON)?;
        for (peer, ratio) in [("host-2", "1.0"), ("host-3", "0.0")] {
            let line = format!("pontoon_mesh_loss_ratio{{peer=\"{peer}\",way=\"pods4\"}} {ratio}");
            ensure!(figures.contains(&line), "{line} is not in {figures}");
        }
        Ok(())
    })?;

    lab.heal_all()?;
    shows(&lab, &[])
}

#[test]
fn a_node_whose_services_or_dns_do_not_answer_shows_it_by_itself() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    shows(&lab, &[])?;
    let host = lab.host(2);
    for (what, rule) in
        [("service", "ip daddr 10.96.0.10 udp dport 9555 drop"), ("dns", "udp dport 53 drop")]
    {
        host.nft(&format!(
            "table inet broken {{ chain out {{ type filter hook output priority -300; {rule}; }}; }}"
        ))?;
        shows(&lab, &[&format!("host-2:{what}")])?;
        host.nft("delete table inet broken")?;
        shows(&lab, &[])?;
    }
    Ok(())
}

#[test]
fn strangers_get_no_answer_and_a_node_that_is_gone_is_not_told_of() -> Result<()> {
    if skipped() {
        return Ok(());
    }
    let lab = built()?;
    let pod = lab.host(1).add_pod("curious")?;
    shows(&lab, &[])?;
    let question = *b"PTNM\x01\0\0\0\0\0\0\0\x07";
    let ask = |from: &pontoon_lab::Netns, to: IpAddr| -> Result<bool> {
        from.run(|| {
            let socket = UdpSocket::bind("0.0.0.0:0")?;
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            socket.send_to(&question, (to, 9555))?;
            Ok(socket.recv(&mut [0; 64]).is_ok())
        })?
    };
    let peer = lab.host(2).addresses()[0];
    ensure!(ask(lab.host(1).netns(), peer)?, "a node is answered");
    for to in [peer, lab.host(1).addresses()[0], "10.96.0.10".parse()?] {
        ensure!(!ask(pod.netns(), to)?, "a pod is answered at {to}");
    }
    ensure!(!ask(lab.outside().netns(), peer)?, "a stranger is answered");

    lab.host(3).kill()?;
    eventually(LEASE, || {
        let mesh = mesh(lab.host(1))?;
        ensure!(mesh.rows.len() == 2 && mesh.nodes.len() == 3, "{mesh:?}");
        let (good, text) = pontoon(lab.host(1), "status --mesh")?;
        ensure!(!good && text.contains("host-3: it has not told"), "{text}");
        Ok(())
    })
}
