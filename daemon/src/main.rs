//! `pontoond`, Pontoon's daemon: one a host.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pontoond::config::{self, LogFormat, LogSettings, Settings};
use pontoond::{app, cleanup, dns};
use tracing_subscriber::EnvFilter;

/// Pontoon's daemon: gives the pods of this host their network.
///
/// With no configuration at all it serves this host alone. Settings come from the file, then from
/// variables such as PONTOON_NODE__NAME, then from --set; what comes later wins.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file [default: /etc/pontoon/pontoond.toml, if it exists]
    #[arg(long, env = "PONTOON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key, such as node.name=host-1; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Checks the configuration and exits
    #[arg(long)]
    check_config: bool,
    /// Answers DNS and does nothing else: no pods, no services, nothing in the kernel
    #[arg(long, conflicts_with_all = ["check_config", "cleanup"])]
    dns_only: bool,
    /// Removes everything that Pontoon made on this host, and exits; pods lose their network
    #[arg(long, conflicts_with = "check_config")]
    cleanup: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = match config::load(arguments.config.as_deref(), &arguments.set) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("pontoond: the configuration cannot be used:\n{error}");
            return ExitCode::from(78); // EX_CONFIG, sysexits.h
        }
    };
    if arguments.check_config {
        println!("the configuration is good");
        return ExitCode::SUCCESS;
    }
    log_to_stderr(&settings.log);
    if arguments.cleanup {
        return clean_up(&settings);
    }
    match serve(settings, arguments.dns_only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: Settings, dns_only: bool) -> anyhow::Result<()> {
    // Two workers: what takes long is done by the kernel, on threads that may block.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(64)
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()?;
    let outcome = if dns_only {
        runtime.block_on(dns::alone::run(settings))
    } else {
        runtime.block_on(app::run(settings))
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    outcome
}

fn clean_up(settings: &Settings) -> ExitCode {
    match cleanup::run(&settings.paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(faults) => {
            for fault in faults {
                tracing::error!("{fault}");
            }
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr(settings: &LogSettings) {
    let filter = EnvFilter::try_new(&settings.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Human => subscriber.with_target(false).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
