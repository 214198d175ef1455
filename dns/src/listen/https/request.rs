//! The question that a request holds (RFC 8484, section 4.1).

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, StatusCode, Uri};

use super::super::stream::ask::LONGEST;

/// Where questions go.
const PATH: &str = "/dns-query";
/// The media type of a message.
pub(super) const MESSAGE: &str = "application/dns-message";

/// The question of a request whose body comes within that time.
pub(super) async fn question<B>(
    request: Request<B>,
    patience: Duration,
) -> Result<Vec<u8>, StatusCode>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if request.uri().path() != PATH {
        return Err(StatusCode::NOT_FOUND);
    }
    match *request.method() {
        Method::GET => in_address(request.uri()),
        Method::POST => {
            let media_type = request.headers().get(CONTENT_TYPE);
            if media_type.is_none_or(|value| !is_message(value.as_bytes())) {
                return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            }
            let body = Limited::new(request.into_body(), LONGEST).collect();
            match tokio::time::timeout(patience, body).await {
                Ok(Ok(body)) => Ok(body.to_bytes().into()),
                Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                    Err(StatusCode::PAYLOAD_TOO_LARGE)
                }
                Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
                Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
            }
        }
        _ => Err(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The question in `?dns=…`.
fn in_address(uri: &Uri) -> Result<Vec<u8>, StatusCode> {
    let parameters = uri.query().unwrap_or_default().split('&');
    let mut values = parameters.filter_map(|parameter| parameter.strip_prefix("dns="));
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    if value.len() > BASE64URL_NOPAD.encode_len(LONGEST) {
        return Err(StatusCode::URI_TOO_LONG);
    }
    BASE64URL_NOPAD.decode(value.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)
}

/// Whether a media type is that of a message; parameters say nothing about it.
fn is_message(media_type: &[u8]) -> bool {
    let bare = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    bare.trim_ascii().eq_ignore_ascii_case(MESSAGE.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;
    use hyper::http::request::Builder;
    use std::convert::Infallible;

    async fn question_of(request: Builder, body: impl Into<Bytes>) -> Result<Vec<u8>, u16> {
        let request = request.body(Full::new(body.into())).unwrap();
        question(request, Duration::from_secs(1)).await.map_err(|status| status.as_u16())
    }

    async fn get(address: &str) -> Result<Vec<u8>, u16> {
        question_of(Request::get(address), "").await
    }

    async fn post(media_type: &str, body: impl Into<Bytes>) -> Result<Vec<u8>, u16> {
        let request = Request::post("/dns-query").header(CONTENT_TYPE, media_type);
        question_of(request, body).await
    }

    #[tokio::test]
    async fn rfc8484_4_1_get_has_its_question_in_base64url() {
        // The example of RFC 8484, section 4.1.1.
        let example = "AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
        let wire = b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03com\0\0\x01\0\x01";
        assert_eq!(get(&format!("/dns-query?dns={example}")).await, Ok(wire.to_vec()));
        assert_eq!(get(&format!("/dns-query?a=1&dns={example}&b")).await, Ok(wire.to_vec()));
    }

    #[tokio::test]
    async fn rfc8484_4_1_post_has_it_in_its_body() {
        let body = &b"any bytes"[..];
        assert_eq!(post(MESSAGE, body).await, Ok(body.to_vec()));
        assert_eq!(post("Application/DNS-Message; x=y", body).await, Ok(body.to_vec()));
        assert_eq!(post(MESSAGE, vec![0; LONGEST]).await, Ok(vec![0; LONGEST]));
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_by_the_status() {
        assert_eq!(get("/").await, Err(404));
        assert_eq!(get("/dns-query/x?dns=AAAB").await, Err(404));
        assert_eq!(question_of(Request::put("/dns-query?dns=AAAB"), "").await, Err(405));
        assert_eq!(question_of(Request::head("/dns-query?dns=AAAB"), "").await, Err(405));
        for query in ["", "?", "?dns", "?dns=A", "?dns=AAAB=", "?dns=A+/B", "?dns=AAAB&dns=AAAB"] {
            assert_eq!(get(&format!("/dns-query{query}")).await, Err(400), "{query:?}");
        }
        let long = "A".repeat(2 * LONGEST);
        assert_eq!(get(&format!("/dns-query?dns={long}")).await, Err(414));
        assert_eq!(post(MESSAGE, vec![0; LONGEST + 1]).await, Err(413));
        assert_eq!(post("application/json", "{}").await, Err(415));
        assert_eq!(question_of(Request::post("/dns-query"), "x").await, Err(415));
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let never = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        let request = Request::post("/dns-query").header(CONTENT_TYPE, MESSAGE);
        let request = request.body(StreamBody::new(never)).unwrap();
        let status = question(request, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    }
}
