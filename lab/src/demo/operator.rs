//! What a person asks who looks after the cluster, and what the command answers.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use pontoon_model::mesh::{Grade, Mesh, MeshRow};

use super::web;
use super::{Scene, Shown};
use crate::binaries;
use crate::host::Host;

/// How often nodes probe each other here; 10 s by default, for which a demo is too short.
pub(super) const MESH_INTERVAL: &str = "200ms";
/// How long it may take until each node has heard of each of the others.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(200);

pub(super) fn status(scene: &mut Scene) -> Result<Shown> {
    let host = first(scene)?;
    let output = pontoon(host, &["status"])?;
    Ok(shown("status", "the node is well", host, &output))
}

pub(super) fn mesh(scene: &mut Scene) -> Result<Shown> {
    let host = first(scene)?;
    let until = Instant::now() + PATIENCE;
    let found = loop {
        let output = pontoon(host, &["status", "--mesh", "-o", "json"])?;
        let text = String::from_utf8_lossy(&output.stdout);
        let found: Mesh = serde_json::from_str(&text)
            .with_context(|| format!("`pontoon status --mesh -o json` printed {text:?}"))?;
        if unheard(&found) == 0 || Instant::now() > until {
            break found;
        }
        std::thread::sleep(TICK);
    };
    let output = pontoon(host, &["status", "--mesh"])?;
    let good = format!("{} nodes reach each other by every way", found.nodes.len());
    let mut shown = shown("status --mesh", &good, host, &output);
    let unheard = unheard(&found);
    if unheard > 0 {
        shown.failures.push(format!(
            "{unheard} ways or checks of the mesh are not known to be good after {} s; hint: `pontoon doctor`",
            PATIENCE.as_secs()
        ));
    }
    Ok(shown)
}

pub(super) fn trace(scene: &mut Scene) -> Result<Shown> {
    let pod = scene.pods.last().context("no pod")?;
    let (from, to) = (format!("pod/{}", pod.name()), format!("svc/{}:{}", web::NAME, web::PORT));
    let output = pontoon(pod.host(), &["trace", &from, &to])?;
    let good = format!("a packet of {} arrives at {}", pod.name(), web::NAME);
    Ok(shown(&format!("trace {from} {to}"), &good, pod.host(), &output))
}

fn first(scene: &Scene) -> Result<&Host> {
    scene.lab.hosts().first().context("a lab without a host")
}

/// Ways and checks that are not known to be good.
fn unheard(mesh: &Mesh) -> usize {
    let peers = mesh.nodes.len().saturating_sub(1);
    let missing = |row: Option<&MeshRow>| {
        let Some(row) = row else { return peers.max(1) };
        let good = row.peers.values().filter(|ways| ways.grade() == Some(Grade::Good)).count();
        let checks = [row.dns, row.service];
        let unwell =
            checks.iter().filter(|check| check.is_none_or(|check| check.grade() > Grade::Good));
        peers.saturating_sub(good) + unwell.count()
    };
    mesh.nodes.iter().map(|node| missing(mesh.rows.get(node))).sum()
}

/// The command, as it is typed on that host.
fn pontoon(host: &Host, words: &[&str]) -> Result<Output> {
    let mut command = Command::new(binaries::find("pontoon")?);
    command.args(words).env("PONTOON_SOCKET", host.run_dir().join("api.sock"));
    let output = command.output().context("cannot run pontoon")?;
    ensure!(output.status.code().is_some(), "pontoon {} was killed", words.join(" "));
    Ok(output)
}

/// What it said, below the line that a person types.
fn shown(typed: &str, good: &str, host: &Host, output: &Output) -> Shown {
    let said = [&*output.stdout, &*output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let failures = match output.status.success() {
        true => Vec::new(),
        false => vec![format!("`pontoon {typed}` on {} ended with {}", host.name(), output.status)],
    };
    Shown {
        summary: good.to_owned(),
        text: format!("$ pontoon {typed}\n{}", said.trim_end()),
        failures,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_is_whole_when_every_node_has_told_of_every_other() {
        let parse = |text: &str| serde_json::from_str::<Mesh>(text).unwrap();
        let good = r#"{"lossPercent":0,"rttUs":90}"#;
        let row = |peer: &str, checks: &str| {
            format!(r#"{{"probed":1,"peers":{{"{peer}":{{"underlay":{good}}}}}{checks}}}"#)
        };
        let checks = format!(r#","dns":{good},"service":{good}"#);
        let mesh = |rows: &str| {
            parse(&format!(
                r#"{{"enabled":true,"intervalMs":200,"nodes":["a","b"],"rows":{{{rows}}}}}"#
            ))
        };
        let (a, b) = (row("b", &checks), row("a", &checks));
        assert_eq!(unheard(&mesh(&format!(r#""a":{a},"b":{b}"#))), 0);
        // One row is missing, or lacks its checks, or tells of a loss.
        assert_eq!(unheard(&mesh(&format!(r#""a":{a}"#))), 1);
        assert_eq!(unheard(&mesh(&format!(r#""a":{a},"b":{}"#, row("a", "")))), 2);
        let lossy = b.replacen(r#""lossPercent":0"#, r#""lossPercent":40"#, 1);
        assert_eq!(unheard(&mesh(&format!(r#""a":{a},"b":{lossy}"#))), 1);
    }
}
