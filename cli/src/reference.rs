//! The command line as pages: one in Markdown, and what man pages are made of.

use std::fmt::Write;

use clap::{Arg, Command};

use crate::command::command;
use crate::exit::Exit;

/// The reference in Markdown, `docs/cli.md`.
#[must_use]
pub fn markdown() -> String {
    let root = command();
    let mut page = String::from(
        "# The command `pontoon`\n\n<!-- Made from the command itself: `cargo xtask docs` writes it anew. -->\n",
    );
    let _ = write!(page, "\n{}. `pontoon COMMAND --help` shows what is here.\n", about(&root));
    page.push_str("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n");
    for exit in Exit::ALL {
        let _ = writeln!(page, "| {} | {} |", exit as u8, exit.meaning());
    }
    page.push_str("\nA command that concerns several objects goes on behind one that fails; of several codes the highest counts.\n");
    page.push_str("\n## Options of every command\n");
    options(&mut page, root.get_arguments().filter(|arg| arg.is_global_set()));
    for sub in root.get_subcommands() {
        chapter(&mut page, "pontoon", sub);
    }
    page
}

/// Every command that has a page of its own, with its full name: `pontoon-node-remove`.
#[must_use]
pub fn pages() -> Vec<(String, Command)> {
    let mut root = command();
    root.build();
    let mut pages = vec![("pontoon".to_owned(), root.clone())];
    for sub in root.get_subcommands().filter(|sub| is_shown(sub)) {
        collect("pontoon", sub, &mut pages);
    }
    pages
}

fn collect(before: &str, command: &Command, pages: &mut Vec<(String, Command)>) {
    let name = format!("{before}-{}", command.get_name());
    pages.push((name.clone(), command.clone().display_name(name.clone())));
    for sub in command.get_subcommands().filter(|sub| is_shown(sub)) {
        collect(&name, sub, pages);
    }
}

fn is_shown(command: &Command) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

fn chapter(page: &mut String, before: &str, command: &Command) {
    if !is_shown(command) {
        return;
    }
    let name = format!("{before} {}", command.get_name());
    let _ = write!(page, "\n## `{name}`\n\n{}.\n", about(command));
    if command.has_subcommands() {
        for sub in command.get_subcommands() {
            chapter(page, &name, sub);
        }
        return;
    }
    let usage = command.clone().bin_name(&name).render_usage().to_string();
    let _ = write!(page, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
    options(page, command.get_arguments().filter(|arg| !arg.is_global_set()));
    if let Some(after) = command.get_after_help() {
        let _ = write!(page, "\n```text\n{after}\n```\n");
    }
}

fn options<'a>(page: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    let rows: Vec<String> = arguments
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .map(row)
        .collect();
    if !rows.is_empty() {
        let _ = write!(page, "\n| argument | meaning |\n| --- | --- |\n{}\n", rows.join("\n"));
    }
}

fn row(arg: &Arg) -> String {
    let values = arg.get_value_names().unwrap_or_default();
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let takes = arg.get_action().takes_values();
    let mut names = Vec::new();
    names.extend(arg.get_short().map(|short| format!("-{short}")));
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    let mut name = names.join(", ");
    if name.is_empty() {
        name = values.join(" ");
    } else if takes {
        name = format!("{name} {}", values.join(" "));
    }
    let mut meaning = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|choice| takes && !arg.is_hide_possible_values_set() && !choice.is_hide_set())
        .map(|choice| format!("`{}`", choice.get_name()))
        .collect();
    if !choices.is_empty() {
        let _ = write!(meaning, ": {}", choices.join(", "));
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
    if !default.is_empty() && takes && !arg.is_hide_default_value_set() {
        let _ = write!(meaning, " [default: {}]", default.join(", "));
    }
    if let Some(variable) = arg.get_env() {
        let _ = write!(meaning, " [variable: {}]", variable.to_string_lossy());
    }
    format!("| `{}` | {} |", name.replace('|', "\\|"), meaning.replace('|', "\\|"))
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}
