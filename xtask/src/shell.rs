//! Running programs in the workspace, visibly.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, stdout};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// Names the folder of the programs under test for everything that is started.
const BIN_VARIABLE: &str = "PONTOON_BIN";

/// The checkout.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let root = root.canonicalize().unwrap_or(root);
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let target = std::path::absolute(&target).unwrap_or(target);
        Self { root, target }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Where the release binaries are put, and where the lab looks for them.
    pub(crate) fn bin(&self) -> PathBuf {
        self.target.join("pontoon/bin")
    }

    /// Where the man pages are put.
    pub(crate) fn man(&self) -> PathBuf {
        self.target.join("pontoon/man")
    }

    /// Where packages of Debian are put that tests install on hosts of their own.
    pub(crate) fn debian(&self) -> PathBuf {
        self.target.join("pontoon/debian")
    }

    /// The cargo that started us.
    pub(crate) fn cargo(&self) -> Command {
        Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Everything runs at the root, and finds the programs under test and the administrator's.
    fn furnish<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.current_dir(&self.root).env(BIN_VARIABLE, self.bin()).env("PATH", search_path())
    }

    /// Runs a program to its end and passes its exit code on.
    pub(crate) fn run(&self, command: &mut Command) -> Result<ExitCode> {
        let shown = show(command);
        let status =
            self.furnish(command).status().with_context(|| format!("cannot start `{shown}`"))?;
        let code = status.code().with_context(|| format!("`{shown}` ended with {status}"))?;
        Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
    }

    /// Becomes a program, so that Ctrl-C is its own business; returns only if it cannot be started.
    pub(crate) fn turn_into(&self, command: &mut Command) -> Result<ExitCode> {
        let error = self.furnish(command).exec();
        Err(error).with_context(|| format!("cannot start `{}`", show(command)))
    }

    /// Runs a step that must succeed, with its name before and its time behind it.
    pub(crate) fn step(&self, name: &str, command: &mut Command) -> Result<()> {
        heading(name);
        let began = Instant::now();
        if self.run(command)? != ExitCode::SUCCESS {
            bail!("{name} failed; this repeats it:\n  {}", show(command));
        }
        println!("   done in {:.0} s", began.elapsed().as_secs_f64());
        Ok(())
    }
}

/// A line that stands out where there is a terminal.
pub(crate) fn heading(text: &str) {
    if stdout().is_terminal() {
        println!("\x1b[1;36m── {text}\x1b[0m");
    } else {
        println!("── {text}");
    }
}

/// A command as it would be typed.
pub(crate) fn show(command: &Command) -> String {
    // Cargo passes the path of the very toolchain; who types it means the same.
    let program = Path::new(command.get_program());
    let program =
        if program.ends_with("cargo") { OsStr::new("cargo") } else { program.as_os_str() };
    let words = std::iter::once(program).chain(command.get_args());
    let words: Vec<String> = words.map(quote).collect();
    let variables = command.get_envs().filter(|(name, _)| *name != BIN_VARIABLE && *name != "PATH");
    let variables = variables
        .filter_map(|(name, value)| Some(format!("{}={} ", name.to_string_lossy(), quote(value?))));
    variables.collect::<String>() + &words.join(" ")
}

fn quote(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{word}'")
    }
}

/// Where a program is on [`search_path`], if anywhere.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&search_path()).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// PATH and the folders of the administrator, which an ordinary user's PATH lacks on Debian.
fn search_path() -> OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let administrators = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::join_paths(env::split_paths(&path).chain(administrators)).unwrap_or(path)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_is_typed() {
        let mut command = Command::new("cargo");
        command
            .args(["nextest", "run", "-E", "not test(x)"])
            .env("RUSTFLAGS", "-C x")
            .env(BIN_VARIABLE, "/b");
        assert_eq!(show(&command), "RUSTFLAGS='-C x' cargo nextest run -E 'not test(x)'");
    }
}
