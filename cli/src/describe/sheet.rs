//! Fields, tables and remarks, below each other.

use std::fmt;

use crate::grid::{self, Cell};
use crate::say::{Tone, toned};

/// What is told of an object.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    fields: Vec<(&'static str, Vec<String>)>,
    tables: Vec<(String, Vec<Vec<Cell>>)>,
    remarks: Vec<String>,
}

impl Sheet {
    /// A field with one value; none is said to be none.
    pub(super) fn field(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        self.lines(name, if value.is_empty() { Vec::new() } else { vec![value] });
    }

    /// A field that is only there when it has a value.
    pub(super) fn field_if(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.field(name, value);
        }
    }

    /// A field with values below each other.
    pub(super) fn lines(&mut self, name: &'static str, values: Vec<String>) {
        let none = || vec!["<none>".to_owned()];
        self.fields.push((name, if values.is_empty() { none() } else { values }));
    }

    /// A table below the fields.
    pub(super) fn table<const N: usize>(
        &mut self,
        name: impl Into<String>,
        heads: [&str; N],
        rows: Vec<[Cell; N]>,
    ) {
        let mut all = Vec::new();
        if !rows.is_empty() {
            all.push(grid::heads(heads));
        }
        all.extend(rows.into_iter().map(Vec::from));
        self.tables.push((name.into(), all));
    }

    /// Something that a person should know.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 1;
        let mut lines = Vec::new();
        for (name, values) in &self.fields {
            let mut name = format!("{name}:");
            for value in values {
                let padding = width - name.chars().count() + 3;
                lines.push(format!("{}{:padding$}{value}", toned(Tone::Head, &name), ""));
                name.clear();
            }
        }
        for (name, rows) in &self.tables {
            if rows.is_empty() {
                lines.push(format!("{} <none>", toned(Tone::Head, &format!("{name}:"))));
                continue;
            }
            lines.push(toned(Tone::Head, &format!("{name}:")));
            lines.extend(grid::lay_out(rows).lines().map(|line| format!("  {line}")));
        }
        if !self.remarks.is_empty() {
            lines.push(toned(Tone::Head, "Remarks:"));
            lines.extend(self.remarks.iter().map(|text| format!("  {}", toned(Tone::Warn, text))));
        }
        f.write_str(&lines.join("\n"))
    }
}
