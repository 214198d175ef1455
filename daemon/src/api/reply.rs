//! Answers, and errors with the codes that HTTP has for them.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use pontoon_model::api::{Code, Failure};
use pontoon_model::rest::ApiError;
use serde::Serialize;
use tracing::error;

/// Seconds after which what may pass is tried again.
const RETRY: HeaderValue = HeaderValue::from_static("1");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A document.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_vec(document) {
        Ok(text) => bytes(status, text),
        Err(error) => {
            failed(Failure::new(Code::Internal, "the answer cannot be written", error.to_string()))
        }
    }
}

fn bytes(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// Why there is no answer.
pub(super) fn failed(failure: Failure) -> Response {
    let status = status(failure.code);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        error!(%failure, "a request over the API failed");
    }
    let text = serde_json::to_vec(&ApiError::from(failure)).unwrap_or_default();
    let mut response = bytes(status, text);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY);
    }
    response
}

/// What HTTP says to a failure.
fn status(code: Code) -> StatusCode {
    match code {
        Code::Decode
        | Code::UnsupportedField
        | Code::InvalidObject
        | Code::InvalidConfig
        | Code::InvalidEnvironment
        | Code::IncompatibleVersion => StatusCode::BAD_REQUEST,
        Code::NotFound | Code::UnknownContainer => StatusCode::NOT_FOUND,
        Code::NotAllowed => StatusCode::FORBIDDEN,
        Code::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        Code::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Expired => StatusCode::GONE,
        Code::Conflict
        | Code::AddressesExhausted
        | Code::AddressUnavailable
        | Code::HostPortTaken
        | Code::InterfaceExists
        | Code::Cordoned => StatusCode::CONFLICT,
        Code::TryAgainLater | Code::NotAvailable | Code::Store => StatusCode::SERVICE_UNAVAILABLE,
        Code::Io
        | Code::Internal
        | Code::NetnsUnusable
        | Code::StateNotWritten
        | Code::CheckFailed
        | Code::Kernel => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
