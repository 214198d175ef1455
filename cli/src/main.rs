//! `pontoon`, what a person types.

use std::process::ExitCode;

fn main() -> ExitCode {
    pontoon_cli::main()
}
