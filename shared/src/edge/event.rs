//! HTTP events of API Gateway, in payload format 2.0, as requests.
//!
//! We do not use `lambda_http`'s own conversion. It builds a URI from the host, scheme, path and query, all of
//! which a client writes, and panics if they make no URI. Our URI has only the path and query, and a request
//! whose query fits no URI has a mark instead, for [`check_query`](super::check_query).

use std::future::Future;

use futures_util::FutureExt;
use http::{HeaderMap, Method, Response, Uri};
use lambda_http::{
    Body, Request, RequestExt,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Characters of a path to escape for a URI. API Gateway decodes paths, so a valid request may bring them.
const NOT_IN_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'`');

/// The mark of a request whose query is not part of a valid URI.
#[derive(Clone, Copy)]
struct InvalidQuery;

/// Runs a function that answers HTTP events.
///
/// # Errors
/// The Runtime API failed.
pub async fn run_http<F>(handle: impl Fn(Request) -> F) -> Result<(), Error>
where
    F: Future<Output = Response<Body>>,
{
    let answer = async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
        // In a box, because the compiler limits the depth of nested futures.
        Ok::<_, Error>(written(handle(received(event.payload)).boxed_local().await))
    };
    lambda_runtime::run(service_fn(answer)).await
}

/// Returns a request with the path and query as API Gateway passes them on.
#[must_use]
pub fn request(method: Method, headers: HeaderMap, (path, query): (&str, &str), body: Body) -> Request {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    if let Some(uri) = uri(path, query) {
        *request.uri_mut() = uri;
    } else {
        request.extensions_mut().insert(InvalidQuery);
    }
    request.with_raw_http_path(path)
}

/// Returns whether a request's query is part of a valid URI.
pub(super) fn has_valid_query(request: &Request) -> bool {
    request.extensions().get::<InvalidQuery>().is_none()
}

fn received(event: ApiGatewayV2httpRequest) -> Request {
    let (path, query) = (event.raw_path.unwrap_or_default(), event.raw_query_string.unwrap_or_default());
    let body = event.body.map_or(Body::Empty, |body| Body::from_maybe_encoded(event.is_base64_encoded, &body));
    request(event.request_context.http.method, event.headers, (&path, &query), body)
}

fn written(response: Response<Body>) -> ApiGatewayV2httpResponse {
    let (parts, body) = response.into_parts();
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = parts.status.as_u16().into();
    response.headers = parts.headers;
    response.is_base64_encoded = matches!(body, Body::Binary(_));
    response.body = Some(body).filter(|body| !matches!(body, Body::Empty));
    response
}

/// Returns the URI of a path and query, or `None` if they make none.
///
/// `Uri` refuses what browsers escape: blanks, quotes, angle brackets and control characters. It takes `|`,
/// `{`, `[` and the like, which RFC 3986 does not allow but browsers send as they are. We also refuse `#`,
/// because `Uri` would cut off the rest, and other bytes than ASCII, because neither standard allows them and
/// API Gateway does not say in which encoding it passes them on.
fn uri(path: &str, query: &str) -> Option<Uri> {
    if !query.is_ascii() || query.contains('#') {
        return None;
    }
    let path = utf8_percent_encode(path, NOT_IN_PATH);
    if query.is_empty() { path.to_string().parse().ok() } else { format!("{path}?{query}").parse().ok() }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use lambda_http::http::HeaderValue;
    use serde_json::{Value, json};

    use super::*;

    fn event(path: &str, query: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"host": "example.com", "content-type": "application/json"},
            "requestContext": {"http": {"method": "POST", "path": path}, "stage": "$default"},
            "body": "{}", "isBase64Encoded": false,
        })
    }

    fn read(event: Value) -> Request {
        received(serde_json::from_value(event).unwrap())
    }

    #[test]
    fn event_is_read_as_a_request() {
        let request = read(event("/dlr/cm/a%20b", "to=1&to=2&x=%26"));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.raw_http_path(), "/dlr/cm/a%20b");
        assert_eq!(request.uri(), "/dlr/cm/a%20b?to=1&to=2&x=%26");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(&**request.body(), b"{}");
        assert!(has_valid_query(&request));
    }

    #[test]
    fn query_outside_of_a_uri_is_marked() {
        for query in ["a=\"b", "a=<", "a=>", "a=b c", " ", "a=#", "a=\t", "a=\u{7f}", "a=é", "key=k&a=\""] {
            let request = read(event("/message", query));
            assert!(!has_valid_query(&request), "{query}");
            assert_eq!(request.raw_http_path(), "/message");
            assert_eq!(request.uri().query(), None, "{query}");
        }
        assert!(!has_valid_query(&read(event("/message", &"a".repeat(70_000)))));
    }

    #[test]
    fn characters_that_browsers_do_not_escape_are_read() {
        for value in ["|", "{a}", "[1]", "^", "`", "\\", "'", "%22", "100%", "a?b/c"] {
            let request = read(event("/message", &format!("body={value}")));
            assert!(has_valid_query(&request), "{value}");
            assert_eq!(request.uri().query(), Some(format!("body={value}").as_str()));
        }
    }

    #[test]
    fn decoded_path_is_read() {
        for path in ["/messages/a\"b", "/messages/<>", "/messages/a b", "/messages/é", "/messages/?a=b#c`", "//", "*"]
        {
            let request = read(event(path, "limit=1"));
            assert_eq!(request.raw_http_path(), path);
            assert_eq!(request.uri().query().unwrap_or("limit=1"), "limit=1", "{path}");
        }
        assert_eq!(read(event("/messages/a?b=c#d", "limit=1")).uri(), "/messages/a%3Fb=c%23d?limit=1");
    }

    #[test]
    fn host_and_scheme_of_any_kind_are_read() {
        for (name, value) in [("host", "a b"), ("host", "["), ("x-forwarded-proto", "1"), ("x-forwarded-proto", "é")] {
            let mut event = event("/message", "isDryrun=true");
            event["headers"][name] = value.into();
            let request = read(event);
            assert_eq!(request.headers()[name].as_bytes(), value.as_bytes());
            assert_eq!(request.uri(), "/message?isDryrun=true");
        }
    }

    #[test]
    fn binary_bodies_are_decoded() {
        let mut event = event("/message", "");
        (event["body"], event["isBase64Encoded"]) = (json!("/wA="), json!(true));
        assert_eq!(&**read(event).body(), [0xff, 0x00]);
    }

    #[test]
    fn response_is_written_in_payload_format_2() {
        let mut response = Response::new(Body::from("{}"));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        let written_response = serde_json::to_value(written(response)).unwrap();
        assert_eq!(written_response["statusCode"], 400);
        assert_eq!(written_response["headers"], json!({"content-type": "application/json"}));
        assert_eq!((&written_response["body"], &written_response["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let empty = serde_json::to_value(written(Response::new(Body::Empty))).unwrap();
        assert_eq!((&empty["statusCode"], empty.get("body")), (&json!(200), None));
        let binary = serde_json::to_value(written(Response::new(Body::from(vec![0xff, 0x00])))).unwrap();
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("/wA="), &json!(true)));
    }
}
