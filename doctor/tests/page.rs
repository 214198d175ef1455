//! The documentation's page is made from the checks.

#[test]
fn the_page_of_checks_in_the_book_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");
    let page = pontoon_doctor::page::markdown();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "{path} is not current: `cargo xtask docs`");
}
