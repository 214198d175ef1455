//! What a person reads. A reader that is gone, as in `pontoon get svc | head`, ends the telling and
//! not the work.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use clap::ValueEnum;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Even into a file
    Always,
    /// Not at all
    Never,
}

static COLOURED: OnceLock<bool> = OnceLock::new();

/// Decides once whether this run colours.
pub(crate) fn set_colour(colour: Colour) {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let coloured = match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            io::stdout().is_terminal()
                && !set("NO_COLOR")
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    };
    // It is set once, before anything is said.
    let _ = COLOURED.set(coloured);
}

/// What a text tells, beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing more.
    Plain,
    /// A head.
    Head,
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
}

/// A text in its tone, on a terminal.
pub(crate) fn toned(tone: Tone, text: &str) -> String {
    let code = match tone {
        Tone::Head => "1",
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Plain => "",
    };
    if code.is_empty() || text.is_empty() || !COLOURED.get().is_some_and(|coloured| *coloured) {
        return text.to_owned();
    }
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// A line on standard output.
///
/// # Errors
/// When it cannot be written, but not when nobody reads it.
pub(crate) fn line(text: impl Display) -> Result<()> {
    read_line(text).map(drop)
}

/// A line on standard output, and whether anybody still reads.
///
/// # Errors
/// When it cannot be written, but not when nobody reads it.
pub(crate) fn read_line(text: impl Display) -> Result<bool> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output cannot be written"),
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
