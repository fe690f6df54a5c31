//! Requests and answers: body, headers, path, query, JSON.

use std::borrow::Cow;

use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use lambda_http::{Body, Request, RequestExt};

use super::{Problem, event};
pub use crate::formats::query::Parameter;
use crate::{
    domain::{FieldError, FieldErrorCode},
    formats::query,
};

/// Maximum size of a client's request body, in bytes.
pub const MOST_BYTES: usize = 1 << 20;

/// Maximum size of a webhook's body, in bytes. A WhatsApp text has up to 65,536 characters. An unmatched item's body
/// must fit into a DynamoDB item, which has 400 KB at most.
pub const MOST_WEBHOOK_BYTES: usize = 256 << 10;

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The body has more than this many bytes.
    TooLarge(usize),
    /// The body is compressed.
    ContentEncoding,
}

/// Returns the body.
///
/// # Errors
/// If it has more than `most` bytes, or a `Content-Encoding` other than `identity`.
pub fn body(request: &Request, most: usize) -> Result<&[u8], BodyError> {
    let encodings = request.headers().get_all(CONTENT_ENCODING).iter();
    let mut encodings = encodings.flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    if !encodings
        .all(|encoding| matches!(encoding.trim_ascii(), b"") || encoding.trim_ascii().eq_ignore_ascii_case(b"identity"))
    {
        return Err(BodyError::ContentEncoding);
    }
    let body: &[u8] = request.body();
    if body.len() > most { Err(BodyError::TooLarge(most)) } else { Ok(body) }
}

/// Returns a header's text. API Gateway joins the values of a repeated header with commas, and `local` does not, so
/// for a header that may not repeat, the type behind it must refuse a comma.
///
/// # Errors
/// If the header is there more than once, or is not printable ASCII.
pub fn header<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, FieldError> {
    let mut values = request.headers().get_all(name).iter();
    let (value, further) = (values.next(), values.next());
    if further.is_some() {
        return Err(FieldError::new(name, FieldErrorCode::Duplicate, "is there more than once"));
    }
    let text = value.map(HeaderValue::to_str).transpose();
    text.map_err(|_| FieldError::new(name, FieldErrorCode::Malformed, "may hold only printable ASCII characters"))
}

/// Returns the segments of the path, decoded: `/messages/7` is `["messages", "7"]`. A segment that cannot be decoded
/// stays as written, and is refused like any other text, because no valid segment has a `%`.
#[must_use]
pub fn path_segments(request: &Request) -> Vec<Cow<'_, str>> {
    let path = request.raw_http_path().split('/').filter(|segment| !segment.is_empty());
    path.map(|segment| Cow::Owned(query::decode_escapes(segment).unwrap_or(segment.into()).into_owned())).collect()
}

/// Checks whether the query is part of a valid URI. No parameter can be read from any other query, so functions
/// check it first.
///
/// # Errors
/// 400 if it is not.
pub fn check_query(request: &Request) -> Result<(), Problem> {
    if event::has_valid_query(request) {
        return Ok(());
    }
    let rule = "has a character that must be percent-encoded, such as a blank, a quote, '<', '>' or 'é'";
    Err(Problem::invalid(vec![FieldError::new("(query)", FieldErrorCode::Malformed, rule)]))
}

/// Returns the query as the client wrote it, without its `?`. `lambda_http` decodes it too, but repairs what is not
/// UTF-8.
#[must_use]
pub fn raw_query(request: &Request) -> &str {
    request.uri().query().unwrap_or_default()
}

/// Returns the query's parameters, in order.
pub fn parameters(request: &Request) -> impl Iterator<Item = Parameter<'_>> {
    query::parameters(raw_query(request))
}

/// Returns the value of a query parameter.
///
/// # Errors
/// If the value cannot be decoded, or the parameter is there more than once.
pub fn parameter<'a>(request: &'a Request, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    let mut named = parameters(request).filter(|parameter| parameter.name == name);
    let (Some(parameter), further) = (named.next(), named.next()) else { return Ok(None) };
    if further.is_some() {
        return Err(FieldError::new(name, FieldErrorCode::Duplicate, "is there more than once"));
    }
    let value = parameter.value.map(Some);
    value.map_err(|error| FieldError::new(name, FieldErrorCode::Malformed, error.to_string()))
}

/// Returns a JSON answer.
#[must_use]
pub fn json(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Adds the headers with advice for a client: to give a key, or when to retry.
#[must_use]
pub fn with_advice(mut response: Response<Body>) -> Response<Body> {
    let (name, value) = match response.status() {
        StatusCode::UNAUTHORIZED => (WWW_AUTHENTICATE, "Bearer"),
        StatusCode::SERVICE_UNAVAILABLE => (RETRY_AFTER, "1"),
        StatusCode::TOO_MANY_REQUESTS => (RETRY_AFTER, "60"),
        _ => return response,
    };
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&str, &[u8])]) -> Request {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from("body")).unwrap().with_raw_http_path(uri.split('?').next().unwrap_or_default())
    }

    #[test]
    fn only_a_plain_body_within_the_limit_is_returned() {
        let read = |encodings: &[&str], most| {
            let headers: Vec<_> = encodings.iter().map(|value| ("content-encoding", value.as_bytes())).collect();
            body(&request("/", &headers), most).map(<[u8]>::len)
        };
        for encodings in [&[][..], &[""], &["identity"], &["Identity, identity"], &["identity", "identity"]] {
            assert_eq!(read(encodings, 4), Ok(4), "{encodings:?}");
        }
        for encodings in [&["gzip"][..], &["identity, gzip"], &["identity", "br"], &["é"], &["x"]] {
            assert_eq!(read(encodings, 4), Err(BodyError::ContentEncoding), "{encodings:?}");
        }
        assert_eq!(read(&[], 3), Err(BodyError::TooLarge(3)));
    }

    #[test]
    fn repeated_or_unprintable_header_is_an_error() {
        let read = |values: &[&str]| {
            let headers: Vec<_> = values.iter().map(|value| ("k", value.as_bytes())).collect();
            header(&request("/", &headers), "k").map(|value| value.map(str::to_owned)).map_err(|error| error.code)
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["a b"]), Ok(Some("a b".to_owned())));
        assert_eq!(read(&["a", "a"]), Err(FieldErrorCode::Duplicate));
        assert_eq!(read(&["é"]), Err(FieldErrorCode::Malformed));
    }

    #[test]
    fn undecodable_or_repeated_parameter_is_named() {
        let read = |uri: &str| {
            let error = |error: FieldError| (error.field, error.code);
            parameter(&request(uri, &[]), "to").map(|value| value.map(Cow::into_owned)).map_err(error)
        };
        assert_eq!(read("/messages?to=%2B44+1&x=%E9&x=1"), Ok(Some("+44 1".to_owned())));
        assert_eq!(read("/messages"), Ok(None));
        assert_eq!(read("/messages?To=1"), Ok(None));
        assert_eq!(read("/messages?to=%E9"), Err(("to".to_owned(), FieldErrorCode::Malformed)));
        assert_eq!(read("/messages?to=1&to=1"), Err(("to".to_owned(), FieldErrorCode::Duplicate)));
    }

    #[test]
    fn undecodable_path_segment_stays_as_written() {
        let segments = |path: &str| path_segments(&request(path, &[])).join("|");
        assert_eq!(segments("/messages/a%20b+c/%C3%A9"), "messages|a b+c|é");
        assert_eq!(segments("/messages/%E9/%/a%2Fb"), "messages|%E9|%|a/b");
    }
}
