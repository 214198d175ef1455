//! The pages that are made from the command itself. `cargo xtask docs` writes `docs/cli.md` anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers, too")]

#[test]
fn the_reference_in_the_book_is_that_of_this_command() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let page = pontoon_cli::markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "{path} is another: `cargo xtask docs`");
}

#[test]
fn every_command_has_a_man_page_with_its_name_and_its_options() {
    let pages = pontoon_cli::pages();
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for name in ["pontoon", "pontoon-get", "pontoon-node-remove"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for (name, command) in pages {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).title(&name).render(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(".SH NAME") && text.contains("\\-\\-help"), "{name}: {text}");
    }
}

#[test]
fn the_command_line_has_no_contradictions() {
    pontoon_cli::command().debug_assert();
}
