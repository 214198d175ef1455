//! The database file: opening it, and mending it after an I/O error.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::Database;

use super::failure::{Failure, Outcome, explain};
use super::schema::{
    FORMAT, LEASED, LEASES, LOG, META, META_FORMAT, META_REVISION, VERSIONS, counter,
};
use crate::{Error, Result, Revision};

/// The database, open or about to be opened again.
pub(super) struct DatabaseFile {
    path: PathBuf,
    cache_bytes: usize,
    state: RwLock<State>,
}

enum State {
    /// To be opened by the next step.
    Closed,
    Open(Database),
    /// The library panicked over it. What it left in memory is not to be touched again.
    Damaged(Error),
}

impl DatabaseFile {
    pub(super) fn open(path: &Path, cache_bytes: usize) -> Result<Self> {
        let file = Self { path: path.to_owned(), cache_bytes, state: RwLock::new(State::Closed) };
        file.run("open", |_| Ok(()))?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a step on the database. After an I/O error redb wants to be opened anew; the next step does that, so that
    /// a store whose disk was full works again once there is room. A panic in redb, which damaged files have been seen
    /// to cause, is an error like any other.
    pub(super) fn run<T>(
        &self,
        operation: &str,
        step: impl FnOnce(&Database) -> Outcome<T>,
    ) -> Result<T> {
        let run = || {
            self.ensure_open()?;
            match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
                State::Open(database) => step(database),
                State::Damaged(error) => Err(error.clone().into()),
                State::Closed => Err(redb::StorageError::DatabaseClosed.into()),
            }
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => {
                if !matches!(failure, Failure::Store(_)) {
                    self.close();
                }
                Err(explain(&self.path, operation, failure))
            }
            Err(panic) => Err(self.give_up(operation, panic.as_ref())),
        }
    }

    fn ensure_open(&self) -> Outcome<()> {
        if !matches!(&*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Closed) {
            return Ok(());
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Closed) {
            let file = open_locked(&self.path)?;
            let database =
                Database::builder().set_cache_size(self.cache_bytes).create_file(file)?;
            prepare(&database)?;
            *state = State::Open(database);
        }
        Ok(())
    }

    /// Closes the database; the next step opens it again.
    fn close(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Open(_)) {
            close_quietly(std::mem::replace(&mut *state, State::Closed));
        }
    }

    fn give_up(&self, operation: &str, panic: &(dyn std::any::Any + Send)) -> Error {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        let error = explain(&self.path, operation, Failure::Panic(said.to_owned()));
        let damaged = State::Damaged(error.clone());
        let held = std::mem::replace(
            &mut *self.state.write().unwrap_or_else(PoisonError::into_inner),
            damaged,
        );
        // Its destructor would panic again, and a panic in a panic ends the process.
        std::mem::forget(held);
        error
    }
}

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        close_quietly(std::mem::replace(state, State::Closed));
    }
}

/// Closes the database. It writes what helps the next start to be quick; where that fails, the next start is slower.
fn close_quietly(state: State) {
    if catch_unwind(AssertUnwindSafe(|| drop(state))).is_err() {
        tracing::warn!("the embedded store could not be closed cleanly");
    }
}

/// Opens and locks the file. One whose creation was cut short holds nothing yet, and is begun anew.
fn open_locked(path: &Path) -> Outcome<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(io::Error::from(io::ErrorKind::WouldBlock).into());
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if creation_was_cut_short(&mut file)? {
        file.set_len(0)?;
    }
    Ok(file)
}

/// redb writes its magic number last when it creates a file; before that there is a header and nothing else.
fn creation_was_cut_short(file: &mut File) -> io::Result<bool> {
    const MAGIC: usize = 9;
    const HEADER: usize = 4096;
    const LARGEST_NEW_FILE: u64 = 8 << 20;
    let length = file.metadata()?.len();
    if length == 0 || length > LARGEST_NEW_FILE {
        return Ok(false);
    }
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADER as u64).read_to_end(&mut content)?;
    if content.iter().take(MAGIC).any(|byte| *byte != 0) {
        return Ok(false);
    }
    content.clear();
    file.read_to_end(&mut content)?;
    Ok(content.iter().all(|byte| *byte == 0))
}

/// Makes the tables of a new file, and refuses a file that is not ours.
fn prepare(database: &Database) -> Outcome<()> {
    let tx = database.begin_write()?;
    let is_new = tx.list_tables()?.next().is_none();
    {
        let mut meta = tx.open_table(META)?;
        match counter(&meta, META_FORMAT)? {
            FORMAT => return Ok(()),
            0 if is_new => {}
            0 => {
                let cause = "the file is a database of another program".to_owned();
                return Err(Failure::Foreign(cause, "choose another path for the embedded store"));
            }
            found => {
                let cause = format!("the file has format {found}, this pontoond knows {FORMAT}");
                return Err(Failure::Foreign(
                    cause,
                    "run the version of pontoond that wrote it, or a newer one",
                ));
            }
        }
        tx.open_table(VERSIONS)?;
        tx.open_table(LOG)?;
        tx.open_table(LEASES)?;
        tx.open_table(LEASED)?;
        meta.insert(META_FORMAT, FORMAT)?;
        meta.insert(META_REVISION, Revision::EMPTY_STORE.0)?;
    }
    tx.commit()?;
    Ok(())
}
