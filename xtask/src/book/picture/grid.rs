//! Characters by row and column.

/// Which ways a line leaves the middle of a character's place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Arms {
    pub(super) up: bool,
    pub(super) down: bool,
    pub(super) left: bool,
    pub(super) right: bool,
}

/// A drawing.
#[derive(Debug)]
pub(super) struct Grid(Vec<Vec<char>>);

impl Grid {
    pub(super) fn new(art: &str) -> Self {
        let lines = art.trim_end().lines().skip_while(|line| line.trim().is_empty());
        Self(lines.map(|line| line.trim_end().chars().collect()).collect())
    }

    pub(super) fn rows(&self) -> usize {
        self.0.len()
    }

    pub(super) fn columns(&self) -> usize {
        self.0.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// The character at a place; a space where there is none.
    pub(super) fn at(&self, row: usize, column: usize) -> char {
        self.0.get(row).and_then(|line| line.get(column)).copied().unwrap_or(' ')
    }

    pub(super) fn arms(&self, row: usize, column: usize) -> Arms {
        arms(self.at(row, column)).unwrap_or_default()
    }

    /// Texts with the places where they begin: two spaces part them, one does not.
    pub(super) fn texts(&self) -> Vec<(usize, usize, String)> {
        let mut texts = Vec::new();
        for (row, line) in self.0.iter().enumerate() {
            let mut begin = 0;
            while begin < line.len() {
                let is_text = |column: usize| line.get(column).copied().is_some_and(is_text);
                if !is_text(begin) {
                    begin += 1;
                    continue;
                }
                let goes_on =
                    |end: usize| is_text(end) || (line.get(end) == Some(&' ') && is_text(end + 1));
                let end = (begin..).find(|end| !goes_on(*end)).unwrap_or(line.len());
                texts.push((row, begin, line[begin..end].iter().collect()));
                begin = end;
            }
        }
        texts
    }
}

fn is_text(c: char) -> bool {
    c != ' ' && arms(c).is_none()
}

/// The arms of a character that is part of a line.
fn arms(c: char) -> Option<Arms> {
    let has = |set: &str| set.contains(c);
    let found = Arms {
        up: has("│╎└┘├┤┴┼╰╯▼"),
        down: has("│╎┌┐├┤┬┼╭╮▲"),
        left: has("─╌┐┘┤┬┴┼╮╯▶"),
        right: has("─╌┌└├┬┴┼╭╰◀"),
    };
    (found != Arms::default()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_end_at_two_spaces_and_at_lines() {
        let grid = Grid::new("a b  c│d e ─ f\n");
        let texts: Vec<_> = grid.texts().into_iter().map(|(_, at, text)| (at, text)).collect();
        let wanted = [(0, "a b"), (5, "c"), (7, "d e"), (13, "f")];
        assert_eq!(texts, wanted.map(|(at, text)| (at, text.to_owned())));
    }
}
