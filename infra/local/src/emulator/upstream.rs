//! An AWS endpoint behind this one: passes a call on and brings its answer back.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::warn;
use url::Url;

/// Headers that belong to one connection or to one exact body.
const HOP_BY_HOP_HEADERS: [header::HeaderName; 4] =
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];

/// Longer than the longest poll that SQS allows.
const TIMEOUT: Duration = Duration::from_mins(1);

/// One client for all of the emulator's calls; it obeys no redirect.
pub(super) fn client() -> Result<reqwest::Client, reqwest::Error> {
    // An error says that the process has chosen a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TIMEOUT).build()
}

/// The answer to an AWS call in its JSON protocol.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// An error in the form that the AWS SDKs read.
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

    /// The endpoint's answer, or 503 in its stead, which the SDKs retry.
    pub(super) async fn call(&self, mut headers: HeaderMap, body: Bytes) -> Answer {
        for name in HOP_BY_HOP_HEADERS {
            headers.remove(name);
        }
        self.exchange(headers, body).await.unwrap_or_else(|error| {
            warn!(%error, "an AWS endpoint does not answer");
            Answer::error(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "The endpoint does not answer.")
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
