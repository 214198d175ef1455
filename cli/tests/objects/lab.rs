//! `pontoon lab`, with a script in place of the lab.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Fake, Said, run};

/// A folder as packages lay it out, with a lab at some place.
fn lay_out(fake: &Fake, lab: Option<&str>) -> std::path::PathBuf {
    let own = fake.folder().join("bin/pontoon");
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_pontoon"), &own).unwrap();
    if let Some(place) = lab {
        let lab = fake.folder().join(place);
        std::fs::create_dir_all(lab.parent().unwrap()).unwrap();
        std::fs::write(&lab, "#!/bin/sh\necho \"lab: $*\"\n").unwrap();
        std::fs::set_permissions(&lab, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    own
}

fn lab(own: &Path, fake: &Fake) -> Said {
    let nowhere = |command: &mut std::process::Command| {
        command.env("PATH", "/nonexistent");
    };
    run(own, fake, &["lab", "--help"], "", nowhere).unwrap()
}

#[test]
fn the_lab_is_found_beside_the_command_and_where_the_package_has_it() {
    for place in ["bin/pontoon-lab", "libexec/pontoon/pontoon-lab"] {
        let fake = Fake::absent();
        let own = lay_out(&fake, Some(place));
        assert_eq!(lab(&own, &fake), Said::well("lab: --help\n"), "{place}");
    }
    let fake = Fake::absent();
    let own = lay_out(&fake, None);
    let said = lab(&own, &fake);
    assert_eq!((said.code, said.err.lines().count()), (1, 1), "{}", said.err);
    assert!(said.err.contains("Debian's package pontoon has it"), "{}", said.err);
}
