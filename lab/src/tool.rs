//! The programs that the lab calls to build the underlay: `ip` and `nft`.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::binaries;
use crate::netns::Netns;

/// Runs `ip` commands, a line each and without the leading `ip`, inside a namespace.
///
/// # Errors
/// The first line that `ip` refuses, with its words; the later ones are not run.
pub(crate) fn ip(netns: &Netns, commands: &str) -> Result<()> {
    feed(netns, Command::new(program("ip")?).args(["-batch", "-"]), commands)
}

/// Loads an nft script inside a namespace, as one transaction.
///
/// # Errors
/// When `nft` refuses it, with its words.
pub(crate) fn nft(netns: &Netns, script: &str) -> Result<()> {
    feed(netns, Command::new(program("nft")?).args(["-f", "-"]), script)
}

fn program(name: &str) -> Result<PathBuf> {
    binaries::on_path(name)
        .with_context(|| format!("{name} is not installed: `cargo xtask setup` does"))
}

fn feed(netns: &Netns, command: &mut Command, input: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        netns.run(|| command.spawn())?.with_context(|| format!("cannot start {name}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses the first line may end before it has read the last.
        let _refused_early = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().with_context(|| format!("cannot wait for {name}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{name} failed in {}: {}\nIt was given:\n{input}",
            netns.path().display(),
            said.trim_end()
        );
    }
    Ok(())
}
