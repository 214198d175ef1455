//! The book in `docs/`: what in it is made from something else, and what holds it together.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`picture`] | drawings from text |
//! | [`pages`] | the book's pages, and whether all that they lead to is there |

mod pages;
mod picture;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell::{Workspace, heading};

/// Pages that tests compare with the code, by package and by the name that these tests share.
const COMPARED: &[&str] = &["pontoon-model", "pontoon-daemon", "pontoon-doctor", "pontoon-cli"];
const COMPARING: &str = "in_the_book";

/// Writes everything anew that is made from something else.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    heading("pictures");
    for (text, svg) in pictures(workspace.root())? {
        let picture = render(&text)?;
        if fs::read_to_string(&svg).unwrap_or_default() != picture {
            fs::write(&svg, picture).with_context(|| format!("cannot write {svg:?}"))?;
            println!("   {}", svg.display());
        }
    }
    let mut tests = workspace.cargo();
    tests.arg("test").args(COMPARED.iter().flat_map(|package| ["--package", package]));
    tests.args(["--quiet", "--", COMPARING]).env("UPDATE_GOLDEN", "1");
    workspace.step("pages made from the code", &mut tests)?;
    let faults = pages::faults(workspace.root())?;
    ensure!(faults.is_empty(), "the book has faults:\n{}", faults.join("\n"));
    Ok(())
}

/// The pictures' texts, and the files that are made of them.
fn pictures(root: &Path) -> Result<Vec<(PathBuf, PathBuf)>> {
    let folder = root.join("docs/pictures");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {folder:?}"))?;
    let texts = entries.flatten().map(|entry| entry.path());
    let mut texts: Vec<_> =
        texts.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    texts.sort();
    Ok(texts.into_iter().map(|text| (text.clone(), text.with_extension("svg"))).collect())
}

fn render(text: &Path) -> Result<String> {
    let drawing = fs::read_to_string(text).with_context(|| format!("cannot read {text:?}"))?;
    picture::draw(&drawing).with_context(|| format!("picture {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_those_of_their_texts() {
        let root = Workspace::locate().root().to_owned();
        let pictures = pictures(&root).unwrap();
        assert!(!pictures.is_empty());
        for (text, svg) in pictures {
            let written = fs::read_to_string(&svg).unwrap_or_default();
            assert!(written == render(&text).unwrap(), "{svg:?} is another: `cargo xtask docs`");
        }
    }
}
