//! Carriers' answers to a submit and clients' answers to a callback, read by the connectors' own HTTP
//! clients. Any answer gives each message a single outcome. A message is accepted only if the status
//! allows that. Carriers' texts are stored shortened and without phone numbers.

use std::time::Duration;

use jiff::Timestamp;
use shared::{
    callbacks,
    carriers::{SubmitKey, Submitter},
    domain::{
        CallbackUrl, Carrier, CarrierName, CarrierSecret, Channel, CredentialPart, EventId, Groupings, MessageId,
        Outcome, PhoneNumber, SegmentLimit, SenderId, Submission, SubmitReference, Text, Vendor,
    },
    runtime::{Clock, Environment, HttpStack, Metrics, Random, Variables},
    store::{CarrierSecrets, SecretStore, SecretsByCarrier, StoreError},
    vendors::cm::dialect::{ReadContext, request::Posted},
};
use strum::IntoEnumIterator;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::{
    endpoint::{Answer, Endpoint},
    mutate::{Choices, TEXTS},
    samples,
    words::{assert_bounded, assert_names_no_number},
};

const STATUSES: [u16; 22] =
    [200, 200, 200, 201, 202, 202, 204, 301, 304, 400, 401, 403, 404, 408, 410, 413, 422, 429, 500, 502, 503, 599];

thread_local! {
    static GATEWAY: Gateway = Gateway::start();
}

/// Gives each connector and the callback caller an answer chosen by the bytes.
pub fn answers(bytes: &[u8]) {
    let mut choices = Choices::of(bytes);
    let status = *choices.pick(&STATUSES);
    let is_mutated = choices.below(3) > 0;
    let text = *choices.pick(&TEXTS);
    let (retry_after, body) = split(choices.rest());
    let mut answer = Answer { status, retry_after, body: body.to_vec() };
    GATEWAY.with(|gateway| {
        for vendor in Vendor::iter() {
            if is_mutated {
                answer.body = mutate(vendor, body);
            }
            gateway.endpoint.answer(&answer);
            gateway.submit(vendor, &answer, text);
        }
        gateway.endpoint.answer(&answer);
        gateway.callback(&answer);
    });
}

/// Splits off the first line as a header value, dropping bytes invalid in headers.
fn split(bytes: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let Some(end) = end else { return (None, bytes) };
    let (line, body) = (&bytes[..end], &bytes[end + 1..]);
    (Some(line.iter().copied().filter(|byte| *byte >= b' ' && *byte != 0x7f).collect()), body)
}

/// Returns a sample answer, with our reference, mutated.
fn mutate(vendor: Vendor, bytes: &[u8]) -> Vec<u8> {
    let mut choices = Choices::of(bytes);
    let sample = choices.pick(samples::of_carrier(vendor, "answer"));
    sample.mutated(&mut choices).replace("your_reference_A", &reference(0).to_string()).into_bytes()
}

struct Gateway {
    endpoint: Endpoint,
    http: HttpStack,
    caller: callbacks::Caller,
    runtime: Runtime,
}

/// A store with credentials for a carrier of each vendor, named like the vendor.
struct AnyCredentials;

impl SecretStore for AnyCredentials {
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError> {
        let secret = |vendor: Vendor| {
            // A key needs no login.
            let credentials = [(CredentialPart::Key, "a-credential".to_owned())].into_iter().collect();
            let webhook_tokens = vec!["a-token".to_owned()];
            (name_of(vendor), CarrierSecret { credentials, webhook_tokens, ..CarrierSecret::default() })
        };
        Ok(Vendor::iter().map(secret).collect())
    }
}

#[expect(clippy::expect_used, reason = "a vendor's name is a valid name of a carrier")]
fn name_of(vendor: Vendor) -> CarrierName {
    vendor.into_str().parse().expect("a name")
}

impl Gateway {
    #[expect(clippy::expect_used, reason = "setup of the test")]
    fn start() -> Self {
        let http = HttpStack::new().expect("an HTTP client");
        let variables = [("ALLOW_PRIVATE_CALLBACKS".to_owned(), "true".to_owned())].into_iter().collect::<Variables>();
        let metrics = Metrics::none();
        let environment =
            Environment { variables, clock: Clock::system(), random: Random::seeded(0), http: http.clone(), metrics };
        Self {
            endpoint: Endpoint::start(),
            caller: callbacks::Caller::of(&environment).expect("a caller"),
            http,
            runtime: Builder::new_current_thread().enable_all().build().expect("a runtime"),
        }
    }

    /// Returns a new submitter, because the circuit breaker of a used one may be open.
    fn submitter(&self) -> Submitter<AnyCredentials> {
        let clock = Clock::system();
        Submitter::new(self.http.client().clone(), CarrierSecrets::new(AnyCredentials, clock.clone()), clock)
    }

    fn submit(&self, vendor: Vendor, answer: &Answer, text: &str) {
        let sent = Sent::example(0, text);
        let settings = samples::settings(vendor, self.endpoint.url.as_str());
        let carrier = Carrier { name: name_of(vendor), settings };
        let Ok(account) = "demo".parse() else { return };
        let submission = sent.submission();
        let (channel, message) = (submission.channel, submission.reference.message);
        let key = SubmitKey { carrier: carrier.name, account: &account, channel, message, was_refused: false };
        let submit = async { self.submitter().submit(&carrier, &submission, key).await };
        let outcome = self.runtime.block_on(submit);
        assert_outcome(&outcome);
        match answer.status {
            503 => assert!(matches!(outcome, Outcome::Busy { .. })),
            301 | 304 | 408 | 500 | 502 | 599 => assert!(matches!(outcome, Outcome::Unknown { .. })),
            _ => {}
        }
        if vendor == Vendor::Loopback {
            assert_loopback(answer.status, &outcome);
        }
        if vendor == Vendor::Cm {
            match answer.status {
                429 => assert!(matches!(outcome, Outcome::Busy { .. })),
                413 => assert!(matches!(outcome, Outcome::Rejected { .. })),
                _ => {}
            }
            assert_posted_to_cm(&self.endpoint.posted(), &sent);
        }
    }

    fn callback(&self, answer: &Answer) {
        let Ok(url) = self.endpoint.url.as_str().parse::<CallbackUrl>() else { return };
        let request = callbacks::CallbackRequest {
            url: &url,
            event: EventId::new(Uuid::nil()),
            dialect_headers: Vec::new(),
            secrets: &[],
            at: Timestamp::UNIX_EPOCH,
            body: "{}".to_owned(),
            is_success: |status| status.is_success(),
        };
        match (answer.status, self.runtime.block_on(self.caller.deliver(&request))) {
            (200..300, callbacks::CallbackOutcome::Delivered { status }) => assert_eq!(status, answer.status),
            (410, callbacks::CallbackOutcome::Gone) => {}
            (429 | 503, callbacks::CallbackOutcome::Busy { retry_after, .. }) => {
                assert!(retry_after <= Duration::from_hours(24));
            }
            (status, callbacks::CallbackOutcome::Failed { reason, retry_after }) => {
                assert!(!(200..300).contains(&status) && status != 410, "{reason}");
                assert_bounded(&reason);
                assert!(retry_after.is_none_or(|after| after <= Duration::from_hours(24)));
            }
            (status, made) => panic!("status {status} gave {made:?}"),
        }
    }
}

fn assert_loopback(status: u16, outcome: &Outcome) {
    match status {
        202 => assert!(matches!(outcome, Outcome::Accepted { .. })),
        400 | 422 => assert!(matches!(outcome, Outcome::Rejected { .. })),
        429 | 503 => assert!(matches!(outcome, Outcome::Busy { .. })),
        401..=407 | 409..500 => assert!(matches!(outcome, Outcome::Refused { .. })),
        _ => assert!(matches!(outcome, Outcome::Unknown { .. })),
    }
}

fn assert_outcome(outcome: &Outcome) {
    match outcome {
        Outcome::Accepted { carrier_id } => assert!(carrier_id.as_ref().is_none_or(|id| id.len() <= 100)),
        Outcome::Rejected { reason }
        | Outcome::OptedOut { reason }
        | Outcome::Busy { reason, .. }
        | Outcome::Refused { reason }
        | Outcome::Unknown { reason } => {
            assert!(!reason.is_empty() && reason.chars().count() <= 120, "{reason}");
            assert_names_no_number(reason);
        }
    }
}

/// Checks that the request to CM.com has the submission's fields, by parsing it with our own dialect.
fn assert_posted_to_cm(posted: &[Vec<u8>], sent: &Sent) {
    let context = ReadContext { limit: SegmentLimit::default(), now: Timestamp::UNIX_EPOCH };
    let first = posted.first().map(|body| Posted::parse(body).and_then(|posted| posted.read(&context)));
    let Some(Ok(parsed)) = first else { panic!("the posted request is unreadable") };
    let [parsed] = parsed.as_slice() else { panic!("{} messages were posted", parsed.len()) };
    let draft = parsed.draft.as_ref().unwrap_or_else(|error| panic!("{error:?}"));
    assert!(draft.to == sent.to && draft.text == sent.text && draft.channels == [Channel::Sms]);
    let reference = draft.reference.as_ref().and_then(|name| name.as_str().parse::<SubmitReference>().ok());
    assert_eq!(reference, Some(sent.reference));
}

fn reference(number: u128) -> SubmitReference {
    SubmitReference {
        message: MessageId::new(Uuid::from_u128(number)),
        channel_index: u8::try_from(number).unwrap_or_default(),
    }
}

struct Sent {
    reference: SubmitReference,
    to: PhoneNumber,
    from: SenderId,
    text: Text,
    groupings: Groupings,
}

impl Sent {
    #[expect(clippy::expect_used, reason = "the literals are valid")]
    fn example(number: u128, text: &str) -> Self {
        let text = Text::parse(text, SegmentLimit::default()).or_else(|_| Text::parse("Hi", SegmentLimit::default()));
        Self {
            reference: reference(number),
            to: format!("44791112345{}", 6 + number).parse::<PhoneNumber>().expect("a number"),
            from: "SenderName".parse().expect("a sender"),
            text: text.expect("a text"),
            groupings: Groupings::default(),
        }
    }

    fn submission(&self) -> Submission<'_> {
        Submission {
            reference: self.reference,
            to: &self.to,
            from: &self.from,
            text: &self.text,
            channel: Channel::Sms,
            content: None,
            expires_at: None,
            groupings: &self.groupings,
        }
    }
}
