//! Frames, which are filled.

use super::grid::Grid;

/// A frame, by its corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) bottom: usize,
    pub(super) right: usize,
}

impl Frame {
    fn holds(self, other: Self) -> bool {
        self != other
            && self.top <= other.top
            && self.left <= other.left
            && self.bottom >= other.bottom
            && self.right >= other.right
    }
}

/// All frames with how many others each lies in, the outer ones first.
pub(super) fn find(grid: &Grid) -> Vec<(Frame, usize)> {
    let mut frames = Vec::new();
    for top in 0..grid.rows() {
        for left in 0..grid.columns() {
            frames.extend(from_corner(grid, top, left));
        }
    }
    let depth = |frame: Frame| frames.iter().filter(|other| other.holds(frame)).count();
    let mut found: Vec<_> = frames.iter().map(|frame| (*frame, depth(*frame))).collect();
    found.sort_by_key(|(_, depth)| *depth);
    found
}

fn from_corner(grid: &Grid, top: usize, left: usize) -> Option<Frame> {
    if !"┌╭".contains(grid.at(top, left)) {
        return None;
    }
    let right = (left + 1..grid.columns()).find(|column| "┐╮".contains(grid.at(top, *column)))?;
    // Words may stand in the upper edge, not at its ends.
    if right > left + 1 && !(grid.arms(top, left + 1).left && grid.arms(top, right - 1).right) {
        return None;
    }
    let ends = |row: usize| "└╰".contains(grid.at(row, left));
    let bottom = (top + 1..grid.rows()).find(|row| ends(*row) || !grid.arms(*row, left).up)?;
    let closed = ends(bottom)
        && "┘╯".contains(grid.at(bottom, right))
        && (left + 1..right).all(|column| grid.arms(bottom, column).left)
        && (top + 1..bottom).all(|row| grid.arms(row, right).up);
    closed.then_some(Frame { top, left, bottom, right })
}
