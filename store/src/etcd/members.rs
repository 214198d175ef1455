//! Which member of the cluster is talked to, and what is tried when it fails.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prost::Message;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::transport::Uri;
use tonic::{Code, Status};

use super::config::EtcdConfig;
use super::fault::{Subject, Verdict, explain, never_sent, verdict};
use super::session::{Method, Session, name};
use crate::{Error, Examination, Fault, Member, Result};

/// After a round in which no member answered, its error is given to everybody for so long before the next round.
const REST: Duration = Duration::from_millis(200);

/// The members of a cluster, and the connection to one of them.
pub(super) struct Members {
    config: EtcdConfig,
    uris: Vec<Uri>,
    root: Arc<str>,
    connection: Mutex<Connection>,
}

struct Connection {
    session: Option<Arc<Session>>,
    /// The member to try first.
    favourite: usize,
    failure: Option<(Instant, Error)>,
}

/// Why a call failed.
pub(super) enum Failed {
    /// No member could be reached.
    Connect(Error),
    /// A member answered with this, or broke off.
    Call(Arc<Session>, Status),
}

impl Failed {
    pub(super) fn explain(&self, operation: &str, subject: Subject) -> Error {
        match self {
            Self::Connect(error) => error.clone(),
            Self::Call(session, status) => explain(session.endpoint(), operation, subject, status),
        }
    }
}

impl Members {
    pub(super) fn new(config: EtcdConfig) -> Result<Self> {
        config.validate()?;
        let uris = config.uris()?;
        let root: Arc<str> = config.root()?.into();
        // Hosts share the work out among the members.
        let favourite = rand::random_range(0..uris.len());
        let connection = Mutex::new(Connection { session: None, favourite, failure: None });
        Ok(Self { config, uris, root, connection })
    }

    pub(super) fn root(&self) -> &Arc<str> {
        &self.root
    }

    pub(super) fn endpoints(&self) -> String {
        self.uris.iter().map(name).collect::<Vec<_>>().join(",")
    }

    /// Asks every member by itself, and one of them what time it is.
    pub(super) async fn examine(&self) -> Examination {
        let asked = self.uris.iter().map(|uri| async move {
            let session = Session::open_in_time(&self.config, uri, &self.root).await;
            let time = match &session {
                Ok(session) if uri.scheme_str() == Some("https") => session.date().await,
                Ok(_) => super::clock::ask(uri, self.config.request_timeout).await,
                Err(_) => None,
            };
            let time = time.map(|time| (time, SystemTime::now()));
            (Member { target: name(uri), fault: session.err().map(|e| e.to_string()) }, time)
        });
        let (members, times): (Vec<Member>, Vec<_>) =
            futures::future::join_all(asked).await.into_iter().unzip();
        Examination { members, clock: times.into_iter().flatten().next() }
    }

    /// A session with a member that answered. All who need a new one wait for the same attempt.
    pub(super) async fn session(&self) -> Result<Arc<Session>> {
        let mut connection = self.connection.lock().await;
        let held = connection.session.take();
        if let Some(session) = held.as_ref().filter(|session| !session.is_broken()) {
            connection.session = held.clone();
            return Ok(session.clone());
        }
        if let Some((when, error)) = &connection.failure
            && when.elapsed() < REST
        {
            return Err(error.clone());
        }
        // A member that just broke is tried last.
        let first = connection.favourite + usize::from(held.is_some());
        let mut errors = Vec::new();
        for step in 0..self.uris.len() {
            let index = (first + step) % self.uris.len();
            match Session::open_in_time(&self.config, &self.uris[index], &self.root).await {
                Ok(session) => {
                    tracing::debug!(
                        endpoint = session.endpoint(),
                        version = session.version(),
                        "connected to etcd"
                    );
                    let session = Arc::new(session);
                    *connection = Connection {
                        session: Some(session.clone()),
                        favourite: index,
                        failure: None,
                    };
                    return Ok(session);
                }
                Err(error) => errors.push(error),
            }
        }
        let error = sum_up(errors);
        connection.failure = Some((Instant::now(), error.clone()));
        Err(error)
    }

    /// Carries out a call: again with a new login when the old one ran out, and on another member when this one fails
    /// and doing the call twice does no harm.
    pub(super) async fn attempt<A, F>(
        &self,
        method: Method,
        call: impl Fn(Arc<Session>) -> F,
    ) -> Result<A, Failed>
    where
        F: Future<Output = Result<A, Status>>,
    {
        let mut retries = self.uris.len();
        let mut logged_in = false;
        loop {
            let session = self.session().await.map_err(Failed::Connect)?;
            let token = session.token();
            let status = match call(session.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match verdict(&status) {
                Verdict::LoginOver if session.has_login() && !logged_in => {
                    logged_in = true;
                    session.log_in(token).await.map_err(|status| Failed::Call(session, status))?;
                }
                Verdict::Away => {
                    session.give_up();
                    let harmless = method.repeatable || never_sent(&status);
                    // Waiting as long again for the only member helps nobody.
                    let pointless = self.uris.len() == 1 && status.code() == Code::DeadlineExceeded;
                    if retries == 0 || !harmless || pointless {
                        return Err(Failed::Call(session, status));
                    }
                    retries -= 1;
                }
                Verdict::LoginOver | Verdict::Unauthenticated => {
                    // Authentication may have been turned on after the session began without it.
                    session.give_up();
                    return Err(Failed::Call(session, status));
                }
                _ => return Err(Failed::Call(session, status)),
            }
        }
    }

    /// Carries out a call of one request and one answer.
    pub(super) async fn call<Q, A>(&self, method: Method, request: Q) -> Result<A, Failed>
    where
        Q: Message + Clone + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let request = &request;
        self.attempt(method, |session| async move { session.unary(method, request.clone()).await })
            .await
    }
}

/// One error for a round in which no member answered. What a person has to mend goes before what may pass.
fn sum_up(mut errors: Vec<Error>) -> Error {
    if let Some(index) = errors.iter().position(|error| !error.is_retryable()) {
        return errors.swap_remove(index);
    }
    if errors.len() == 1 {
        return errors.swap_remove(0);
    }
    let faults: Vec<&Fault> = errors.iter().filter_map(Error::fault).collect();
    let cause = faults
        .iter()
        .map(|fault| format!("{}: {}", fault.target, fault.cause))
        .collect::<Vec<_>>()
        .join("; ");
    Error::Unavailable(Box::new(Fault {
        target: format!("{} endpoints", faults.len()),
        operation: "connect".to_owned(),
        cause,
        hint: faults.iter().find_map(|fault| fault.hint.clone()),
    }))
}
