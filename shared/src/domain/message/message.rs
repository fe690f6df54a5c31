//! Outbound messages.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::{
    AccountId, ApiKeyId, Attempt, AttemptOutcome, BatchId, CallbackUrl, CarrierName, Channel, Content, Dialect,
    ExecutionId, Groupings, Keyword, Lane, MessageId, OnUnknown, PhoneNumber, Progress, Receipt, ReceiptDetails,
    ReceiptStatus, Receipts, RecipientLabels, Reference, Refusals, RouteName, SentFrom, State, Tags, Text,
};

/// An outbound message. `Debug` shows only the ID and state.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub account: AccountId,
    pub batch: BatchId,
    pub created_at: Timestamp,
    pub request: MessageRequest,
    pub delivery: Delivery,
}

/// The client's request. Never changes after acceptance.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageRequest {
    /// The dialect for the request and its callbacks.
    pub dialect: Dialect,
    pub to: PhoneNumber,
    pub from: SentFrom,
    pub text: Text,
    /// Channels in the client's order of preference. Empty means SMS.
    pub channels: Vec<Channel>,
    /// Each gets every status callback.
    pub callbacks: Vec<CallbackUrl>,
    /// The client's own ID, unique within the account.
    pub client_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    /// The client's own reference. Several messages may share it.
    pub reference: Option<Reference>,
    pub recipient: RecipientLabels,
    /// The route that the client chose. The message gets only routes of that name.
    pub route: Option<RouteName>,
    pub groupings: Groupings,
    pub tags: Tags,
    /// When the message's validity ends.
    pub expires_at: Option<Timestamp>,
    /// Channels other than SMS and push show this in place of the text.
    pub content: Option<Arc<Content>>,
    /// The keyword that an automatic reply answers.
    pub keyword: Option<Keyword>,
    pub lane: Lane,
    /// The request's own choice, which overrides the account's.
    pub on_unknown: Option<OnUnknown>,
    /// The API key with which the client posted the message; `None` for an automatic reply.
    pub key: Option<ApiKeyId>,
    /// Distinguishes a repeated request from a different one under the same ID.
    pub fingerprint: Fingerprint,
}

/// The delivery so far.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    pub progress: Progress,
    /// The execution that last changed the progress.
    pub execution_id: Option<ExecutionId>,
    /// When the claiming worker's lease expires.
    pub lease_until: Option<Timestamp>,
    /// Receipt deadline. After it we fail over to the next channel, or give up an unknown outcome.
    pub receipt_by: Option<Timestamp>,
    /// Position on the message's [`Line`](crate::domain::Line), to the microsecond; `None` if it is on no line. A
    /// claimed message keeps its position until its outcome is recorded.
    pub line_at: Option<Timestamp>,
    /// When the job of a retry is due, after no carrier could take the message.
    pub retry_at: Option<Timestamp>,
    /// When the schedule next enqueues a job for the message: at `send_at`, a lookup, `receipt_by`, or, if the message
    /// is on a line, when its validity ends.
    pub wake_at: Option<Timestamp>,
    /// How often a worker claimed the message.
    pub attempts: u32,
    /// Index of the current channel among the requested ones.
    pub channel_index: u8,
    /// The carrier that has the message, may have it, or was the last to refuse it.
    pub carrier: Option<CarrierName>,
    /// The carrier's own ID for the message.
    pub carrier_id: Option<String>,
    /// Attempts before the current one, oldest first.
    pub failed_attempts: Vec<Attempt>,
    /// By carrier.
    pub refusals: Vec<Refusals>,
    pub history: Vec<StateChange>,
    pub receipts: Receipts,
}

impl Delivery {
    #[must_use]
    pub fn new(progress: Progress, at: Timestamp) -> Self {
        Self {
            progress,
            execution_id: None,
            lease_until: None,
            receipt_by: None,
            line_at: None,
            retry_at: None,
            wake_at: None,
            attempts: 0,
            channel_index: 0,
            carrier: None,
            carrier_id: None,
            failed_attempts: Vec::new(),
            refusals: Vec::new(),
            history: vec![StateChange { state: progress.state(), at, reason: None }],
            receipts: Receipts::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    pub state: State,
    pub at: Timestamp,
    pub reason: Option<String>,
}

impl Message {
    /// Returns the furthest of our own progress and the receipts.
    #[must_use]
    pub fn state(&self) -> State {
        self.delivery
            .receipts
            .iter()
            .map(|receipt| receipt.status.state())
            .fold(self.delivery.progress.state(), State::max)
    }

    /// Returns whether we send the message despite an opt-out, because it answers STOP or HELP. An opt-out
    /// does block an answer to START, because the recipient may have opted out again since.
    #[must_use]
    pub fn passes_opt_outs(&self) -> bool {
        matches!(self.request.keyword, Some(Keyword::Stop | Keyword::Help))
    }

    /// Returns the receipt that reported `state`.
    #[must_use]
    pub fn receipt_of(&self, state: State) -> Option<&Receipt> {
        self.delivery.receipts.iter().find(|receipt| receipt.status.state() == state)
    }

    /// Returns why the message is in `state`: in the carrier's words, or in ours if we gave up an unknown outcome.
    #[must_use]
    pub fn reason_for(&self, state: State) -> Option<&str> {
        let said = self.receipt_of(state).and_then(|receipt| receipt.description.as_deref());
        said.or_else(|| self.give_up_reason().filter(|_| state == State::Failed))
    }

    #[must_use]
    pub fn was_scheduled(&self) -> bool {
        self.delivery.history.first().is_some_and(|state_change| state_change.state == State::Scheduled)
    }

    /// Returns the later of acceptance and `send_at`.
    #[must_use]
    pub fn due_since(&self) -> Timestamp {
        self.request.send_at.map_or(self.created_at, |at| at.max(self.created_at))
    }

    /// Returns when we began to try the current channel: the later of the first claim, and the last failover or resend
    /// after a submit. A first wait on a line comes before the first claim, so it does not count; a wait between
    /// retries does.
    #[must_use]
    pub fn attempted_since(&self) -> Option<Timestamp> {
        let claimed = self.first_claimed_at();
        let submitted = self
            .delivery
            .failed_attempts
            .iter()
            .rev()
            .find(|attempt| attempt.outcome.was_submitted())
            .map(|attempt| attempt.at);
        claimed.max(submitted)
    }

    #[must_use]
    pub fn first_claimed_at(&self) -> Option<Timestamp> {
        self.delivery
            .history
            .iter()
            .find(|state_change| state_change.state == State::Submitting)
            .map(|state_change| state_change.at)
    }

    /// Returns the channels with their indexes, or only SMS if the client named none.
    pub fn channels_by_index(&self) -> impl Iterator<Item = (u8, Channel)> {
        let wished = if self.request.channels.is_empty() { &[Channel::Sms] } else { self.request.channels.as_slice() };
        (0..).zip(wished.iter().copied())
    }

    #[must_use]
    pub fn channel(&self) -> Channel {
        self.channel_at(self.delivery.channel_index)
    }

    fn channel_at(&self, channel_index: u8) -> Channel {
        self.channels_by_index().find(|(other, _)| *other == channel_index).map_or(Channel::Sms, |(_, channel)| channel)
    }

    /// Returns the channel that delivered the message, or else the current one.
    #[must_use]
    pub fn channel_reached(&self) -> Channel {
        self.channel_at(self.arrived_at().unwrap_or(self.delivery.channel_index))
    }

    /// Returns the carrier that delivered the message, or else the current one.
    #[must_use]
    pub fn carrier_reached(&self) -> Option<CarrierName> {
        let Some(channel_index) =
            self.arrived_at().filter(|channel_index| *channel_index != self.delivery.channel_index)
        else {
            return self.delivery.carrier;
        };
        let over = self.channel_at(channel_index);
        self.delivery
            .failed_attempts
            .iter()
            .find(|attempt| attempt.channel == over && attempt.outcome.was_submitted())?
            .carrier
    }

    /// Returns the details in the receipts for the channel that delivered the message, or else for the current one.
    #[must_use]
    pub fn receipt_details(&self) -> ReceiptDetails {
        self.delivery.receipts.details(self.arrived_at().unwrap_or(self.delivery.channel_index))
    }

    fn arrived_at(&self) -> Option<u8> {
        let arrived = [ReceiptStatus::Delivered, ReceiptStatus::Read].map(|status| self.delivery.receipts.get(status));
        arrived.into_iter().flatten().next().map(|receipt| receipt.channel_index)
    }

    #[must_use]
    pub fn has_channel_after(&self, channel_index: u8) -> bool {
        self.channels_by_index().any(|(other, _)| other > channel_index)
    }

    /// Returns whether we tried `carrier`, or may have: true if the carrier of any attempt is not recorded.
    #[must_use]
    pub fn may_have_gone_through(&self, carrier: CarrierName) -> bool {
        let mut takers =
            self.delivery.failed_attempts.iter().map(|attempt| attempt.carrier).chain([self.delivery.carrier]);
        takers.any(|taker| taker.is_none_or(|taker| taker == carrier))
    }

    /// Returns whether we failed over to a later channel after a submit.
    #[must_use]
    pub fn was_on_earlier_channel(&self) -> bool {
        self.delivery
            .failed_attempts
            .iter()
            .any(|attempt| matches!(attempt.outcome, AttemptOutcome::Failed | AttemptOutcome::ReceiptTimeout))
    }

    /// Returns whether an earlier submit was accepted, or may have been.
    #[must_use]
    pub fn was_submitted_before(&self) -> bool {
        self.delivery.failed_attempts.iter().any(|attempt| attempt.outcome.was_submitted())
    }

    /// Returns the time of the last submit up to `before`, if the message may have reached a carrier.
    #[must_use]
    pub fn submitted_at(&self, before: Timestamp) -> Option<Timestamp> {
        use Progress::{Failed, Submitted, Submitting, Unknown};
        let may_have = matches!(self.delivery.progress, Submitting | Unknown | Submitted | Failed)
            || self.delivery.receipts.is_final()
            || self.was_submitted_before();
        let tries = self.delivery.history.iter().rev().filter(|state_change| state_change.state == State::Submitting);
        tries.map(|state_change| state_change.at).find(|at| *at <= before).filter(|_| may_have)
    }

    /// Returns all state changes, receipts included, oldest first.
    #[must_use]
    pub fn full_history(&self) -> Vec<StateChange> {
        let mut state_changes = self.delivery.history.clone();
        state_changes.extend(self.delivery.receipts.iter().map(|receipt| StateChange {
            state: receipt.status.state(),
            at: receipt.at,
            reason: receipt.description.clone().or_else(|| receipt.code.clone()),
        }));
        state_changes.sort_by_key(|state_change| state_change.at);
        state_changes
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).field("state", &self.state()).finish_non_exhaustive()
    }
}

/// The first 16 bytes of the request's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Hashes each part after its length, so different lists of parts have different hashes.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut first = [0; 16];
        first.copy_from_slice(&hash.finalize()[..16]);
        Self(first)
    }

    /// Returns the fingerprint for a message in a numbered request: half identifies the request, half the content.
    #[must_use]
    pub fn in_request(self, name: &str) -> Self {
        self.in_request_of(&Self::of([name]))
    }

    /// Returns the fingerprint with the request's half taken from `other`.
    #[must_use]
    pub fn in_request_of(mut self, other: &Self) -> Self {
        self.0[..8].copy_from_slice(&other.0[..8]);
        self
    }

    /// Returns whether both messages belong to one numbered request.
    #[must_use]
    pub fn is_in_request_of(&self, other: &Self) -> bool {
        self.0[..8] == other.0[..8]
    }

    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

#[cfg(test)]
impl Message {
    pub(crate) fn example() -> Self {
        let (id, at) = (MessageId::new(Uuid::from_u128(1)), Timestamp::UNIX_EPOCH);
        let from = SentFrom { kind: crate::domain::SenderKind::Custom, id: "441234567890".parse().unwrap() };
        let request = MessageRequest {
            dialect: Dialect::Mplus,
            to: "447700900001".parse().unwrap(),
            from,
            text: Text::parse("Hi", crate::domain::SegmentLimit::default()).unwrap(),
            channels: Vec::new(),
            callbacks: Vec::new(),
            client_id: None,
            send_at: None,
            reference: None,
            recipient: RecipientLabels::default(),
            route: None,
            groupings: Groupings::default(),
            tags: Tags::default(),
            expires_at: None,
            content: None,
            keyword: None,
            lane: Lane::Normal,
            on_unknown: None,
            key: None,
            fingerprint: Fingerprint::of([]),
        };
        Self {
            id,
            account: "demo".parse().unwrap(),
            batch: BatchId::of_single(id),
            created_at: at,
            request,
            delivery: Delivery::new(Progress::Queued, at),
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
