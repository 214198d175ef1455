//! Debian packages, by dpkg's own tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::content::{self, Deb};
use super::naming::Release;
use super::stage::{Stage, gzip};
use super::{Sources, epoch, run};

/// Files in `packaging/debian/NAME` that dpkg reads, and their modes.
const CONTROL_FILES: &[(&str, u32)] =
    &[("conffiles", 0o644), ("postinst", 0o755), ("prerm", 0o755), ("postrm", 0o755)];

const MAINTAINER: &str = "Pontoon <maintainers@pontoon.example>";

/// Makes one, and returns its file's name.
pub(crate) fn build(
    package: &Deb,
    sources: &Sources<'_>,
    release: &Release,
    epoch: u64,
    work: &Path,
    to: &Path,
) -> Result<String> {
    let name = package.name;
    let stage = Stage::new(work.join(name))?;
    for item in (package.items)(sources) {
        stage.put("", &item).with_context(|| format!("package {name}"))?;
    }
    let documents = format!("usr/share/doc/{name}");
    for item in content::debian_documents(sources) {
        stage.put(&documents, &item)?;
    }
    let changelog = debian_changelog(release, epoch)?;
    stage.write(&Path::new(&documents).join("changelog.Debian.gz"), &changelog, 0o644)?;
    let ours = sources.root.join("packaging/debian").join(name);
    if let Ok(overrides) = fs::read(ours.join("lintian-overrides")) {
        let file = format!("usr/share/lintian/overrides/{name}");
        stage.write(Path::new(&file), &overrides, 0o644)?;
    }

    let sums = checksums(stage.root())?;
    let libraries = match package.needs_libraries {
        Some(program) => shared_libraries(&stage.root().join(program), work)?,
        None => String::new(),
    };
    let template = ours.join("control");
    let template =
        fs::read_to_string(&template).with_context(|| format!("cannot read {template:?}"))?;
    let control = fill(&template, release, kibibytes(stage.root())?, &libraries)?;
    stage.write(Path::new("DEBIAN/control"), control.as_bytes(), 0o644)?;
    stage.write(Path::new("DEBIAN/md5sums"), &sums, 0o644)?;
    for (file, mode) in CONTROL_FILES {
        if let Ok(text) = fs::read(ours.join(file)) {
            stage.write(&Path::new("DEBIAN").join(file), &text, *mode)?;
        }
    }

    let file = release.deb(name)?;
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.args(["--root-owner-group", "-Zxz", "--build"]).arg(stage.root()).arg(to.join(&file));
    run(dpkg.env(epoch::VARIABLE, epoch.to_string()))?;
    Ok(file)
}

/// The control file, from the one in the repository.
fn fill(template: &str, release: &Release, kibibytes: u64, libraries: &str) -> Result<String> {
    Ok(template
        .replace("@VERSION@", &release.debian_version())
        .replace("@MAINTAINER@", MAINTAINER)
        .replace("@ARCHITECTURE@", release.debian_architecture()?)
        .replace("@INSTALLED_SIZE@", &kibibytes.to_string())
        .replace("@SHARED_LIBRARIES@", libraries))
}

/// The changes of the packaging, of which there are none but Pontoon's own.
fn debian_changelog(release: &Release, epoch: u64) -> Result<Vec<u8>> {
    let date = run(Command::new("date")
        .args(["--utc", "--rfc-email", "--date"])
        .arg(format!("@{epoch}")))?;
    let date = String::from_utf8(date)?;
    let text = format!(
        "pontoon ({}) unstable; urgency=medium\n\n  * See changelog.gz beside this file.\n\n -- {MAINTAINER}  {date}",
        release.debian_version(),
    );
    gzip(text.as_bytes())
}

/// The packages that bring the libraries which a program is linked with, as a dependency is written.
fn shared_libraries(program: &Path, work: &Path) -> Result<String> {
    // It refuses to work anywhere but beside a source package's control file.
    fs::create_dir_all(work.join("debian"))?;
    fs::write(
        work.join("debian/control"),
        "Source: pontoon\n\nPackage: pontoon\nArchitecture: any\n",
    )?;
    let mut tool = Command::new("dpkg-shlibdeps");
    let said = run(tool.arg("-O").arg(program).current_dir(work))?;
    let said = String::from_utf8(said)?;
    let found = said.lines().find_map(|line| line.strip_prefix("shlibs:Depends="));
    found.map(str::to_owned).with_context(|| format!("dpkg-shlibdeps said {said:?}"))
}

/// What `dpkg --verify` compares with, of all files but dpkg's own and those of the administrator.
fn checksums(root: &Path) -> Result<Vec<u8>> {
    let find = "find . -path ./etc -prune -o -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0r md5sum";
    run(Command::new("sh").args(["-c", find]).current_dir(root))
}

/// What the files take once they are installed.
fn kibibytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // As Debian's policy counts: a file in full blocks, a folder or a link as one.
        sum += match entry.file_type()? {
            kind if kind.is_dir() => 1 + kibibytes(&entry.path())?,
            kind if kind.is_file() => entry.metadata()?.len().div_ceil(1024),
            _ => 1,
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_control_file_has_no_blank_left() {
        let release = Release { version: "1.2.0-rc.1", architecture: "aarch64" };
        let template = "Version: @VERSION@\nArchitecture: @ARCHITECTURE@\nInstalled-Size: @INSTALLED_SIZE@\n\
                        Depends: @SHARED_LIBRARIES@, pontoon-cni (= @VERSION@)\n";
        assert_eq!(
            fill(template, &release, 7, "libc6 (>= 2.34)").unwrap(),
            "Version: 1.2.0~rc.1-1\nArchitecture: arm64\nInstalled-Size: 7\n\
             Depends: libc6 (>= 2.34), pontoon-cni (= 1.2.0~rc.1-1)\n"
        );
    }
}
