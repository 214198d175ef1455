//! Deletes host ends of pods. The kernel makes whoever deletes a device wait for a grace period of
//! about 20 ms; devices that are deleted in one request share it. So what arrives while one request
//! is under way goes into the next, all together.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use pontoon_netlink::{LinkChange, LinkName, Op, OpError, Rtnl, RtnlError};

use crate::names::DYING_GROUP;

type Answer = Result<(), String>;

struct Death {
    dev: LinkName,
    done: SyncSender<Answer>,
}

/// The thread that deletes.
#[derive(Debug, Clone)]
pub(super) struct Reaper {
    deaths: Sender<Death>,
}

impl Reaper {
    /// Starts the thread in the calling thread's network namespace.
    ///
    /// # Errors
    /// When there can be no connection to the kernel, or no thread.
    pub(super) fn start() -> Result<Self, RtnlError> {
        let rtnl = Rtnl::open()?;
        let (deaths, queue) = mpsc::channel();
        thread::Builder::new()
            .name("reaper".into())
            .spawn(move || run(rtnl, &queue))
            .map_err(|source| RtnlError::Socket { doing: "start the reaper's thread", source })?;
        Ok(Self { deaths })
    }

    /// Deletes a device and waits until it is gone; one that does not exist is gone already.
    ///
    /// # Errors
    /// The kernel's, in words.
    pub(super) fn delete(&self, dev: LinkName) -> Result<(), String> {
        let (done, answer) = mpsc::sync_channel(1);
        let lost = |_| "the reaper's thread is gone".to_owned();
        self.deaths.send(Death { dev, done }).map_err(|_| lost(()))?;
        answer.recv().map_err(|_| lost(()))?
    }
}

fn run(mut rtnl: Rtnl, queue: &Receiver<Death>) {
    while let Ok(first) = queue.recv() {
        let mut deaths = vec![first];
        deaths.extend(queue.try_iter());
        let answers = delete(&mut rtnl, &deaths);
        for (death, answer) in deaths.iter().zip(answers) {
            // Nobody waits any more: the device is gone all the same.
            let _ = death.done.send(answer);
        }
    }
}

fn delete(rtnl: &mut Rtnl, deaths: &[Death]) -> Vec<Answer> {
    if let [only] = deaths {
        return vec![gone_is_fine(rtnl.execute_each(&[Op::DeleteLink { dev: only.dev }]).pop())];
    }
    let change = || LinkChange { group: Some(DYING_GROUP), ..LinkChange::default() };
    let marks: Vec<Op> =
        deaths.iter().map(|death| Op::SetLink { dev: death.dev, change: change() }).collect();
    let marked: Vec<Answer> =
        rtnl.execute_each(&marks).into_iter().map(|r| gone_is_fine(Some(r))).collect();
    let deleted =
        gone_is_fine(rtnl.execute_each(&[Op::DeleteLinkGroup { group: DYING_GROUP }]).pop());
    marked.into_iter().map(|mark| mark.and_then(|()| deleted.clone())).collect()
}

fn gone_is_fine(outcome: Option<Result<(), OpError>>) -> Answer {
    match outcome {
        Some(Err(error)) if !error.is_not_found() && !error.is_no_device() => {
            Err(error.to_string())
        }
        _ => Ok(()),
    }
}
