//! A scenario: a flow of messages through the whole gateway, with the expected final state.

use jiff::{SignedDuration, Timestamp};
use shared::domain::{AccountId, CarrierName, Channel, Lane, OnUnknown, ReceiptStatus, SenderKind, State};
use tests::{
    Phone as Handset,
    clients::{Ability, ClientFormat, ClientMessage, ClientRequest},
    system::{DEMO, OTHER, OTHER_SENDER, OWN_SENDER, RATE_LIMITED_SENDER},
};
use url::Url;
use uuid::Uuid;

use crate::{proxy::Submit, stage::CarrierBehavior};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    Demo,
    Other,
}

impl Account {
    pub fn id(self) -> AccountId {
        match self {
            Self::Demo => "demo".parse().unwrap(),
            Self::Other => "other".parse().unwrap(),
        }
    }

    pub fn key(self) -> &'static str {
        match self {
            Self::Demo => DEMO,
            Self::Other => OTHER,
        }
    }

    pub fn number(self) -> &'static str {
        match self {
            Self::Demo => OWN_SENDER,
            Self::Other => OTHER_SENDER,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phone {
    NoReceipt,
    /// The receipt comes before the carrier's answer.
    Delivered,
    Undelivered,
    Rejected,
    Repeated,
    OutOfOrder,
    Busy,
    /// The carrier accepts the message, but its answer comes after our timeout.
    NoAnswer,
    Stops,
    /// Mobile Text Alerts refuses the message, because the number has unsubscribed there, unknown to us.
    Unsubscribed,
}

impl Phone {
    pub fn number(self, index: usize) -> String {
        let phone = match self {
            Self::Undelivered => Handset::fails(),
            Self::Rejected => Handset::rejects(),
            Self::NoReceipt => Handset::delivers_without_receipt(),
            Self::Repeated => Handset::repeats_receipt(),
            Self::Delivered | Self::Unsubscribed => Handset::receipt_before_answer(),
            Self::OutOfOrder => Handset::receipts_out_of_order(),
            Self::Busy => Handset::busy_twice(),
            Self::NoAnswer => Handset::unanswered(),
            Self::Stops => Handset::replies_stop(),
        };
        phone.nth(index).to_string()
    }

    /// Returns the number of receipts and replies for each accepted submit.
    pub fn webhook_count(self) -> usize {
        match self {
            Self::NoReceipt | Self::Rejected | Self::NoAnswer | Self::Unsubscribed => 0,
            Self::Delivered | Self::Undelivered | Self::Busy => 1,
            // At most.
            Self::OutOfOrder | Self::Stops => 2,
            Self::Repeated => 5,
        }
    }

    fn expected_state(self) -> State {
        match self {
            Self::NoReceipt => State::Submitted,
            Self::Undelivered => State::Undelivered,
            Self::Rejected => State::Rejected,
            Self::Unsubscribed => State::Blocked,
            Self::NoAnswer => State::Failed,
            _ => State::Delivered,
        }
    }
}

/// How a client's repeated request is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    MessageId,
    Key,
    /// Not at all: a repeat requests another message.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    Owned,
    Shared,
    Rated,
}

/// The step after the client's request. A cancellation comes at once, a reply or another request when all
/// work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowUp {
    Nothing,
    Reply,
    Cancel,
    Another,
}

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub account: Account,
    pub format: &'static ClientFormat,
    /// The route, the preferred carrier first.
    pub carriers: Vec<CarrierName>,
    pub messages: usize,
    /// Index of the first phone among those with the same behavior.
    pub first: usize,
    pub idempotency: Idempotency,
    pub sender: Sender,
    pub scheduled: bool,
    pub phone: Phone,
    pub follow_up: FollowUp,
    /// Whether the message names a second callback URL.
    pub second_callback: bool,
    /// The phone's behavior on RCS. If set, the channels are RCS, then SMS.
    pub rcs: Option<&'static str>,
    /// The client's choice for an unknown outcome, sent as a header.
    pub on_unknown: Option<OnUnknown>,
    /// The request's lane, sent as a header.
    pub lane: Option<Lane>,
    /// Whether an unknown outcome is looked up at the carrier.
    pub lookup: bool,
    /// Each message's final state without a fault.
    pub expected_state: State,
    /// Inject only into this function's calls, if the whole flow has too many.
    pub only_function: Option<&'static str>,
}

impl Scenario {
    pub fn new(name: &str, format: &'static ClientFormat, carrier: &str, phone: Phone) -> Self {
        Self {
            name: name.to_owned(),
            account: Account::Demo,
            format,
            carriers: vec![carrier.parse().unwrap()],
            messages: 1,
            first: 0,
            idempotency: if format.has(Ability::MessageId) { Idempotency::MessageId } else { Idempotency::Key },
            sender: Sender::Owned,
            scheduled: false,
            phone,
            follow_up: FollowUp::Nothing,
            second_callback: false,
            rcs: None,
            on_unknown: None,
            lane: None,
            lookup: false,
            expected_state: phone.expected_state(),
            only_function: None,
        }
    }

    /// Returns a run's relative duration. We sample a run less often by this factor.
    pub fn cost(&self) -> usize {
        match self.phone {
            _ if self.messages >= 100 => 20,
            // Each submit waits for the whole carrier timeout, and a resend does so again.
            Phone::NoAnswer if self.on_unknown == Some(OnUnknown::Resend) => 8,
            Phone::NoAnswer => 4,
            _ => 1,
        }
    }

    pub fn carrier_behavior(&self) -> CarrierBehavior {
        CarrierBehavior { lookup: self.lookup, ..CarrierBehavior::default() }
    }

    pub fn reaches_phone(&self) -> bool {
        !matches!(self.phone, Phone::Undelivered | Phone::Rejected | Phone::Unsubscribed)
            && self.follow_up != FollowUp::Cancel
    }

    pub fn number(&self, index: usize) -> String {
        self.phone.number((self.first + index) % 100)
    }

    /// Returns the number of receipts and replies for the accepted submits.
    pub fn webhook_count(&self, accepted: &[Submit]) -> usize {
        match self.rcs {
            // The RCS submit has no receipt. The later SMS submit has its receipt before its answer, so there
            // is no need to wait.
            Some("silent") => 0,
            // The first receipt says *sent*, which some vendors do not report.
            _ if self.phone == Phone::OutOfOrder => {
                accepted.iter().map(|submit| 1 + usize::from(submit.reports(ReceiptStatus::Sent))).sum()
            }
            _ => accepted.len() * self.phone.webhook_count(),
        }
    }

    pub fn text(&self, run: usize, index: usize) -> String {
        let index = if self.format.is_batch { 0 } else { index };
        format!("run {run} message {index}")
    }

    /// Builds the client's request. Its callbacks go through the proxy.
    pub fn client_request(&self, run: usize, proxy: &Url, now: Timestamp) -> ClientRequest {
        let sinks: &[_] = if self.second_callback { &["sinks/status", "sinks/audit"] } else { &["sinks/status"] };
        let sink = sinks.iter().map(|sink| proxy.join(sink).unwrap().to_string()).collect::<Vec<_>>().join(",");
        let parties: Vec<_> = (0..self.messages).map(|index| (self.number(index), self.text(run, index))).collect();
        let messages: Vec<_> = parties
            .iter()
            .enumerate()
            .map(|(index, (to, text))| self.message((run, index), (to, text), &sink, now))
            .collect();
        let client_request = (self.format.request)(self.account.key(), &messages);
        let client_request = match self.on_unknown {
            Some(choice) => client_request.with_header("on-unknown", choice.into_str()),
            None => client_request,
        };
        let client_request = match self.lane {
            Some(lane) => client_request.with_header("lane", lane.into_str()),
            None => client_request,
        };
        if self.idempotency == Idempotency::Key {
            client_request.with_idempotency_key(&format!("run-{run}"))
        } else {
            client_request
        }
    }

    fn message<'a>(
        &self,
        (run, index): (usize, usize),
        (to, text): (&'a str, &'a str),
        callback: &'a str,
        now: Timestamp,
    ) -> ClientMessage<'a> {
        let sender = if self.sender == Sender::Rated { RATE_LIMITED_SENDER } else { self.account.number() };
        let id = Uuid::from_u64_pair(0x4000 | (run as u64) << 16, 1 << 63 | index as u64);
        ClientMessage {
            id: (self.idempotency == Idempotency::MessageId).then_some(id),
            from: if self.sender == Sender::Shared { SenderKind::Shared } else { SenderKind::Custom },
            send_at: self.scheduled.then(|| now + SignedDuration::from_mins(20)),
            channels: if self.rcs.is_some() { &[Channel::Rcs, Channel::Sms] } else { &[] },
            ..ClientMessage::new(sender, to, text, callback)
        }
    }
}
