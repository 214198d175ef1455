use std::process::Command;

use crate::support::plugin::Plugin;

fn plugin(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pontoon-cni"))
        .args(arguments)
        .env_remove("CNI_COMMAND")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_person_is_told_the_version_and_what_it_is() {
    let version = format!("pontoon-cni {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(plugin(&["--version"]), (Some(0), version, String::new()));
    let (exit, help, _) = plugin(&["--help"]);
    assert_eq!(exit, Some(0));
    assert!(help.starts_with("CNI plugin pontoon-cni v"), "{help}");
    assert!(help.contains("CNI protocol versions supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n"));
    let (exit, _, stderr) = plugin(&["status"]);
    assert_eq!(exit, Some(2));
    assert!(stderr.contains("unknown argument \"status\""), "{stderr}");
}

#[test]
fn a_program_that_sets_no_command_gets_an_error_document() {
    let answer = Plugin::new("ADD").without("CNI_COMMAND").run();
    assert_eq!(answer.code(), 4);
    assert_eq!(answer.error()["msg"], "required env variables [CNI_COMMAND] missing");
}
