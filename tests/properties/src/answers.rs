//! Carriers' answers to a submit and clients' answers to a callback, read by the connectors' own HTTP
//! clients. Any answer gives each message a single outcome. A message is accepted only if the status
//! allows that. Carriers' texts are stored shortened and without phone numbers.

use std::time::Duration;

use jiff::Timestamp;
use shared::{
    callbacks,
    carriers::Submitter,
    domain::{
        CallbackUrl, CarrierName, CarrierSecret, CarrierSettings, Channel, EventId, Groupings, MessageId, Outcome,
        PhoneNumber, SegmentLimit, SenderId, Submission, SubmitReference, Text,
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
    mutate::{self, Choices, TEXTS},
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
        if is_mutated {
            answer.body = mutate(body);
        }
        for carrier in CarrierName::iter() {
            gateway.endpoint.answer(&answer);
            match carrier {
                CarrierName::Loopback => gateway.loopback(&answer),
                CarrierName::Cm => gateway.cm(&answer, text),
            }
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

/// Returns CM.com's sample answer, with our references, mutated.
fn mutate(bytes: &[u8]) -> Vec<u8> {
    let sample = samples::cm_answer().to_string();
    let [a, b] = [reference(0), reference(1)].map(|reference| reference.to_string());
    let sample = sample.replace("your_reference_A", &a).replace("your_reference_B", &b);
    let sample = serde_json::from_str(&sample).unwrap_or_default();
    mutate::json(&sample, &mut Choices::of(bytes)).to_string().into_bytes()
}

struct Gateway {
    endpoint: Endpoint,
    http: HttpStack,
    caller: callbacks::Caller,
    runtime: Runtime,
}

/// A store with CM.com's key only.
struct OneKey;

impl SecretStore for OneKey {
    async fn carriers(&self) -> Result<SecretsByCarrier, StoreError> {
        let secret = CarrierSecret { webhook_tokens: Vec::new(), key: Some("product-token".to_owned()) };
        Ok([(CarrierName::Cm, secret)].into())
    }
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

    fn settings(&self) -> CarrierSettings {
        CarrierSettings {
            endpoint: self.endpoint.url.clone(),
            timeout_ms: 30_000,
            lookup: false,
            receipts_by_id: false,
        }
    }

    /// Returns a new submitter, because the circuit breaker of a used one may be open.
    fn submitter(&self) -> Submitter<OneKey> {
        let clock = Clock::system();
        Submitter::new(self.http.client().clone(), CarrierSecrets::new(OneKey, clock.clone()), clock)
    }

    fn loopback(&self, answer: &Answer) {
        let sent = Sent::example(0, "Hi");
        let outcome = self.runtime.block_on(async {
            self.submitter().submit(CarrierName::Loopback, &self.settings(), &sent.submission()).await
        });
        assert_outcome(&outcome);
        match answer.status {
            202 => assert!(matches!(outcome, Outcome::Accepted { .. })),
            400 | 422 => assert!(matches!(outcome, Outcome::Rejected { .. })),
            401..=407 | 409..500 | 503 => assert!(matches!(outcome, Outcome::Busy { .. })),
            _ => assert!(matches!(outcome, Outcome::Unknown { .. })),
        }
    }

    fn cm(&self, answer: &Answer, text: &str) {
        let sent = Sent::example(0, text);
        let outcome = self
            .runtime
            .block_on(async { self.submitter().submit(CarrierName::Cm, &self.settings(), &sent.submission()).await });
        assert_outcome(&outcome);
        match answer.status {
            429 | 503 => assert!(matches!(outcome, Outcome::Busy { .. })),
            413 => assert!(matches!(outcome, Outcome::Rejected { .. })),
            408 => assert!(matches!(outcome, Outcome::Unknown { .. })),
            200..300 | 400..500 => {}
            _ => assert!(matches!(outcome, Outcome::Unknown { .. })),
        }
        assert_posted(&self.endpoint.posted(), &sent);
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

fn assert_outcome(outcome: &Outcome) {
    match outcome {
        Outcome::Accepted { carrier_id } => assert!(carrier_id.as_ref().is_none_or(|id| id.len() <= 100)),
        Outcome::Rejected { reason } | Outcome::Busy { reason, .. } | Outcome::Unknown { reason } => {
            assert!(!reason.is_empty() && reason.chars().count() <= 120, "{reason}");
            assert_names_no_number(reason);
        }
    }
}

/// Checks that the request to CM.com has the submission's fields, by parsing it with our own dialect.
fn assert_posted(posted: &[Vec<u8>], sent: &Sent) {
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
