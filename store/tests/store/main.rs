//! What must hold for a store. `conformance` runs each case on both engines; the etcd ones start a real etcd, and are
//! skipped with a reason where none is installed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

/// Makes of each case one test on the embedded store and one on a real etcd.
macro_rules! conformance {
    ($($case:ident),* $(,)?) => {
        mod embedded { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let subject = crate::subject::embedded().await.unwrap();
                super::$case(subject.store.clone()).await;
            }
        )* }
        mod etcd { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(subject) = crate::subject::etcd().await else { return };
                super::$case(subject.store.clone()).await;
            }
        )* }
    };
}

mod conformance;
mod embedded_file;
mod embedded_model;
mod etcd_server;
mod following;
mod outages;
mod security;
mod subject;
