//! `pontoon-lab`: the lab as a program, which `cargo xtask demo` and `cargo xtask test` start.

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use nix::sys::signal::{SigSet, Signal};
use pontoon_lab::demo::{self, Options, Outcome};
use pontoon_lab::kept::{self, Sight};
use pontoon_lab::{Netns, Pod, binaries, folder, privilege};

/// Hosts made of network namespaces on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Shows a cluster at work, checks its promises, and takes it away
    Demo {
        /// How many hosts
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=20))]
        hosts: u16,
        /// Leaves the cluster running, and says how to look inside and how to end it
        #[arg(long)]
        keep: bool,
    },
    /// Leaves a cluster running, and says how to look inside and how to end it
    Up {
        /// How many hosts
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
        hosts: u16,
    },
    /// Lists the labs that were left running
    List,
    /// Takes away the labs that were left running
    Down,
    /// Runs a command as root; of a user namespace, for ordinary users
    Enter {
        /// The command
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        // The lab went from under the stage; the other thread ends the program.
        Err(_) if INTERRUPTED.load(Ordering::Relaxed) => loop {
            std::thread::park();
        },
        Err(error) => {
            eprintln!("pontoon-lab: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::List => {
            for lab in kept::list() {
                println!("{}", lab.explain());
            }
            Ok(ExitCode::SUCCESS)
        }
        Task::Down => {
            println!("labs taken away: {}", kept::down_all()?);
            Ok(ExitCode::SUCCESS)
        }
        Task::Demo { hosts, keep } => match privilege::enter()? {
            Some(code) => Ok(code),
            None => {
                tidy_up_on_signals()?;
                show(Options { hosts }, keep)
            }
        },
        Task::Up { hosts } => match privilege::enter()? {
            Some(code) => Ok(code),
            None => {
                tidy_up_on_signals()?;
                keep(demo::raise(Options { hosts })?)
            }
        },
        Task::Enter { command } => match privilege::enter()? {
            Some(code) => Ok(code),
            None => {
                let (program, args) = command.split_first().context("no command")?;
                let status = Command::new(program).args(args).status();
                let status = status.with_context(|| format!("cannot run {program:?}"))?;
                Ok(privilege::exit_code(status))
            }
        },
    }
}

fn show(options: Options, keep: bool) -> Result<ExitCode> {
    let outcome = demo::run(options)?;
    let code = match outcome.failures.len() {
        0 => {
            println!("Everything holds.");
            ExitCode::SUCCESS
        }
        count => {
            println!("{count} promises do not hold; they are listed above.");
            ExitCode::FAILURE
        }
    };
    if keep { self::keep(outcome) } else { Ok(code) }
}

/// Leaves a cluster running.
fn keep(outcome: Outcome) -> Result<ExitCode> {
    let content = outcome.failures.is_empty();
    let (lab, pods) = outcome.scene.into_parts();
    let kept = lab.keep(content, sights(&pods))?;
    privilege::stay(&kept)?;
    Ok(if content { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is worth a look in a cluster.
fn sights(pods: &[Pod]) -> Vec<Sight> {
    let (Some(pod), Some(peer)) = (pods.first(), pods.last()) else { return Vec::new() };
    let sight = |netns: &Netns, command: String| Sight { netns: netns.path().to_owned(), command };
    let host = pod.host();
    // Not on an ordinary user's PATH.
    let nft = binaries::on_path("nft").unwrap_or_else(|| "nft".into());
    let mut sights = vec![
        sight(host.netns(), "ip route show proto 112".into()),
        sight(host.netns(), format!("{} list ruleset", nft.display())),
        sight(host.netns(), format!("less {}", host.path().join("pontoond.log").display())),
    ];
    sights.extend(peer.addresses().iter().map(|ip| sight(pod.netns(), format!("ping -c 3 {ip}"))));
    sights
}

/// Ctrl-C and SIGTERM take the labs of this process away before it ends.
fn tidy_up_on_signals() -> Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    // Before any other thread is started, so that all of them inherit it.
    signals.thread_block().context("cannot block signals")?;
    std::thread::spawn(move || {
        let signal = signals.wait();
        INTERRUPTED.store(true, Ordering::Relaxed);
        eprintln!("\ninterrupted: taking the lab away");
        let tidied = folder::destroy_own();
        if let Err(error) = tidied {
            eprintln!("pontoon-lab: {error:#}");
        }
        std::process::exit(signal.map_or(1, |signal| 128 + signal as i32));
    });
    Ok(())
}
