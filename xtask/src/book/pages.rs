//! The book's pages, and whether all that they lead to is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

/// The book's table of contents.
const SUMMARY: &str = "docs/SUMMARY.md";
/// Where the repository is shown; what lies outside the book is linked there.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/");

/// A link of a page.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    line: usize,
    target: String,
}

/// Everything that is wrong with the pages of a repository.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let pages = list(&root.join("docs"), "md")?;
    let named: Vec<PathBuf> = links(&read(root, Path::new(SUMMARY))?)
        .into_iter()
        .map(|link| link.target.into())
        .collect();
    for page in &pages {
        let name = page.strip_prefix("docs").unwrap_or(page);
        match named.iter().filter(|named| *named == name).count() {
            _ if page == Path::new(SUMMARY) => {}
            1 => {}
            count => faults.push(format!("{SUMMARY} names {} {count} times", name.display())),
        }
    }
    let mut seen = BTreeSet::new();
    let others =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "vagrant/README.md"];
    for page in pages.iter().cloned().chain(others.map(PathBuf::from)) {
        for link in links(&read(root, &page)?) {
            match follow(root, &page, &link.target) {
                Ok(to) => seen.extend(to),
                Err(fault) => {
                    faults.push(format!(
                        "{}:{}: {}: {fault}",
                        page.display(),
                        link.line,
                        link.target
                    ));
                }
            }
        }
    }
    for picture in list(&root.join("docs/pictures"), "svg")? {
        let picture = Path::new("docs/pictures").join(picture.file_name().unwrap_or_default());
        if !seen.contains(&picture) {
            faults.push(format!("{} is on no page", picture.display()));
        }
    }
    Ok(faults)
}

/// Where a link leads to in the repository; nowhere when it leads outside.
fn follow(root: &Path, page: &Path, target: &str) -> Result<Option<PathBuf>, String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let to = if path.is_empty() {
        page.to_owned()
    } else if let Some(rest) = target.strip_prefix(REPOSITORY) {
        let file = ["blob/main/", "tree/main/"].iter().find_map(|kind| rest.strip_prefix(kind));
        let Some(file) = file else { return Ok(None) };
        PathBuf::from(file.split('#').next().unwrap_or(file))
    } else if path.contains(':') {
        return Ok(None);
    } else {
        let to = plain(&page.parent().unwrap_or(Path::new("")).join(path));
        if page.starts_with("docs") && !to.starts_with("docs") {
            return Err(format!(
                "leads out of the book; link {REPOSITORY}blob/main/{}",
                to.display()
            ));
        }
        to
    };
    if !root.join(&to).exists() {
        return Err(format!("{} is not there", to.display()));
    }
    if !anchor.is_empty() && to.extension().is_some_and(|ending| ending == "md") {
        let text = read(root, &to).map_err(|error| format!("{error:#}"))?;
        if !headings(&text).any(|heading| heading == anchor) {
            return Err(format!("{} has no heading #{anchor}", to.display()));
        }
    }
    Ok(Some(to))
}

/// Resolves `..` without a look at the disk.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir && plain.pop() {
            continue;
        }
        plain.push(part);
    }
    plain
}

/// The lines outside of code blocks, with their numbers, and code in them taken out.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        // Every other piece between backticks is code.
        let words = line.split('`').step_by(2).collect::<Vec<_>>().join("");
        (!in_code).then_some((index + 1, words))
    })
}

fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, words) in prose(text) {
        let mut rest = words.as_str();
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((target, behind)) = behind.split_once(')') else { break };
            links.push(Link { line, target: target.to_owned() });
            rest = behind;
        }
    }
    links
}

/// Headings as links call them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut in_code = false;
    let lines = text.lines().filter(move |line| {
        in_code ^= line.starts_with("```");
        !in_code && line.starts_with('#')
    });
    lines.map(|line| slug(line.trim_start_matches('#').trim()))
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn list(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {folder:?}"))?;
    let names = entries.flatten().map(|entry| PathBuf::from(entry.file_name()));
    let wanted = names.filter(|name| name.extension().is_some_and(|found| found == ending));
    let mut paths: Vec<_> = wanted.map(|name| Path::new("docs").join(name)).collect();
    paths.sort();
    Ok(paths)
}

fn read(root: &Path, page: &Path) -> Result<String> {
    let file = root.join(page);
    fs::read_to_string(&file).with_context(|| format!("cannot read {file:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Workspace;

    #[test]
    fn every_page_is_in_the_summary_and_every_link_leads_somewhere() {
        let faults = faults(Workspace::locate().root()).unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    #[test]
    fn code_holds_no_links() {
        let text = "[a](b.md) `[c](d)` [`e`](f.md#g)\n```sh\n[h](i)\n```\n![j](k.svg)\n";
        let found: Vec<_> = links(text).into_iter().map(|link| (link.line, link.target)).collect();
        let wanted = [(1, "b.md"), (1, "f.md#g"), (5, "k.svg")];
        assert_eq!(found, wanted.map(|(line, target)| (line, target.to_owned())));
    }

    #[test]
    fn faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        for page in
            ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "vagrant/README.md"]
        {
            put(page, "");
        }
        put("docs/pictures/lost.svg", "");
        put("docs/SUMMARY.md", "- [A](a.md)\n- [Gone](gone.md)\n");
        put("docs/a.md", "# A `b` & c!\n[x](#a-b--c) [y](#d) [z](../README.md)\n");
        put("docs/b.md", &format!("[x]({REPOSITORY}blob/main/nothing) [y](https://example.com)\n"));
        let said = faults(folder.path()).unwrap();
        for part in [
            "names b.md 0 times",
            "docs/SUMMARY.md:2: gone.md: docs/gone.md is not there",
            "docs/a.md:2: #d: docs/a.md has no heading #d",
            "docs/a.md:2: ../README.md: leads out of the book",
            "nothing is not there",
            "lost.svg is on no page",
        ] {
            assert!(said.iter().any(|fault| fault.contains(part)), "no {part:?} in {said:#?}");
        }
        assert_eq!(said.len(), 6, "{said:#?}");
    }
}
