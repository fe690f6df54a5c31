//! Proxies a call to another AWS endpoint.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use shared::runtime::{HttpStack, TlsError};
use tracing::warn;
use url::Url;

/// Headers tied to a connection or an exact body.
const HOP_BY_HOP_HEADERS: [header::HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// Longer than the longest SQS poll.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Returns the emulator's HTTP client, which follows no redirects.
pub(super) fn client() -> Result<reqwest::Client, TlsError> {
    Ok(HttpStack::new()?.builder().timeout(TIMEOUT).build()?)
}

/// An answer in AWS's JSON protocol.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// Returns an error that the AWS SDKs can parse.
    pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        Self { status, headers, body: json!({ "__type": code, "message": message }).to_string().into() }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}

pub(super) struct Upstream {
    url: Url,
    client: reqwest::Client,
}

impl Upstream {
    pub(super) fn new(url: Url, client: reqwest::Client) -> Self {
        Self { url, client }
    }

    /// Returns the endpoint's answer, or a 503, which the SDKs retry.
    pub(super) async fn call(&self, mut headers: HeaderMap, body: Bytes) -> Answer {
        for name in HOP_BY_HOP_HEADERS {
            headers.remove(name);
        }
        self.exchange(headers, body).await.unwrap_or_else(|error| {
            warn!(%error, "AWS endpoint did not respond");
            Answer::error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "The endpoint did not respond.")
        })
    }

    async fn exchange(&self, headers: HeaderMap, body: Bytes) -> Result<Answer, reqwest::Error> {
        let answer = self.client.post(self.url.clone()).headers(headers).body(body).send().await?;
        let status = answer.status();
        let mut headers = answer.headers().clone();
        for name in HOP_BY_HOP_HEADERS {
            headers.remove(name);
        }
        Ok(Answer { status, headers, body: answer.bytes().await? })
    }
}
