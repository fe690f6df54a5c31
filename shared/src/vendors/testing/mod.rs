//! Tests of a vendor's folder as tables.
//!
//! A connector gives [`Tables`]: *submits* (a message and the request that it becomes), *answers* (an answer and
//! its outcome), *receipts* and *replies* (a webhook's body and what we read of it), and *lookups*, *signed* webhooks, a
//! *login* and the registration of webhooks if the vendor has them. [`connector_tests!`] runs each table, and the checks that every connector
//! must pass (`generic.rs`). A dialect's tables are in `dialect.rs`.

mod connector;
pub(crate) mod dialect;
mod generic;
mod login;
pub(crate) mod malformed;
mod server;
mod webhook_setup;

use std::{marker::PhantomData, time::Duration};

pub(crate) use self::{
    server::Answer,
    webhook_setup::{PlannedCall, WebhookSetupRow},
};
use crate::{
    domain::{
        CarrierReceipt, CarrierReply, CarrierSettings, Channel, Content, CredentialPart, Credentials, Groupings,
        LookupOutcome, Outcome, PhoneNumber, ReceiptDetails, ReportedStatus, SegmentLimit, SenderId, Submission,
        SubmitReference, Text, Timestamp, Vendor,
    },
    runtime::HttpStack,
};

/// The reference of [`Outgoing::example`], as carriers see it.
pub(crate) const REFERENCE: &str = "0197a3a0000070008000000000000001";
/// The base URL of webhooks.
const GATEWAY: &str = "https://gateway.example/";
/// Long enough that no answer is late.
const TIMEOUT_MS: u64 = 20_000;

/// Runs every table of `$tables`, a function that returns [`Tables`], and the checks for all connectors.
macro_rules! connector_tests {
    ($tables:path) => {
        #[test]
        fn tables_are_complete() {
            $tables().check_complete();
        }

        #[test]
        fn vendor_shows_no_more_than_the_channel() {
            $tables().check_capability();
        }

        #[tokio::test]
        async fn each_submit_becomes_its_request() {
            $tables().check_submits().await;
        }

        #[tokio::test]
        async fn each_answer_has_its_outcome() {
            $tables().check_answers().await;
        }

        #[tokio::test]
        async fn each_lookup_has_its_outcome() {
            $tables().check_lookups().await;
        }

        #[tokio::test]
        async fn key_of_a_login_is_used_until_it_is_refused() {
            $tables().check_login().await;
        }

        #[test]
        fn each_receipt_is_read() {
            $tables().check_receipts();
        }

        #[test]
        fn each_reply_is_read() {
            $tables().check_replies();
        }

        #[test]
        fn only_signed_webhooks_are_accepted() {
            $tables().check_signed();
        }

        #[tokio::test]
        async fn webhooks_are_registered_unless_they_are() {
            $tables().check_webhook_setups().await;
        }

        #[test]
        fn malformed_webhook_neither_panics_nor_is_quoted() {
            $tables().check_malformed_webhooks();
        }

        #[tokio::test]
        async fn malformed_answer_neither_panics_nor_is_quoted() {
            $tables().check_malformed_answers().await;
        }

        #[tokio::test]
        async fn without_clear_answer_outcome_is_unknown() {
            $tables().check_unclear_answers().await;
        }

        #[tokio::test]
        async fn message_is_not_blamed_for_the_operator() {
            $tables().check_unsent().await;
        }

        #[tokio::test]
        async fn busy_carrier_names_its_wait() {
            $tables().check_busy().await;
        }

        #[tokio::test]
        async fn huge_answer_is_not_read() {
            $tables().check_endless_answers().await;
        }
    };
}
pub(crate) use connector_tests;

/// A connector's tables.
pub(crate) struct Tables<C> {
    pub(crate) connector: PhantomData<C>,
    pub(crate) settings: CarrierSettings,
    pub(crate) credentials: Credentials,
    pub(crate) submits: Vec<SubmitRow>,
    /// Answers to a submit of [`Outgoing::example`].
    pub(crate) answers: Vec<(Answer, Outcome)>,
    /// The login before a submit, if the vendor has one.
    pub(crate) login: Option<Login>,
    /// The request that looks up [`Outgoing::example`].
    pub(crate) lookup: &'static str,
    pub(crate) lookups: Vec<(Answer, LookupOutcome)>,
    pub(crate) receipts: Vec<WebhookRow<CarrierReceipt>>,
    pub(crate) replies: Vec<WebhookRow<CarrierReply>>,
    pub(crate) signed: Vec<SignedRow>,
    pub(crate) webhook_setups: Vec<WebhookSetupRow>,
}

impl<C> Tables<C> {
    /// Returns empty tables.
    pub(crate) fn of(vendor: Vendor, credentials: &[(CredentialPart, &str)]) -> Self {
        let settings = CarrierSettings::example(vendor, "http://127.0.0.1/");
        let webhook_url = vendor.profile().takes_webhook_url.then(|| GATEWAY.parse().unwrap());
        Self {
            connector: PhantomData,
            settings: CarrierSettings { timeout_ms: TIMEOUT_MS, webhook_url, ..settings },
            credentials: credentials.iter().map(|(part, value)| (*part, (*value).to_owned())).collect(),
            submits: Vec::new(),
            answers: Vec::new(),
            login: None,
            lookup: "",
            lookups: Vec::new(),
            receipts: Vec::new(),
            replies: Vec::new(),
            signed: Vec::new(),
            webhook_setups: Vec::new(),
        }
    }
}

type Change<T> = fn(&mut T);

/// A message, and the request that it becomes: method and path, then the headers that matter, then an empty
/// line and the body.
pub(crate) struct SubmitRow {
    message: Outgoing,
    expected: String,
    settings: Change<CarrierSettings>,
    credentials: Option<Credentials>,
    /// The endpoint's path.
    path: &'static str,
    now: Timestamp,
}

pub(crate) fn submit(message: Outgoing, expected: impl Into<String>) -> SubmitRow {
    let (settings, now): (Change<CarrierSettings>, _) = (|_| (), Timestamp::UNIX_EPOCH);
    SubmitRow { message, expected: expected.into(), settings, credentials: None, path: "", now }
}

impl SubmitRow {
    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }

    /// Changes the carrier's settings for this row.
    pub(crate) fn set(self, settings: Change<CarrierSettings>) -> Self {
        Self { settings, ..self }
    }

    pub(crate) fn credentials(self, parts: &[(CredentialPart, &str)]) -> Self {
        let credentials = parts.iter().map(|(part, value)| (*part, (*value).to_owned())).collect();
        Self { credentials: Some(credentials), ..self }
    }

    /// Submits to an endpoint with this path.
    pub(crate) fn below(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn at(self, now: &str) -> Self {
        Self { now: now.parse().unwrap(), ..self }
    }
}

/// What we read of a body: its items, or the error in the whole body. An error is its field, or all its words.
pub(crate) type Read<T> = Result<Vec<Result<T, &'static str>>, &'static str>;

/// The body of a webhook, and what we read of it.
pub(crate) struct WebhookRow<T> {
    pub(crate) body: Vec<u8>,
    pub(crate) expected: Read<T>,
    settings: Change<CarrierSettings>,
}

impl<T> WebhookRow<T> {
    /// Changes the carrier's settings for this row.
    pub(crate) fn set(self, settings: Change<CarrierSettings>) -> Self {
        Self { settings, ..self }
    }
}

pub(crate) fn webhook<T>(body: impl Into<Vec<u8>>, expected: Read<T>) -> WebhookRow<T> {
    WebhookRow { body: body.into(), expected, settings: |_| () }
}

/// Expects a single item.
#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
pub(crate) fn one<T>(item: T) -> Read<T> {
    Ok(vec![Ok(item)])
}

/// Expects a single unreadable item.
#[expect(clippy::unnecessary_wraps, reason = "makes what a row expects")]
pub(crate) fn bad_item<T>(error: &'static str) -> Read<T> {
    Ok(vec![Err(error)])
}

/// A webhook with a valid signature.
pub(crate) struct SignedRow {
    pub(crate) secret: &'static str,
    pub(crate) header: (&'static str, &'static str),
    /// Another header that the signature covers.
    pub(crate) beside: Option<(&'static str, &'static str)>,
    pub(crate) body: &'static [u8],
}

/// A login that gives a key for the submits after it.
pub(crate) struct Login {
    pub(crate) credentials: &'static [(CredentialPart, &'static str)],
    /// The login's request, as [`submit`] describes one.
    pub(crate) request: &'static str,
    /// A header of the submit with the key.
    pub(crate) submit_header: &'static str,
    /// Answers to the login that give a key.
    pub(crate) granted: Vec<Answer>,
    /// Answers without a key, and the outcome of the submit.
    pub(crate) refused: Vec<(Answer, Outcome)>,
}

/// An owned [`Submission`].
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub(crate) reference: SubmitReference,
    pub(crate) to: PhoneNumber,
    pub(crate) from: SenderId,
    pub(crate) text: Text,
    pub(crate) channel: Channel,
    pub(crate) content: Option<Content>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) groupings: Groupings,
}

impl Outgoing {
    pub(crate) fn example() -> Self {
        Self {
            reference: REFERENCE.parse().unwrap(),
            to: "447911000001".parse().unwrap(),
            from: "SenderName".parse().unwrap(),
            text: Text::parse("Hi", SegmentLimit::default()).unwrap(),
            channel: Channel::Sms,
            content: None,
            expires_at: None,
            groupings: Groupings::default(),
        }
    }

    pub(crate) fn submission(&self) -> Submission<'_> {
        Submission {
            reference: self.reference,
            to: &self.to,
            from: &self.from,
            text: &self.text,
            channel: self.channel,
            content: self.content.as_ref(),
            expires_at: self.expires_at,
            groupings: &self.groupings,
        }
    }
}

/// Returns a receipt with nothing but a status.
pub(crate) fn receipt(status: impl Into<ReportedStatus>) -> CarrierReceipt {
    CarrierReceipt {
        reference: None,
        carrier_id: None,
        status: status.into(),
        code: None,
        description: None,
        details: ReceiptDetails::default(),
        at: None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "makes an optional part")]
pub(crate) fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(crate) fn accepted(carrier_id: Option<&str>) -> Outcome {
    Outcome::Accepted { carrier_id: carrier_id.map(str::to_owned) }
}

pub(crate) fn rejected(reason: impl Into<String>) -> Outcome {
    Outcome::Rejected { reason: reason.into() }
}

pub(crate) fn unknown(reason: impl Into<String>) -> Outcome {
    Outcome::Unknown { reason: reason.into() }
}

pub(crate) fn busy(retry_after: Option<u64>, reason: impl Into<String>) -> Outcome {
    Outcome::Busy { retry_after: retry_after.map(Duration::from_secs), reason: reason.into() }
}

pub(crate) fn refused_with(status: u16) -> Outcome {
    Outcome::Refused { reason: format!("status {status}") }
}

/// Returns the client that submits messages in production.
fn client() -> reqwest::Client {
    HttpStack::new().unwrap().carrier_client().unwrap()
}
