//! Lines, each as long as it is drawn.

use super::grid::Grid;

/// A straight line, in halves of a character's width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stroke {
    pub(super) from: (usize, usize),
    pub(super) to: (usize, usize),
    pub(super) dashed: bool,
}

/// All straight lines.
pub(super) fn find(grid: &Grid) -> Vec<Stroke> {
    let mut strokes = Vec::new();
    for row in 0..grid.rows() {
        let halves = (0..grid.columns()).flat_map(|column| {
            let (arms, c) = (grid.arms(row, column), grid.at(row, column));
            let straight = !is_round(c);
            [arms.left && straight, arms.right && straight].map(|inked| (inked, c == '╌'))
        });
        for (from, to, dashed) in runs(halves) {
            let y = 2 * row + 1;
            strokes.push(Stroke { from: (from, y), to: (to, y), dashed });
        }
    }
    for column in 0..grid.columns() {
        let halves = (0..grid.rows()).flat_map(|row| {
            let (arms, c) = (grid.arms(row, column), grid.at(row, column));
            let straight = !is_round(c);
            [arms.up && straight, arms.down && straight].map(|inked| (inked, c == '╎'))
        });
        for (from, to, dashed) in runs(halves) {
            let x = 2 * column + 1;
            strokes.push(Stroke { from: (x, from), to: (x, to), dashed });
        }
    }
    strokes
}

/// Whether a character is a rounded corner.
pub(super) fn is_round(c: char) -> bool {
    "╭╮╰╯".contains(c)
}

/// Where ink begins and ends in a sequence of halves, and whether it is dashed.
fn runs(halves: impl Iterator<Item = (bool, bool)>) -> Vec<(usize, usize, bool)> {
    let mut runs: Vec<(usize, usize, bool)> = Vec::new();
    for (at, (_, dashed)) in halves.enumerate().filter(|(_, (inked, _))| *inked) {
        match runs.last_mut() {
            Some((_, end, same)) if *end == at && *same == dashed => *end = at + 1,
            _ => runs.push((at, at + 1, dashed)),
        }
    }
    runs
}
