//! Pictures of the book: text drawn with box characters, in `docs/pictures/NAME.txt`, becomes
//! `NAME.svg` beside it.
//!
//! The first line of the text is the picture's title. A frame whose upper edge holds words is
//! called so (`┌─ host-1 ──┐`); `▶◀▲▼` end lines, `╌` and `╎` are dashed, everything else is text.

mod frame;
mod grid;
mod stroke;
mod svg;

use anyhow::{Result, ensure};

use grid::Grid;

/// A picture from its text.
pub(crate) fn draw(text: &str) -> Result<String> {
    let (title, art) = text.split_once('\n').unwrap_or((text, ""));
    ensure!(!title.trim().is_empty(), "the first line is empty: it is the picture's title");
    ensure!(!text.contains('\t'), "it holds a tab: draw with spaces");
    let grid = Grid::new(art);
    ensure!(grid.rows() > 0, "there is nothing below the title");
    Ok(svg::write(title.trim(), &grid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(picture: &str, part: &str) -> usize {
        picture.matches(part).count()
    }

    #[test]
    fn a_frame_is_filled_and_called_by_the_words_in_its_upper_edge() {
        let picture = draw("One host\n┌─ host-1 ─┐\n│ a  b c   │\n└──────────┘\n").unwrap();
        assert!(picture.contains("<title>One host</title>"), "{picture}");
        assert_eq!(count(&picture, "class=\"d0\""), 1, "{picture}");
        assert!(picture.contains("class=\"name\"") && picture.contains(">host-1</text>"));
        // Two spaces part texts, one does not.
        assert!(picture.contains(">a</text>") && picture.contains(">b c</text>"), "{picture}");
    }

    #[test]
    fn a_frame_within_another_has_another_colour() {
        let picture = draw("t\n┌─────┐\n│┌─┐┌┐│\n│└─┘└┘│\n└─────┘\n").unwrap();
        assert_eq!((count(&picture, "class=\"d0\""), count(&picture, "class=\"d1\"")), (1, 2));
    }

    #[test]
    fn characters_of_one_line_become_one_line() {
        let picture = draw("t\na ────▶ b\n").unwrap();
        assert_eq!(count(&picture, "<line "), 1, "{picture}");
        assert_eq!(count(&picture, "<path class=\"head\""), 1, "{picture}");
    }

    #[test]
    fn what_svg_would_read_otherwise_is_escaped() {
        let picture = draw("a < b\n\"x\" & <y>\n").unwrap();
        assert!(picture.contains("<title>a &lt; b</title>"), "{picture}");
        assert!(picture.contains("&amp; &lt;y&gt;</text>"), "{picture}");
    }

    #[test]
    fn a_picture_without_title_or_drawing_is_refused() {
        assert!(draw("").is_err());
        assert!(draw("\n┌┐\n└┘\n").is_err());
        assert!(draw("title\n\n").is_err());
    }
}
