//! HTTP events in API Gateway's payload format 2.0. Source: AWS, "Working with AWS Lambda proxy integrations
//! for HTTP APIs". Path parameters and cookies are left out because no function reads them.

use std::{collections::BTreeMap, str::from_utf8};

use axum::body::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, Method, Response, StatusCode, header};
use lambda_http::{Body, aws_lambda_events::apigw::ApiGatewayV2httpResponse};
use serde_json::{Map, Value, json};

use crate::template::resolve::ACCOUNT;

/// A response that API Gateway would not accept.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("the response is not in payload format 2.0")]
    Json(#[from] serde_json::Error),
    #[error("{0} is not an HTTP status")]
    Status(i64),
    #[error("the body is not base64")]
    Base64(#[from] base64::DecodeError),
}

/// A request as API Gateway receives it.
pub struct HttpRequest {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Returns the event for a request.
#[must_use]
pub fn event(request: &HttpRequest) -> Value {
    let HttpRequest { path, query, body, .. } = request;
    let mut parameters: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        join(parameters.entry(name.into_owned()).or_default(), &value);
    }
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &request.headers {
        join(headers.entry(name.as_str()).or_default(), &String::from_utf8_lossy(value.as_bytes()));
    }
    let user_agent = headers.get("user-agent").cloned();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": headers.get("host"),
            "domainPrefix": "local",
            "http": {
                "method": request.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": user_agent,
            },
            "requestId": "local",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": jiff::Timestamp::now().as_millisecond(),
        },
        "isBase64Encoded": false,
    });
    if !parameters.is_empty() {
        event["queryStringParameters"] = json!(parameters);
    }
    if !body.is_empty() {
        let text = if is_text(&request.headers) { from_utf8(body).ok() } else { None };
        event["isBase64Encoded"] = text.is_none().into();
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
    }
    event
}

/// Parses a function's response.
///
/// # Errors
/// If the response is not in payload format 2.0.
pub fn answer(response: &[u8]) -> Result<Response<Body>, AnswerError> {
    let response: Map<String, Value> = serde_json::from_slice(response)?;
    // Cookies are optional, but the type requires them.
    let mut with_cookies = Map::from_iter([("cookies".to_owned(), json!([]))]);
    with_cookies.extend(response);
    let response: ApiGatewayV2httpResponse = serde_json::from_value(with_cookies.into())?;
    let status = u16::try_from(response.status_code).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let body = match response.body {
        Some(Body::Text(text)) if response.is_base64_encoded => Body::Binary(STANDARD.decode(text)?),
        body => body.unwrap_or_default(),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status.ok_or(AnswerError::Status(response.status_code))?;
    *answer.headers_mut() = response.headers;
    answer.headers_mut().extend(response.multi_value_headers);
    Ok(answer)
}

/// Appends a value after a comma, as API Gateway does with repeated names.
fn join(values: &mut String, value: &str) {
    if !values.is_empty() {
        values.push(',');
    }
    values.push_str(value);
}

/// Returns whether a body is passed as text. API Gateway encodes all other bodies as base64, even forms.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || ["application/json", "application/xml", "application/javascript"].contains(&kind.as_str())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use lambda_http::RequestExt;

    use super::*;

    fn read(request: Request<&[u8]>) -> lambda_http::Request {
        let (parts, body) = request.into_parts();
        let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
        let (method, headers, body) = (parts.method, parts.headers, Bytes::copy_from_slice(body));
        let event = event(&HttpRequest { method, path, query, headers, body });
        lambda_http::request::from_str(&event.to_string()).unwrap()
    }

    #[test]
    fn event_round_trips_through_lambda_http() {
        let request = Request::post("/dlr/loopback/a%20b?to=1&to=2&x=%26")
            .header("host", "127.0.0.1:3000")
            .header("content-type", "application/json")
            .header("idempotency-key", "k");
        let read = read(request.body(br#"{"a":"\u00e9"}"#.as_slice()).unwrap());
        assert_eq!(read.method(), "POST");
        assert_eq!(read.raw_http_path(), "/dlr/loopback/a%20b");
        let parameters = read.query_string_parameters();
        assert_eq!(parameters.all("to"), Some(vec!["1", "2"]));
        assert_eq!(parameters.first("x"), Some("&"));
        assert_eq!(read.headers()["idempotency-key"], "k");
        assert_eq!(read.body(), &Body::Text(r#"{"a":"\u00e9"}"#.to_owned()));
    }

    #[test]
    fn binary_bodies_arrive_unchanged() {
        let form = "application/x-www-form-urlencoded";
        for (kind, body) in [(form, b"a=b".as_slice()), ("application/json", &[0xff, 0x00]), (form, b"")] {
            let read = read(Request::post("/message").header("content-type", kind).body(body).unwrap());
            assert_eq!(&**read.body(), body, "{kind}");
        }
    }

    #[test]
    fn base64_response_is_decoded() {
        let written = br#"{"statusCode": 404, "headers": {"content-type": "text/plain"}, "body": "bm8=", "isBase64Encoded": true}"#;
        let answer = answer(written).unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        assert_eq!(&**answer.body(), b"no");
    }

    #[test]
    fn response_in_another_format_is_an_error() {
        for wrong in ["\"text\"", "{}", r#"{"statusCode": 99999}"#] {
            assert!(answer(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
