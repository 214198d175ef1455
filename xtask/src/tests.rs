//! Everything that CI runs.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::packages::is_root;
use crate::shell::{Workspace, heading, on_path};
use crate::{binaries, package, skips};

/// Tests that build labs or start container runtimes.
const SLOW: &str = "package(pontoon-tests) | (package(pontoon-lab) & kind(test))";

/// Format and lints, warnings denied.
pub(crate) fn lint(workspace: &Workspace) -> Result<()> {
    workspace.step("format", workspace.cargo().args(["fmt", "--all", "--check"]))?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    workspace.step("lints", workspace.cargo().args(clippy))
}

/// Lints, builds and tests; with filters only the tests that match.
pub(crate) fn run(workspace: &Workspace, quick: bool, filters: &[String]) -> Result<ExitCode> {
    if filters.is_empty() {
        lint(workspace)?;
    }
    if !quick {
        binaries::build(workspace)?;
        package::make_for_tests(workspace)?;
    }
    let nextest = on_path("cargo-nextest").is_some();
    let test = |build_only: bool| {
        let mut command = if nextest {
            nextest_command(workspace, quick)
        } else {
            libtest_command(workspace, quick)
        };
        if build_only {
            command.arg("--no-run");
        } else if nextest {
            command.args(filters);
        } else {
            command.arg("--").arg("--show-output").args(filters);
        }
        command
    };
    // Apart from the run, which may be without a network.
    workspace.step("building the tests", &mut test(true))?;
    heading("tests");
    skips::forget(workspace);
    let code = if is_root()? {
        workspace.run(&mut test(false))?
    } else {
        as_root(workspace, &test(false))?
    };
    if nextest {
        skips::report(workspace)?;
    }
    if code != ExitCode::SUCCESS {
        println!("a test failed; `cargo xtask test NAME` repeats one");
    }
    Ok(code)
}

fn nextest_command(workspace: &Workspace, quick: bool) -> Command {
    let mut command = workspace.cargo();
    command.args(["nextest", "run", "--workspace", "--profile", "xtask"]);
    if quick {
        command.args(["--filterset", &format!("not ({SLOW})")]);
    }
    command
}

fn libtest_command(workspace: &Workspace, quick: bool) -> Command {
    let mut command = workspace.cargo();
    // A lab is many processes; nextest is told so in .config/nextest.toml.
    command.args(["test", "--workspace", "--no-fail-fast"]).env("RUST_TEST_THREADS", "2");
    if quick {
        command.args(["--exclude", "pontoon-tests", "--exclude", "pontoon-lab"]);
    }
    command
}

/// Runs tests as root of a user namespace, so that kernel and lab tests run for ordinary users.
fn as_root(workspace: &Workspace, tests: &Command) -> Result<ExitCode> {
    let mut command = Command::new(workspace.bin().join("pontoon-lab"));
    command.args(["enter", "--"]).arg(tests.get_program()).args(tests.get_args());
    command.env("CARGO_NET_OFFLINE", "true");
    workspace.run(&mut command)
}
