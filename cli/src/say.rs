//! What a person reads. A reader that is gone, as in `pontoon get svc | head`, ends the telling and
//! not the work.

use std::fmt::Display;
use std::io::{self, Write};

use anyhow::{Context, Result};

/// A line on standard output.
///
/// # Errors
/// When it cannot be written, but not when nobody reads it.
pub(crate) fn line(text: impl Display) -> Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}

/// A line on standard error. There is nobody to tell when it cannot be written.
pub(crate) fn aside(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// What went wrong with one object, while the others go on.
pub(crate) fn error(text: impl Display) {
    aside(format_args!("error: {text}"));
}
