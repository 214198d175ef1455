//! `pontoon get --watch`: what there is, and then a line for each change.

use std::time::SystemTime;

use anyhow::Result;
use pontoon_model::object::Kind;

use super::{Arguments, Format, layout, name};
use crate::api::{Api, Change};
use crate::exit::Exit;
use crate::grid::{Cell, Widths};
use crate::kinds::Target;
use crate::say::{self, Tone};
use crate::usage::Usage;
use crate::{output, table};

pub(super) fn run(api: &Api, arguments: &Arguments, targets: &[Target]) -> Result<Exit> {
    let [target] = targets else {
        let said = "one kind at a time can be watched: start the command once for each";
        return Err(Usage(said.to_owned()).into());
    };
    let mut told = Told { widths: Widths::default(), headed: arguments.no_headers };
    api.watch(&arguments.scope.selection(target), &mut |changes| {
        told.tell(arguments, target.kind, changes)
    })?;
    Ok(Exit::Done)
}

/// What was told already.
struct Told {
    widths: Widths,
    headed: bool,
}

impl Told {
    /// Tells changes, as long as somebody reads.
    fn tell(&mut self, arguments: &Arguments, kind: Kind, changes: &[Change]) -> Result<bool> {
        match arguments.output {
            Format::Table | Format::Wide => return self.rows(arguments, kind, changes),
            _ => {}
        }
        for change in changes {
            let text = match arguments.output {
                Format::Json => output::json(&change.object)?,
                Format::Yaml => format!("---\n{}", output::yaml(&change.object)?),
                _ => name(kind, &change.object),
            };
            if !say::read_line(text)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn rows(&mut self, arguments: &Arguments, kind: Kind, changes: &[Change]) -> Result<bool> {
        let layout = layout(arguments, false);
        let now = SystemTime::now();
        let mut rows = Vec::new();
        if !self.headed && !changes.is_empty() {
            rows.push(table::heads(kind, layout));
            self.headed = true;
        }
        rows.extend(changes.iter().map(|change| {
            let mut row = table::row(kind, &change.object, layout, now);
            row.extend(change.gone.then(|| Cell::toned("(deleted)", Tone::Bad)));
            row
        }));
        // Columns grow with what comes, and never shrink: lines are read below each other.
        rows.iter().for_each(|row| self.widths.hold(row));
        for row in &rows {
            if !say::read_line(self.widths.line(row))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
