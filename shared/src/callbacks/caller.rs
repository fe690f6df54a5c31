//! The one POST, and what its answer means.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Client, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap},
};

use super::{guard::Guard, signature};
use crate::{
    domain::{CallbackUrl, EventId, WebhookSecret},
    runtime::{Environment, HttpStack, retry_after},
};

/// How long one callback may take, from connecting to the answer's head.
pub const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest `Retry-After` that is obeyed.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Something to tell, and whom.
pub struct CallbackRequest<'a> {
    pub url: &'a CallbackUrl,
    pub event: EventId,
    /// The headers by which a client of the dialect checks the signature, beside the Standard Webhooks ones.
    pub dialect_headers: Vec<(&'static str, String)>,
    /// The newest first.
    pub secrets: &'a [WebhookSecret],
    pub at: Timestamp,
    pub body: String,
}

/// What a client made of it.
#[derive(Debug, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// Any 2xx.
    Delivered { status: u16 },
    /// 410: it wants no more.
    Gone,
    /// 429 or 503 with a `Retry-After`: it wants to be left alone, whatever the event.
    Busy { reason: String, retry_after: Duration },
    /// Anything else. To be tried again, not before `retry_after`.
    Failed { reason: String, retry_after: Option<Duration> },
}

/// Calls clients.
pub struct Caller {
    client: Client,
    guard: Guard,
}

/// A caller that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum CallerError {
    #[error(transparent)]
    Config(#[from] crate::runtime::ConfigError),
    #[error("the HTTP client could not be built")]
    Client(#[from] reqwest::Error),
}

impl Caller {
    /// `ALLOW_PRIVATE_CALLBACKS`, unless it is `true`, keeps callbacks off
    /// addresses that are not public.
    ///
    /// # Errors
    /// When that is neither `true` nor `false`, or the client cannot be built.
    pub fn of(environment: &Environment) -> Result<Self, CallerError> {
        let allow_private = environment.variables.parsed("ALLOW_PRIVATE_CALLBACKS", false)?;
        let guard = if allow_private { Guard::open() } else { Guard::public() };
        Ok(Self::new(&environment.http, guard, TIMEOUT)?)
    }

    pub(super) fn new(http: &HttpStack, guard: Guard, timeout: Duration) -> Result<Self, reqwest::Error> {
        let builder = http.builder().timeout(timeout).user_agent("messaging-gateway-callback/1");
        let client = builder.dns_resolver(Arc::new(guard.clone())).build()?;
        Ok(Self { client, guard })
    }

    /// Makes the POST, signed by the Standard Webhooks headers and the dialect's own.
    pub async fn deliver(&self, callback: &CallbackRequest<'_>) -> CallbackOutcome {
        let failed = |reason: &str| CallbackOutcome::Failed { reason: reason.to_owned(), retry_after: None };
        let Ok(url) = Url::parse(callback.url.as_str()) else { return failed("the URL cannot be read") };
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
            Ok(response) => judge(response.status(), response.headers(), callback.at),
            Err(error) if error.is_timeout() => failed("no answer in time"),
            Err(error) if error.is_connect() => failed("no connection, or the address is not public"),
            Err(_) => failed("the connection broke"),
        }
    }
}

pub(super) fn judge(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> CallbackOutcome {
    if status.is_success() {
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
