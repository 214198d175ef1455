//! The image that pods' sandboxes run, made on the spot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::json;

/// Its name.
pub const PAUSE: &str = "pontoon.test/pause:1";
const SOURCE: &str = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";

/// Writes the image into a folder, as an archive that `ctr image import` takes.
///
/// # Errors
/// When there is no C compiler, which Rust's own linker step needs too, or no tar.
pub(super) fn write_pause(folder: &Path) -> Result<PathBuf> {
    let root = folder.join("pause-root");
    fs::create_dir_all(&root).with_context(|| format!("cannot make {root:?}"))?;
    let source = folder.join("pause.c");
    fs::write(&source, SOURCE)?;
    run(Command::new("cc").args(["-static", "-O", "-o"]).arg(root.join("pause")).arg(&source))?;
    let layer = folder.join("layer.tar");
    run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&layer).arg("pause"))?;
    let digest = run(Command::new("sha256sum").arg(&layer))?;
    let digest = digest.split(' ').next().context("sha256sum printed nothing")?;
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {"Entrypoint": ["/pause"]},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
    });
    let manifest = json!([{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]);
    fs::write(folder.join("config.json"), config.to_string())?;
    fs::write(folder.join("manifest.json"), manifest.to_string())?;
    let image = folder.join("pause.tar");
    run(Command::new("tar").arg("-C").arg(folder).arg("-cf").arg(&image).args([
        "manifest.json",
        "config.json",
        "layer.tar",
    ]))?;
    Ok(image)
}

fn run(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("cannot run {command:?}: is it installed?"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
