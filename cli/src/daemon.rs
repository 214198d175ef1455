//! The daemon of this host.

use std::path::Path;

use anyhow::{Result, bail};
use pontoon_client::{ask, deadline};
use pontoon_model::api::{Failure, Request, Response};
use pontoon_model::object::{Documents, Outcome, Selection};

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Daemon<'a> {
    socket: &'a Path,
}

impl<'a> Daemon<'a> {
    pub(crate) const fn at(socket: &'a Path) -> Self {
        Self { socket }
    }

    /// Asks; what the daemon could not do is an error, as is that it did not answer.
    pub(crate) fn ask(self, request: &Request) -> Result<Response> {
        match self.exchange(request)? {
            Response::Failed(failure) => bail!("{failure}"),
            response => Ok(response),
        }
    }

    /// The objects of a selection; within, what the daemon could not do.
    pub(crate) fn objects(self, selection: Selection) -> Result<Result<Documents, Failure>> {
        match self.exchange(&Request::Get(selection))? {
            Response::Objects(objects) => Ok(Ok(objects)),
            Response::Failed(failure) => Ok(Err(failure)),
            other => bail!(strange(&other)),
        }
    }

    /// What became of objects; within, what the daemon could not do.
    pub(crate) fn outcomes(self, request: &Request) -> Result<Result<Vec<Outcome>, Failure>> {
        match self.exchange(request)? {
            Response::Outcomes(outcomes) => Ok(Ok(outcomes)),
            Response::Failed(failure) => Ok(Err(failure)),
            other => bail!(strange(&other)),
        }
    }

    fn exchange(self, request: &Request) -> Result<Response> {
        match ask(self.socket, request, deadline::of_request(request)) {
            Ok(response) => Ok(response),
            Err(error) => bail!("{}", Failure::from(&error)),
        }
    }
}

/// An answer to something else.
pub(crate) fn strange(response: &Response) -> String {
    format!("pontoond answered {response:?}; is it of another version?")
}
