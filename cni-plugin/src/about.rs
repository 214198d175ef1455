//! Tells a person what this program is.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use pontoon_model::cni::version::SpecVersion;

/// Answers a person and says how to exit; `None` when this is a runtime's call.
///
/// A runtime sets `CNI_COMMAND`, gives no arguments and has pipes on stdin and stdout.
pub(crate) fn for_a_person() -> Option<ExitCode> {
    if std::env::var_os("CNI_COMMAND").is_some_and(|command| !command.is_empty()) {
        return None;
    }
    match std::env::args_os().nth(1) {
        Some(argument) if argument == "--version" || argument == "-V" => {
            let text = format!("pontoon-cni {}\n", env!("CARGO_PKG_VERSION"));
            Some(exit_after(std::io::stdout().write_all(text.as_bytes())))
        }
        Some(argument) if argument == "--help" || argument == "-h" => {
            Some(exit_after(std::io::stdout().write_all(text().as_bytes())))
        }
        Some(argument) => {
            let _ = write!(
                std::io::stderr(),
                "pontoon-cni: unknown argument {argument:?}: it takes --version and --help alone\n{}",
                text()
            );
            Some(ExitCode::from(2))
        }
        None if std::io::stdin().is_terminal() || std::io::stdout().is_terminal() => {
            Some(exit_after(std::io::stderr().write_all(text().as_bytes())))
        }
        None => None,
    }
}

/// The first two lines are those of the reference plugins.
fn text() -> String {
    format!(
        "CNI plugin pontoon-cni v{}\nCNI protocol versions supported: {}\n\
         A container runtime starts it with CNI_COMMAND set and a network configuration on stdin; \
         it hands the call to pontoond. When something fails, begin with `pontoon status`.\n",
        env!("CARGO_PKG_VERSION"),
        SpecVersion::ALL.map(SpecVersion::as_str).join(", ")
    )
}

fn exit_after(written: std::io::Result<()>) -> ExitCode {
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
