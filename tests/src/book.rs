//! Commands of the book, as a reader types them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The fence of a block whose commands are run.
const FENCE: &str = "```sh tried\n";

/// The blocks of a page that are to be run, in its order.
///
/// # Errors
/// When there is no such page, or none in it.
pub fn blocks(page: &str) -> Result<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file:?}"))?;
    let behind = text.split(FENCE).skip(1);
    let blocks: Vec<_> =
        behind.filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect();
    ensure!(!blocks.is_empty(), "{page} has no block that begins with {FENCE:?}");
    Ok(blocks)
}
