//! Registers our webhooks through a vendor's API.

use serde_json::Value;
use url::Url;

use crate::{
    domain::Outcome,
    formats::http::{Answer, no_response},
};

/// One of our webhook addresses. It contains a secret token, so there is no `Debug`.
pub(crate) struct WebhookTarget {
    pub(crate) url: Url,
    /// The address with `…` in place of the token.
    pub(crate) shown: String,
}

/// A carrier's webhook addresses, and the secret with which the vendor is to sign webhooks.
pub(crate) struct WebhookTargets<'a> {
    pub(crate) receipts: WebhookTarget,
    pub(crate) replies: WebhookTarget,
    pub(crate) signing_secret: &'a str,
}

/// A POST that registers a webhook at the vendor. There is no `Debug`, because the body has secrets.
pub struct WebhookCall {
    /// The vendor's name for the event.
    pub event: &'static str,
    pub url: Url,
    /// Whether the vendor already has the webhook, so the call is not needed.
    pub is_registered: bool,
    /// How many other addresses the vendor posts this event to.
    pub others: usize,
    /// The body with `…` in place of the token and the signing secret.
    pub shown_body: Value,
    pub(crate) body: Value,
}

/// Why we could not list or register the webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookSetupError {
    #[error("the vendor did not answer: {0}")]
    NoAnswer(String),
    #[error("the vendor refused: {0}")]
    Refused(String),
    #[error("the vendor's list of webhooks is not in the documented format")]
    Unreadable,
}

impl WebhookSetupError {
    pub(crate) fn no_answer(error: &reqwest::Error) -> Self {
        Self::NoAnswer(reason(no_response(error)))
    }

    /// Returns the error with the answer's text, shortened and without phone numbers.
    pub(crate) fn refused(answer: &Answer) -> Self {
        Self::Refused(reason(answer.rejection()))
    }

    /// Drops the vendor's text from the error if the text quotes a secret.
    #[must_use]
    pub(crate) fn without_secret(self, secret: &str) -> Self {
        let Self::Refused(words) = self else { return self };
        Self::Refused(reason(Outcome::Rejected { reason: words }.without_secret(secret)))
    }
}

fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Accepted { .. } => String::new(),
        Outcome::Rejected { reason }
        | Outcome::OptedOut { reason }
        | Outcome::Busy { reason, .. }
        | Outcome::Refused { reason }
        | Outcome::Unknown { reason } => reason,
    }
}
