//! Requests and answers: body, path, query, JSON.

use std::borrow::Cow;

use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use lambda_http::{Body, Request, RequestExt};

use super::Problem;

/// Maximum size of a client's request body, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// Maximum size of a webhook's body, in bytes. The limit is small, because we store the whole body with each
/// unmatched item.
pub const MOST_WEBHOOK_BYTES: usize = 24 << 10;

/// Returns the body.
///
/// # Errors
/// 413 if it has more than `most` bytes.
pub fn body(request: &Request, most: usize) -> Result<&[u8], Problem> {
    let body: &[u8] = request.body();
    if body.len() > most { Err(Problem::too_large(most)) } else { Ok(body) }
}

/// Returns the segments of the path, decoded: `/messages/7` is `["messages", "7"]`.
#[must_use]
pub fn path_segments(request: &Request) -> Vec<Cow<'_, str>> {
    let path = request.raw_http_path().split('/').filter(|segment| !segment.is_empty());
    path.map(|segment| Cow::Owned(decode(segment))).collect()
}

/// Returns the first value of a query parameter.
#[must_use]
pub fn query(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref()?.first(name).map(str::to_owned)
}

/// Returns a JSON answer.
#[must_use]
pub fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
