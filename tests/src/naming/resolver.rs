//! Resolvers as programs have them, in pods: glibc's, musl's and Go's.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use pontoon_lab::{Pod, binaries};
use serde_json::Value;

/// Binds a resolv.conf and an nsswitch.conf over the machine's, for the program alone.
const WITH_FILES: &str = "mount --bind \"$1\" /etc/resolv.conf && \
     { [ ! -e /etc/nsswitch.conf ] || mount --bind \"$2\" /etc/nsswitch.conf; } && shift 2 && exec \"$@\"";

/// Whose resolver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// The GNU C library's.
    Glibc,
    /// Alpine's C library's.
    Musl,
    /// Go's own.
    Go,
}

/// What came of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The name, as the program was given it.
    pub name: String,
    /// How long it took.
    pub took: Duration,
    /// The addresses of both families.
    pub addresses: BTreeSet<IpAddr>,
    /// What went wrong, if anything.
    pub problem: String,
}

/// A program that looks names up, as it was compiled.
#[derive(Debug)]
pub struct Program(PathBuf);

impl Program {
    /// Compiles it; `None`, and a line that says so, when the compiler is not there.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn compile(resolver: Resolver, folder: &Path) -> Result<Option<Self>> {
        let to = folder.join(format!("{resolver:?}").to_lowercase());
        let (compilers, source) = match resolver {
            Resolver::Glibc => (&[("cc", &["-O1", "-o"][..])][..], "lookup.c"),
            Resolver::Musl => (&[("musl-gcc", &["-O1", "-static", "-o"][..])][..], "lookup.c"),
            // GCC's compiles the same library, and is half the size.
            Resolver::Go => (
                &[("go", &["build", "-o"][..]), ("gccgo", &["-O1", "-static-libgo", "-o"][..])][..],
                "lookup.go",
            ),
        };
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("resolvers").join(source);
        let mut found = compilers.iter();
        let found = found.find_map(|(name, args)| Some((binaries::on_path(name)?, args)));
        let Some((compiler, args)) = found else {
            let names: Vec<&str> = compilers.iter().map(|(name, _)| *name).collect();
            eprintln!("skipped: needs {}; `cargo xtask setup` installs it", names.join(" or "));
            return Ok(None);
        };
        let output = Command::new(&compiler)
            .args(*args)
            .arg(&to)
            .arg(&from)
            .env("GO111MODULE", "off")
            .env("GOCACHE", folder.join("go-cache"))
            .output()
            .with_context(|| format!("cannot run {compiler:?}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{compiler:?} does not compile {from:?}: {said}");
        Ok(Some(Self(to)))
    }

    /// Looks each name up so many times in a pod, with the resolv.conf that the result of ADD gives.
    ///
    /// # Errors
    /// When the program could not be run. A name that is not found is none.
    pub fn look_up(&self, pod: &Pod, times: usize, names: &[&str]) -> Result<Vec<Lookup>> {
        let folder = pod.host().path();
        let [resolv, nsswitch] = ["resolv.conf", "nsswitch.conf"]
            .map(|file| folder.join(format!("{}-{file}", pod.name())));
        fs::write(&resolv, resolv_conf(pod.result())?)?;
        fs::write(&nsswitch, "hosts: dns\n")?;
        let (times, files) = (times.to_string(), [&resolv, &nsswitch, &self.0]);
        let files = files.map(|file| file.display().to_string());
        let head = ["unshare", "--mount", "sh", "-c", WITH_FILES, "sh"];
        let files = [files[0].as_str(), &files[1], &files[2], &times];
        let printed = pod.exec(&[&head[..], &files, names].concat())?;
        printed.lines().map(read).collect()
    }
}

/// The file that a runtime writes from the `dns` of a CNI result (CNI 1.1, section 5).
fn resolv_conf(result: &Value) -> Result<String> {
    let list = |key: &str| -> Vec<&str> {
        let found = result["dns"][key].as_array();
        found.into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let servers = list("nameservers");
    if servers.is_empty() {
        bail!("the result of ADD names no server: {result}");
    }
    let mut text: String = servers.iter().map(|ip| format!("nameserver {ip}\n")).collect();
    text.push_str(&format!(
        "search {}\noptions {}\n",
        list("search").join(" "),
        list("options").join(" ")
    ));
    Ok(text)
}

fn read(line: &str) -> Result<Lookup> {
    let mut words = line.split(' ');
    let (name, took) = (words.next().unwrap_or_default(), words.next().map(str::parse));
    let Some(Ok(took)) = took else { bail!("a lookup printed {line:?}") };
    let (addresses, rest): (Vec<_>, Vec<_>) =
        words.map(|word| word.parse::<IpAddr>().map_err(|_| word)).partition(Result::is_ok);
    Ok(Lookup {
        name: name.to_owned(),
        took: Duration::from_micros(took),
        addresses: addresses.into_iter().flatten().collect(),
        problem: rest.into_iter().filter_map(Result::err).collect::<Vec<_>>().join(" "),
    })
}
