//! `pontoon doctor`: what is wrong, why it hurts, and what mends it.

mod screen;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use pontoon_doctor::facts::daemon::{Daemon, Presence, Reason};
use pontoon_doctor::{CHECKS, Examiner, Facts, Report, Root, Setup, Severity, examine};

use crate::api::{Api, ApiError, Server};
use crate::exit::Exit;
use crate::output::Format;
use crate::say;

const EXAMPLES: &str = "\
Examples:
  sudo pontoon doctor                       all checks, by the daemon, or without it where it is down
  pontoon doctor --check mtu                one of them
  pontoon doctor -o json | jq .findings     for programs

Nothing is changed. Exit code: 0 when nothing is found, or notes only; 8 when the worst is a warning;
1 when it is a fault. What could not be looked at comes last, and is no finding. docs/doctor.md lists
the checks.";

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `pontoon doctor` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Makes this check only, such as mtu
    #[arg(long, value_name = "NAME", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(CHECKS.iter().map(|check| check.name)))]
    check: Option<String>,
    /// The daemon's configuration, read where the daemon is down [default:
    /// /etc/pontoon/pontoond.toml]
    #[arg(long, env = "PONTOON_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// How to show it
    #[arg(short, long, value_enum, default_value = "text", value_name = "FORMAT")]
    output: Format,
}

pub(crate) fn run(server: &Server, arguments: &Arguments) -> Result<Exit> {
    let mut report = match Api::of(server).and_then(|api| api.doctor()) {
        Ok(report) => with_versions(report),
        Err(error) if server.is_local() => alone(server, arguments, &error),
        Err(error) => return Err(error.into()),
    };
    if let Some(check) = &arguments.check {
        report = report.only(check);
    }
    say::line(arguments.output.shown(&report, screen::whole)?)?;
    Ok(match report.worst() {
        None | Some(Severity::Note) => Exit::Done,
        Some(Severity::Warning) => Exit::Warned,
        Some(Severity::Fault) => Exit::Failed,
    })
}

/// The daemon does not know who asks.
fn with_versions(mut report: Report) -> Report {
    let daemon = Daemon {
        version: Some(report.version.clone()),
        command: Some(VERSION.to_owned()),
        ..Daemon::default()
    };
    let of_both = examine(&Facts { daemon, ..Facts::default() }, Examiner::Command, VERSION);
    report.findings.extend(of_both.findings);
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report
}

/// Looks at this host without its daemon, and says why that is not there.
fn alone(server: &Server, arguments: &Arguments, error: &ApiError) -> Report {
    let (root, config) = (Root::default(), arguments.config.as_deref());
    let setup = Setup::read(&root, config);
    let socket = server.socket.display().to_string();
    let presence = match error.exit {
        Exit::Absent => Presence::Absent { socket, reason: Reason::find(&root, &setup, config) },
        Exit::Denied => Presence::Denied { socket },
        _ => Presence::Silent { socket, what: error.to_string() },
    };
    examine(&Facts::gather_alone(&root, setup, presence), Examiner::Command, VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_version(version: &str) -> Report {
        Report { version: version.to_owned(), ..examine(&Facts::default(), Examiner::Daemon, "") }
    }

    #[test]
    fn the_command_sees_that_the_daemon_is_of_another_version() {
        assert_eq!(with_versions(of_version(VERSION)).findings, []);
        let report = with_versions(of_version("99.0.0"));
        let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
        assert_eq!((finding.check.as_str(), finding.severity), ("daemon", Severity::Warning));
        assert!(finding.what.contains("99.0.0") && finding.what.contains(VERSION), "{finding:?}");
    }

    #[test]
    fn programs_read_the_same_as_people() {
        let report = with_versions(of_version("99.0.0"));
        let json: Report =
            serde_json::from_str(&Format::Json.shown(&report, screen::whole).unwrap()).unwrap();
        assert_eq!(json, report);
        let yaml = Format::Yaml.shown(&report, screen::whole).unwrap();
        assert!(yaml.contains("check: daemon") && yaml.contains("severity: warning"), "{yaml}");
        assert!(
            Format::Text.shown(&report, screen::whole).unwrap().contains(&report.findings[0].what)
        );
    }
}
