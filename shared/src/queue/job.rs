//! The payloads of the queues.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    domain::{
        AccountId, CallbackUrl, CarrierName, EndpointId, EventId, ExecutionId, MessageId, ReceiptDetails,
        ReceiptStatus, ReplyId, SenderId, State, UnmatchedId, WebhookId,
    },
    redact::unquoted,
};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    v: u8,
    #[serde(flatten)]
    job: T,
}

/// A payload that this release cannot read. The dead-letter queue keeps the job for a later release.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("the payload is not a job: {0}")]
    Malformed(String),
    #[error("the payload has version {0}, and this release reads {VERSION}")]
    Version(u8),
}

/// A job for `dispatch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Job {
    /// Do the work that the message's record says is due, usually submit.
    Submit { message: MessageId },
    /// A receipt reports a failed submit, and the message has further channels.
    #[serde(rename = "failed")]
    ChannelFailed(FailedSubmit),
    /// Retry an unmatched receipt or reply.
    Unmatched(UnmatchedId),
    /// Give out the send slots of a sender with a rate limit.
    Deal(Deal),
}

/// A job for a dealer of send slots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    pub sender: SenderId,
    /// Random. SQS may deliver a job twice, and both deliveries have one ID.
    pub id: ExecutionId,
    /// How often dealers have looked in vain for missing messages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub looked: u8,
}

/// A failed submit, from its receipt. The receipt is not recorded yet, because whether the message fails
/// depends on the remaining route candidates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSubmit {
    pub message: MessageId,
    /// Index of the failed channel.
    pub channel_index: u8,
    pub carrier: CarrierName,
    pub status: ReceiptStatus,
    /// The carrier's code and description, without phone numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "ReceiptDetails::is_empty")]
    pub details: ReceiptDetails,
    /// When the submit failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Job {
    /// Returns the message that the job names, if any.
    #[must_use]
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::Submit { message } | Self::ChannelFailed(FailedSubmit { message, .. }) => Some(*message),
            Self::Unmatched(_) | Self::Deal(_) => None,
        }
    }
}

/// For logs.
impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit { message } | Self::ChannelFailed(FailedSubmit { message, .. }) => {
                write!(f, "message {message}")
            }
            Self::Unmatched(unmatched) => write!(f, "unmatched {unmatched}"),
            Self::Deal(_) => f.write_str("send slots"),
        }
    }
}

/// A job for `callback`: notify a client of an event, after the event is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackJob {
    #[serde(flatten)]
    pub subject: Subject,
    /// The account of the event.
    pub account: AccountId,
    /// The execution that enqueued the job. We deliver the callback only if the same execution recorded the
    /// event.
    pub execution_id: ExecutionId,
    pub created_at: Timestamp,
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When we first called the endpoint, or delayed the call because its circuit was open. `None` before,
    /// and after a reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attempt_at: Option<Timestamp>,
    /// Index among the message's callback URLs. Each has a job of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub url_index: u8,
    /// This job's webhook. `None` in an event's first job, and in a dialect without webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

impl CallbackJob {
    /// Returns the first job for an event.
    #[must_use]
    pub fn new(subject: Subject, account: &AccountId, execution_id: ExecutionId, at: Timestamp) -> Self {
        Self {
            subject,
            account: account.clone(),
            execution_id,
            created_at: at,
            attempts: 0,
            not_before: None,
            first_attempt_at: None,
            url_index: 0,
            webhook: None,
        }
    }

    /// Returns the job for each URL, with the URL.
    pub fn for_each(self, urls: &[CallbackUrl]) -> impl Iterator<Item = (Self, &CallbackUrl)> {
        (0..).zip(urls).map(move |(url_index, url)| (Self { url_index, ..self.clone() }, url))
    }

    /// Returns the job without its attempts, for the dead-letter queue.
    #[must_use]
    pub fn reset(self) -> Self {
        Self { attempts: 0, not_before: None, first_attempt_at: None, ..self }
    }
}

/// The event behind a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Subject {
    State { message: MessageId, state: State },
    Reply { reply: ReplyId },
    EndpointDisabled { endpoint: EndpointId, since: Timestamp },
}

impl Subject {
    /// Returns the event's ID, the same for all its jobs.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        match *self {
            Self::State { message, state } => EventId::of_state(message, state),
            Self::Reply { reply } => EventId::of_reply(reply),
            Self::EndpointDisabled { endpoint, since } => EventId::of_endpoint_disabled(endpoint, since),
        }
    }

    /// Returns the message, if the event is a state change.
    #[must_use]
    pub fn message(&self) -> Option<MessageId> {
        if let Self::State { message, .. } = *self { Some(message) } else { None }
    }

    /// Returns the reply, if the event is a reply.
    #[must_use]
    pub fn reply(&self) -> Option<ReplyId> {
        if let Self::Reply { reply } = *self { Some(reply) } else { None }
    }
}

/// For logs, beside the ID of the message or reply.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { state, .. } => f.write_str(state.into_str()),
            Self::Reply { .. } => f.write_str("reply"),
            Self::EndpointDisabled { endpoint, .. } => write!(f, "endpoint {endpoint} disabled"),
        }
    }
}

impl Job {
    /// Parses a payload.
    pub fn read(payload: &str) -> Result<Self, JobError> {
        read(payload)
    }

    #[must_use]
    pub fn write(&self) -> String {
        write(self)
    }
}

impl CallbackJob {
    /// Parses a payload.
    pub fn read(payload: &str) -> Result<Self, JobError> {
        read(payload)
    }

    #[must_use]
    pub fn write(&self) -> String {
        write(self)
    }
}

fn read<T: DeserializeOwned>(payload: &str) -> Result<T, JobError> {
    #[derive(Deserialize)]
    struct Version {
        v: u8,
    }
    let malformed = |error: serde_json::Error| JobError::Malformed(unquoted(&error.to_string()));
    let Version { v } = serde_json::from_str(payload).map_err(malformed)?;
    if v != VERSION {
        return Err(JobError::Version(v));
    }
    let envelope: Envelope<T> = serde_json::from_str(payload).map_err(malformed)?;
    Ok(envelope.job)
}

/// Serializes a job, which cannot fail, because jobs are flat maps of strings and numbers.
fn write<T: Serialize>(job: &T) -> String {
    serde_json::to_string(&Envelope { v: VERSION, job }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, UnmatchedKind};
    use proptest::prelude::*;

    const SUBMIT: &str = r#"{"v":1,"type":"submit","message":"0197a3a0-0000-7000-8000-000000000001"}"#;

    #[test]
    fn payload_is_tagged_and_versioned() {
        let job = Job::read(SUBMIT).unwrap();
        assert_eq!(job.write(), SUBMIT);
        assert!(matches!(Job::read(&SUBMIT.replace(":1,", ":9,")), Err(JobError::Version(9))));
        assert!(Job::read(&SUBMIT.replace("submit", "dance")).is_err());
        let message = "0197a3a0-0000-7000-8000-000000000001".parse::<MessageId>().unwrap();
        assert_eq!((&job, job.message()), (&Job::Submit { message }, Some(message)));
        let (carrier, status) = ("cm".parse().unwrap(), ReceiptStatus::Undelivered);
        let failed = FailedSubmit {
            message,
            channel_index: 1,
            carrier,
            status,
            code: Some("5".to_owned()),
            description: None,
            details: ReceiptDetails::default(),
            at: None,
        };
        let (code, price) = ("20408".parse().ok(), Price::new("0.04", Some("EUR")));
        let details = ReceiptDetails { network: code, price, ..ReceiptDetails::default() };
        let detailed = FailedSubmit { details, at: Some(Timestamp::UNIX_EPOCH), ..failed.clone() };
        for failed in [failed, detailed].map(Job::ChannelFailed) {
            assert_eq!(Job::read(&failed.write()).unwrap(), failed);
        }
        let unmatched = Job::Unmatched(UnmatchedId { kind: UnmatchedKind::Reply, carrier, uuid: message.uuid() });
        assert_eq!(Job::read(&unmatched.write()).unwrap(), unmatched);
        for looked in [0, 2] {
            let deal = Job::Deal(Deal { sender: "12345".parse().unwrap(), id: ExecutionId::new(7), looked });
            assert_eq!(Job::read(&deal.write()).unwrap(), deal);
        }
    }

    #[test]
    fn callback_job_round_trips_through_payload() {
        let job = CallbackJob {
            subject: Subject::State {
                message: "0197a3a0-0000-7000-8000-000000000001".parse().unwrap(),
                state: State::Delivered,
            },
            account: "demo".parse().unwrap(),
            execution_id: ExecutionId::new(7),
            created_at: Timestamp::from_millisecond(1_767_258_000_123).unwrap(),
            attempts: 3,
            not_before: Some(Timestamp::from_second(1_767_258_300).unwrap()),
            first_attempt_at: Some(Timestamp::from_second(1_767_258_100).unwrap()),
            url_index: 2,
            webhook: Some(7),
        };
        assert_eq!(CallbackJob::read(&job.write()).unwrap(), job);
        let endpoint = EndpointId::new(uuid::Uuid::from_u128(7));
        let subject = Subject::EndpointDisabled { endpoint, since: job.created_at };
        let off = CallbackJob { subject, ..job };
        assert_eq!(CallbackJob::read(&off.write()).unwrap(), off);
    }

    proptest! {
        #[test]
        fn parsing_any_payload_does_not_panic(payload in "\\PC{0,100}") {
            let _ = (Job::read(&payload), CallbackJob::read(&payload));
        }
    }
}
