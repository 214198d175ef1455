//! Process 1 of a runtime host.

fn main() {
    if let Err(error) = pontoon_tests::host::init::run() {
        println!("{error:#}");
        std::process::exit(1);
    }
}
