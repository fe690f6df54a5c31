//! Carriers: who takes a message further.
//!
//! Each carrier is a folder with the same files: `submit.rs` hands a message over,
//! `receipt.rs` and `reply.rs` read what the carrier posts to `dlr-webhook` and
//! `mo-webhook`, and `lookup.rs` asks what became of a submit, where it can be asked. A new one is a folder, a variant of
//! [`CarrierName`] and its arms below. What a carrier answers is one of the
//! four [`Outcome`]s and nothing else: whoever is not sure says *unknown*.

pub mod carrier_id;
mod circuit_breaker;
pub mod cm;
mod gather;
mod http;
mod json;
pub mod loopback;
mod reference;
mod smpp;
mod submitter;

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use url::Url;

pub use reference::SubmitReference;
pub use submitter::Submitter;

use crate::{
    domain::{Channel, Content, Groupings, PhoneNumber, ReceiptStatus, SenderId, Text},
    redact::{cut, without_numbers},
};

/// The carriers there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarrierName {
    /// The simulated carrier of the local stack (`infra/local`).
    Loopback,
    /// CM.com.
    Cm,
}

impl CarrierName {
    pub const ALL: [Self; 2] = [Self::Loopback, Self::Cm];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Cm => "cm",
        }
    }

    /// Whether it takes messages only of who shows it a key ([`CarrierSecret::key`]).
    #[must_use]
    pub fn wants_key(self) -> bool {
        match self {
            Self::Loopback => false,
            Self::Cm => true,
        }
    }

    /// Whether it can be asked what became of a submit, by our name for that.
    #[must_use]
    pub fn supports_lookup(self) -> bool {
        match self {
            Self::Loopback => true,
            // Its document has no such call.
            Self::Cm => false,
        }
    }

    /// Whether its receipts bear the id that it answers a submit with.
    #[must_use]
    pub fn reports_by_id(self) -> bool {
        match self {
            Self::Loopback => true,
            // It answers with none.
            Self::Cm => false,
        }
    }

    /// The carrier of that name, as it stands in a webhook's path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == text)
    }

    /// Reads the receipts of one request to `dlr-webhook`.
    ///
    /// # Errors
    /// When the body is not in this carrier's format.
    pub fn read_receipts(self, body: &[u8]) -> Result<Each<CarrierReceipt>, UnreadableError> {
        let read = match self {
            Self::Loopback => Ok(vec![loopback::receipt::read(body)]),
            Self::Cm => cm::receipt::read(body),
        };
        Ok(read?.into_iter().map(|receipt| receipt.map(CarrierReceipt::cleaned)).collect())
    }

    /// Reads the replies of one request to `mo-webhook`.
    ///
    /// # Errors
    /// When the body is not in this carrier's format.
    pub fn read_replies(self, body: &[u8]) -> Result<Each<CarrierReply>, UnreadableError> {
        match self {
            Self::Loopback => Ok(vec![loopback::reply::read(body)]),
            Self::Cm => cm::reply::read(body),
        }
    }
}

impl fmt::Display for CarrierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How to reach one carrier, from the directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CarrierSettings {
    pub endpoint: Url,
    /// In milliseconds; see [`CarrierSettings::timeout`].
    pub timeout_ms: u64,
    /// Whether it is asked what became of a submit that it did not answer; see
    /// [`CarrierName::supports_lookup`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lookup: bool,
    /// Whether its receipts are found by its own id for the message, as they do not bear
    /// our name for the submit; see [`CarrierName::reports_by_id`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub receipts_by_id: bool,
}

/// What only a carrier and the gateway may know, from Secrets Manager.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierSecret {
    /// The unguessable part of the paths that the carrier posts to, the newest
    /// first: several while one replaces another.
    pub webhook_tokens: Vec<String>,
    /// What the gateway shows the carrier with each submit: the key, or product
    /// token, that the carrier gave us. The loopback carrier wants none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl CarrierSecret {
    /// Compares in a time that tells nothing of the tokens.
    #[must_use]
    pub fn is_webhook_token(&self, token: &str) -> bool {
        let equal = |known: &String| known.as_bytes().ct_eq(token.as_bytes());
        self.webhook_tokens.iter().fold(Choice::from(0), |found, known| found | equal(known)).into()
    }
}

/// How long a carrier has to say what became of a submit: a submit may follow.
const LOOKUP_WITHIN: Duration = Duration::from_secs(5);

/// However slow a carrier may be: the lease on a message is longer.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(45);

impl CarrierSettings {
    /// How long an answer may take before the outcome is unknown; 45 s at most.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms).min(LONGEST_TIMEOUT)
    }
}

/// One message as it is handed to a carrier.
pub struct Submission<'a> {
    /// Our name for it; the carrier brings it back with its receipts.
    pub reference: SubmitReference,
    pub to: &'a PhoneNumber,
    pub from: &'a SenderId,
    /// What SMS shows, and what every channel shows that shows no content.
    pub text: &'a Text,
    pub channel: Channel,
    /// What the channel shows in place of the text; there only if it can show it.
    pub content: Option<&'a Content>,
    /// When it is no longer worth delivering.
    pub expires_at: Option<Timestamp>,
    /// The client's own, for the carrier's statistics.
    pub groupings: &'a Groupings,
}

/// What became of handing a message over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken; `carrier_id` is the carrier's name for it.
    Accepted { carrier_id: Option<String> },
    /// Refused for good.
    Rejected { reason: String },
    /// Not taken now; may be tried again, after `retry_after` or a quarter of an
    /// hour, whichever is sooner.
    Busy { retry_after: Option<Duration>, reason: String },
    /// The request may have arrived and no answer came.
    Unknown { reason: String },
}

/// What a carrier says of a submit that it did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupOutcome {
    /// It has it; `carrier_id` is its name for it.
    Taken { carrier_id: Option<String> },
    /// It never took it.
    NotTaken,
    /// It cannot be asked, or did not answer.
    CannotSay,
}

impl LookupOutcome {
    /// For logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "taken",
            Self::NotTaken => "not taken",
            Self::CannotSay => "cannot say",
        }
    }
}

/// The most characters that are kept of a carrier's words, and of a code of its own.
const LONGEST_WORDS: usize = 100;
const LONGEST_CODE: usize = 20;

/// A receipt as a carrier reports it. Its words are kept and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierReceipt {
    /// Our name for the submit, where the carrier gives it back in the body.
    pub reference: Option<SubmitReference>,
    /// The carrier's own id, as it writes it in receipts.
    pub carrier_id: Option<String>,
    pub status: ReceiptStatus,
    pub code: Option<String>,
    pub description: Option<String>,
}

impl CarrierReceipt {
    /// With words that are short and name no phone number.
    fn cleaned(self) -> Self {
        let clean = |words: Option<String>, most| words.map(|words| cut(&without_numbers(&words), most));
        let (code, description) = (clean(self.code, LONGEST_CODE), clean(self.description, LONGEST_WORDS));
        Self { code, description, ..self }
    }
}

/// A reply as a carrier reports it.
#[derive(Clone, PartialEq, Eq)]
pub struct CarrierReply {
    /// The carrier's own id, by which its repeats are known.
    pub id: String,
    pub from: PhoneNumber,
    pub to: SenderId,
    pub text: String,
    pub channel: Channel,
    /// When the network took it, where the carrier says so.
    pub at: Option<Timestamp>,
}

/// What one request brings, one by one: what cannot be read of it keeps back nothing else.
pub type Each<T> = Vec<Result<T, UnreadableError>>;

/// A webhook's body, or a part of it, that is not in its carrier's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}' {reason}")]
pub struct UnreadableError {
    pub field: String,
    pub reason: String,
}

impl UnreadableError {
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// Says where the fault is, and repeats nothing of what stands there.
    #[must_use]
    pub fn of_json(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let missing = words.split(" at line").next().filter(|words| words.starts_with("missing field"));
        let kind = missing.unwrap_or(if error.is_data() { "has an unexpected field" } else { "is not JSON" });
        Self::new("(body)", format!("{kind}: line {}, column {}", error.line(), error.column()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_old_token_counts_beside_the_new_one_and_no_other_does() {
        let secret = CarrierSecret { webhook_tokens: vec!["new".to_owned(), "old".to_owned()], key: None };
        assert!(secret.is_webhook_token("new") && secret.is_webhook_token("old"));
        assert!(!secret.is_webhook_token("") && !secret.is_webhook_token("ne") && !secret.is_webhook_token("newer"));
        assert!(!CarrierSecret::default().is_webhook_token(""));
    }

    #[test]
    fn the_words_of_every_carriers_receipt_are_short_and_name_no_number() {
        let (code, description) = ("E-44 7911 123456", format!("to 00447911123456: {}", "x".repeat(200)));
        let of_cm = json!({"code": 3, "errorCode": code, "errorDescription": description});
        let of_loopback = json!({"id": "1", "status": "undelivered", "code": code, "description": description});
        for (carrier, body) in
            [(CarrierName::Cm, json!({"messages": {"msg": {"status": of_cm}}})), (CarrierName::Loopback, of_loopback)]
        {
            let receipt = carrier.read_receipts(body.to_string().as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!(receipt.code.as_deref(), Some("E…"), "{carrier}");
            assert_eq!(receipt.description, Some(format!("to … {}", "x".repeat(95))), "{carrier}");
            let long = body.to_string().replace(code, &"é".repeat(21));
            let receipt = carrier.read_receipts(long.as_bytes()).unwrap().remove(0).unwrap();
            assert_eq!(receipt.code, Some("é".repeat(20)), "{carrier}");
        }
    }
}
