//! Cells in columns.

use crate::say::{Tone, toned};

const BETWEEN_COLUMNS: usize = 3;

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A text that says something by its tone, too.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }
}

/// How wide columns are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Widths(Vec<usize>);

impl Widths {
    /// Makes room for a row.
    pub(crate) fn hold(&mut self, row: &[Cell]) {
        for (index, cell) in row.iter().enumerate() {
            let width = cell.text.chars().count();
            match self.0.get_mut(index) {
                Some(known) => *known = width.max(*known),
                None => self.0.push(width),
            }
        }
    }

    /// A row as a line.
    pub(crate) fn line(&self, row: &[Cell]) -> String {
        let mut line = String::new();
        let mut missing = 0;
        for (index, cell) in row.iter().enumerate() {
            line.extend(std::iter::repeat_n(' ', missing));
            line.push_str(&toned(cell.tone, &cell.text));
            let width = self.0.get(index).copied().unwrap_or_default();
            missing = (width + BETWEEN_COLUMNS).saturating_sub(cell.text.chars().count());
        }
        line.trim_end().to_owned()
    }
}

/// The heads of columns.
pub(crate) fn heads<'h>(heads: impl IntoIterator<Item = &'h str>) -> Vec<Cell> {
    heads.into_iter().map(|head| Cell::toned(head, Tone::Head)).collect()
}

/// Rows, a line each.
pub(crate) fn lay_out(rows: &[Vec<Cell>]) -> String {
    let mut widths = Widths::default();
    rows.iter().for_each(|row| widths.hold(row));
    rows.iter().map(|row| widths.line(row)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_begin_below_each_other_and_lines_end_where_their_text_ends() {
        let row = |cells: [&str; 3]| cells.map(Cell::from).to_vec();
        let shown = lay_out(&[row(["A", "LONG", "C"]), row(["äöü", "", "x"]), row(["b", "c", ""])]);
        assert_eq!(shown, "A     LONG   C\näöü          x\nb     c");
    }
}
