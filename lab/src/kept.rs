//! Labs that outlive the program that made them: how to look inside, and how to end them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde::{Deserialize, Serialize};

use crate::folder;

/// The note's name in a lab's folder.
const NOTE: &str = "kept.json";

/// A lab that runs without the program that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLab {
    /// The lab's folder, in the mount namespace that it was made in.
    pub folder: PathBuf,
    /// The first process of the lab's user namespace, and when it was started, for an ordinary
    /// user's lab. Its end is the end of the lab.
    pub holder: Option<(i32, u64)>,
    /// Whether the program that made it was content with it.
    pub content: bool,
    /// What is worth a look.
    pub sights: Vec<Sight>,
}

/// A command that shows something of a lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sight {
    /// The network namespace to run it in.
    pub netns: PathBuf,
    /// The command, as typed in a shell.
    pub command: String,
}

impl KeptLab {
    /// The shell command for a sight.
    fn look(&self, sight: &Sight) -> String {
        let enter = match self.holder {
            None => String::new(),
            Some((pid, _)) => {
                format!("nsenter -t {pid} --user --mount --net --pid --preserve-credentials ")
            }
        };
        format!("{enter}nsenter --net={} {}", sight.netns.display(), sight.command)
    }

    /// How to look inside and how to end it, in lines for a person.
    #[must_use]
    pub fn explain(&self) -> String {
        let looks: String =
            self.sights.iter().map(|sight| format!("  {}\n", self.look(sight))).collect();
        format!(
            "The lab {} runs on. Look inside:\n{looks}End it:\n  cargo xtask demo --down",
            self.folder.display()
        )
    }

    /// Ends all that runs in the lab and takes it away.
    ///
    /// # Errors
    /// When something will not end, or a file cannot be removed.
    pub fn down(&self) -> Result<()> {
        let Some((pid, started)) = self.holder else { return folder::destroy(&self.folder) };
        if folder::start_time(pid) == Some(started) {
            kill(Pid::from_raw(pid), Signal::SIGKILL)
                .with_context(|| format!("cannot end process {pid}"))?;
        }
        Ok(())
    }
}

/// All labs that were kept and still run: root's, and those of the calling user.
#[must_use]
pub fn list() -> Vec<KeptLab> {
    let roots = folder::list().into_iter().filter(|(_, owner)| owner.kept);
    let roots = roots.filter_map(|(path, _)| read_draft(&path.join(NOTE)));
    let folder = notes_folder(geteuid().as_raw());
    // The folder is where everybody may make one: what another user put there is not heeded.
    let own = fs::metadata(&folder).is_ok_and(|found| found.uid() == geteuid().as_raw());
    let notes = own.then(|| fs::read_dir(&folder)).into_iter().flatten().flatten().flatten();
    let users = notes.filter_map(|note| read_note(&note.path()));
    roots.chain(users).collect()
}

/// Takes away every lab that [`list`] finds, and returns how many there were.
///
/// # Errors
/// The first that could not be taken away; the others are.
pub fn down_all() -> Result<usize> {
    let labs = list();
    let failures: Vec<_> = labs.iter().filter_map(|lab| lab.down().err()).collect();
    let notes = notes_folder(geteuid().as_raw());
    if notes.exists() && failures.is_empty() {
        fs::remove_dir_all(&notes).with_context(|| format!("cannot remove {notes:?}"))?;
    }
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => Ok(labs.len()),
    }
}

/// Notes a lab that its maker leaves behind in its own mount namespace.
pub(crate) fn note_in_folder(lab: &KeptLab) -> Result<()> {
    write_note(&lab.folder.join(NOTE), lab)
}

fn notes_folder(uid: u32) -> PathBuf {
    std::env::temp_dir().join(format!("pontoon-lab-{uid}"))
}

/// Where the inner and the outer program of a user namespace meet.
pub(crate) fn note_path(uid: u32, outer: u32) -> PathBuf {
    notes_folder(uid).join(format!("{outer}.json"))
}

/// The inner program does not know its number outside; the outer one adds it.
pub(crate) fn complete_note(note: &Path, holder: u32) -> Result<KeptLab> {
    let pid = i32::try_from(holder)?;
    let mut lab = read_draft(note).with_context(|| format!("cannot understand {note:?}"))?;
    let started = folder::start_time(pid)
        .with_context(|| format!("the lab's first process, {pid}, has ended"))?;
    lab.holder = Some((pid, started));
    write_note(note, &lab)?;
    Ok(lab)
}

pub(crate) fn write_note(note: &Path, lab: &KeptLab) -> Result<()> {
    if let Some(folder) = note.parent()
        && let Err(error) = fs::DirBuilder::new().mode(0o700).create(folder)
        && error.kind() != std::io::ErrorKind::AlreadyExists
    {
        bail!("cannot make {folder:?}: {error}");
    }
    let draft = note.with_extension("tmp");
    fs::write(&draft, serde_json::to_string(lab)?)
        .with_context(|| format!("cannot write {draft:?}"))?;
    fs::rename(&draft, note).with_context(|| format!("cannot write {note:?}"))
}

fn read_draft(note: &Path) -> Option<KeptLab> {
    serde_json::from_str(&fs::read_to_string(note).ok()?).ok()
}

/// A note whose lab still runs.
fn read_note(note: &Path) -> Option<KeptLab> {
    let lab = read_draft(note)?;
    let (pid, started) = lab.holder?;
    (folder::start_time(pid) == Some(started)).then_some(lab)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_lab_is_entered_through_its_holder() {
        let sights = vec![Sight { netns: "/run/l/host-1.ns".into(), command: "ip route".into() }];
        let mut lab = KeptLab { folder: "/run/l".into(), holder: None, content: true, sights };
        assert!(
            lab.explain().contains("\n  nsenter --net=/run/l/host-1.ns ip route\n"),
            "{}",
            lab.explain()
        );
        lab.holder = Some((42, 1));
        let entered =
            "\n  nsenter -t 42 --user --mount --net --pid --preserve-credentials nsenter --net=";
        assert!(lab.explain().contains(entered), "{}", lab.explain());
    }
}
