//! `cargo xtask`: the two commands of the README and the developer's chores.

mod binaries;
mod book;
mod package;
mod packages;
mod shell;
mod skips;
mod tests;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use packages::Purpose;
use shell::Workspace;

/// Pontoon's chores. `demo` shows it at work, `test` runs everything that CI runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows a cluster of three hosts on this machine, checks its promises, and takes it away
    Demo {
        /// How many hosts, 1 to 20
        #[arg(long)]
        hosts: Option<u16>,
        /// Leaves the cluster running, and says how to look inside and how to end it
        #[arg(long)]
        keep: bool,
        /// Takes away the clusters that --keep left running
        #[arg(long, conflicts_with_all = ["hosts", "keep"])]
        down: bool,
    },
    /// Runs everything that CI runs: format, lints, and all tests
    Test {
        /// Leaves out the tests that build labs or start container runtimes
        #[arg(long)]
        quick: bool,
        /// Runs only tests whose name contains one of these, and neither format nor lints
        filters: Vec<String>,
    },
    /// Checks the format and the lints, with warnings denied
    Lint,
    /// Builds the release binaries into target/pontoon/bin: pontoond, pontoon, pontoon-cni (static)
    Build,
    /// Writes the man pages of the command, into target/pontoon/man unless a folder is named
    Man {
        /// The folder
        folder: Option<PathBuf>,
    },
    /// Writes the book's pictures, and its pages that are made from the code
    Docs,
    /// Makes Debian packages, a static tarball and their checksums
    Package(package::Options),
    /// Measures Pontoon against its peers
    Bench {
        /// Which benchmark and its options; none for all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Installs the programs that demo and tests need, by apt; as root only
    Setup,
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    let workspace = Workspace::locate();
    match task {
        Task::Demo { down: true, .. } => {
            if !workspace.bin().join(LAB).is_file() {
                println!("nothing was built yet, so nothing is left running");
                return Ok(ExitCode::SUCCESS);
            }
            workspace.turn_into(lab(&workspace).arg("down"))
        }
        Task::Demo { hosts, keep, .. } => {
            packages::provide(Purpose::Demo)?;
            binaries::build(&workspace)?;
            let mut demo = lab(&workspace);
            demo.arg("demo");
            if let Some(hosts) = hosts {
                demo.arg("--hosts").arg(hosts.to_string());
            }
            if keep {
                demo.arg("--keep");
            }
            workspace.turn_into(&mut demo)
        }
        Task::Test { quick, filters } => {
            packages::provide(Purpose::Tests)?;
            if !quick {
                packages::fetch_for_hosts(&workspace.debian())?;
            }
            tests::run(&workspace, quick, &filters)
        }
        Task::Lint => {
            packages::provide(Purpose::Build)?;
            tests::lint(&workspace).map(|()| ExitCode::SUCCESS)
        }
        Task::Build => {
            packages::provide(Purpose::Build)?;
            binaries::build(&workspace)?;
            println!("built into {}", workspace.bin().display());
            Ok(ExitCode::SUCCESS)
        }
        Task::Man { folder } => {
            packages::provide(Purpose::Build)?;
            let folder = folder.unwrap_or_else(|| workspace.man());
            binaries::man(&workspace, &folder)?;
            println!("written into {}", folder.display());
            Ok(ExitCode::SUCCESS)
        }
        Task::Docs => {
            packages::provide(Purpose::Tests)?;
            book::write(&workspace).map(|()| ExitCode::SUCCESS)
        }
        Task::Package(options) => package::make(&workspace, options).map(|()| ExitCode::SUCCESS),
        Task::Bench { args } => {
            packages::provide(Purpose::Tests)?;
            binaries::build(&workspace)?;
            let run = ["run", "--release", "--package", "pontoon-bench", "--"];
            workspace.turn_into(workspace.cargo().args(run).args(args))
        }
        Task::Setup => {
            packages::provide(Purpose::Tests)?;
            packages::fetch_for_hosts(&workspace.debian())?;
            println!("everything is installed");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The lab's own program.
const LAB: &str = "pontoon-lab";

fn lab(workspace: &Workspace) -> Command {
    Command::new(workspace.bin().join(LAB))
}
