//! Makes the POST and judges the answer.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap},
};
use strum::EnumString;

use super::{guard::Guard, signature};
use crate::{
    domain::{CallbackUrl, EventId, WebhookSecret},
    runtime::{Environment, HttpStack, retry_after},
};

/// Time limit per callback, from connecting to the answer's headers.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest `Retry-After` that we obey.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// A callback to deliver.
pub struct CallbackRequest<'a> {
    pub url: &'a CallbackUrl,
    pub event: EventId,
    /// The dialect's signature headers, besides those for Standard Webhooks.
    pub dialect_headers: Vec<(&'static str, String)>,
    /// Newest first.
    pub secrets: &'a [WebhookSecret],
    pub at: Timestamp,
    pub body: String,
    /// Whether a client has taken the callback if it answers with this status.
    pub is_success: fn(StatusCode) -> bool,
}

/// The client's answer to a callback.
#[derive(Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// A success by the dialect's rule, usually any 2xx.
    Delivered { status: u16 },
    /// 410: the client wants no more callbacks.
    Gone,
    /// 429 or 503 with a `Retry-After`: the endpoint wants a pause from every event.
    Busy { reason: String, retry_after: Duration },
    /// Any other answer, or none. Retry, but no earlier than `retry_after`.
    Failed { reason: String, retry_after: Option<Duration> },
}

/// Delivers callbacks.
pub struct Caller {
    client: Client,
    guard: Guard,
}

/// A setup error.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    #[error(transparent)]
    Config(#[from] crate::runtime::ConfigError),
    #[error("the HTTP client could not be built")]
    Client(#[from] reqwest::Error),
}

/// Whether callbacks may go to private addresses.
#[derive(EnumString)]
#[strum(serialize_all = "lowercase")]
enum PrivateCallbacks {
    False,
    True,
    Only,
}

impl Caller {
    /// Builds a caller. It refuses private addresses unless `ALLOW_PRIVATE_CALLBACKS` is `true`, or `only`, which
    /// refuses all but this machine's.
    ///
    /// # Errors
    /// If the variable has another value, or the HTTP client cannot be built.
    pub fn of(environment: &Environment) -> Result<Self, CallerError> {
        let guard = match environment.variables.parsed("ALLOW_PRIVATE_CALLBACKS", PrivateCallbacks::False)? {
            PrivateCallbacks::False => Guard::public(),
            PrivateCallbacks::True => Guard::open(),
            PrivateCallbacks::Only => Guard::this_machine(),
        };
        Ok(Self::new(&environment.http, guard, TIMEOUT)?)
    }

    pub(super) fn new(http: &HttpStack, guard: Guard, timeout: Duration) -> Result<Self, reqwest::Error> {
        let builder = http.builder().timeout(timeout).user_agent("messaging-gateway-callback/1");
        let client = builder.dns_resolver(Arc::new(guard.clone())).build()?;
        Ok(Self { client, guard })
    }

    /// Sends the POST, signed for Standard Webhooks and for the dialect.
    pub async fn deliver(&self, callback: &CallbackRequest<'_>) -> CallbackOutcome {
        let failed = |reason: &str| CallbackOutcome::Failed { reason: reason.to_owned(), retry_after: None };
        let Ok(url) = Url::parse(callback.url.as_str()) else { return failed("invalid URL") };
        if self.guard.refuses(&url) {
            return failed("the address is not public");
        }
        let timestamp = callback.at.as_second();
        let mut request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", callback.event.to_string())
            .header("webhook-timestamp", timestamp.to_string());
        if !callback.secrets.is_empty() {
            let signature = signature::standard_webhooks(callback.secrets, callback.event, timestamp, &callback.body);
            request = request.header("webhook-signature", signature);
        }
        for (name, value) in &callback.dialect_headers {
            request = request.header(*name, value);
        }
        match request.body(callback.body.clone()).send().await {
            Ok(response) => judge(callback.is_success, response.status(), response.headers(), callback.at),
            Err(error) if error.is_timeout() => failed("no answer in time"),
            Err(error) if error.is_connect() => failed("no connection, or the address is not public"),
            Err(_) => failed("the connection broke"),
        }
    }
}

pub(super) fn judge(
    is_success: fn(StatusCode) -> bool,
    status: StatusCode,
    headers: &HeaderMap,
    now: Timestamp,
) -> CallbackOutcome {
    if is_success(status) {
        return CallbackOutcome::Delivered { status: status.as_u16() };
    }
    if status == StatusCode::GONE {
        return CallbackOutcome::Gone;
    }
    let reason = format!("status {}", status.as_u16());
    match retry_after(headers, now).map(|wait| wait.min(LONGEST_RETRY_AFTER)) {
        Some(retry_after) if [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status) => {
            CallbackOutcome::Busy { reason, retry_after }
        }
        retry_after => CallbackOutcome::Failed { reason, retry_after },
    }
}
