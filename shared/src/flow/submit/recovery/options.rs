//! What is done about an unknown outcome, beside waiting for its receipt.
//!
//! Its carrier is asked, where it can be (`lookup`). A message is sent again where its
//! client or account wants that ([`OnUnknown`]), three times at most, each of which is
//! on record; but not while another channel is left, which has its turn soon and is no
//! riskier. What comes of such a submit, short of being taken, says nothing of the one
//! before it: a receipt, an answer or the deadline ends the message, and nothing else.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use strum::IntoEnumIterator;
use tracing::warn;

use crate::flow::submit::deadlines::receipt_by;
use crate::{
    domain::{CarrierName, Message, OnUnknown, Progress},
    runtime::error_chain,
    store::{Directory, OutcomeUpdate, StoreError},
};

/// When an unknown outcome is looked at, from when it became one: the n-th time it is
/// sent again, that is after the n-th of these. By the first, whatever was under way
/// has arrived.
const RECOVERY_DELAYS: [SignedDuration; 3] =
    [SignedDuration::from_mins(2), SignedDuration::from_mins(10), SignedDuration::from_mins(60)];

/// What may be done beside waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RecoveryOptions {
    /// To send it again, as that is wanted.
    pub(super) resend: bool,
    /// To ask who may have it.
    pub(super) lookup: bool,
}

impl RecoveryOptions {
    /// When an outcome that has been unknown since then is looked at next, if at all.
    pub(super) fn next_check(self, message: &Message, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let delays = RECOVERY_DELAYS.get(message.resend_count()..).unwrap_or_default();
        let mut delays = delays.iter().filter_map(|after| since.saturating_add(*after).ok());
        delays.find(|at| *at > now).filter(|_| self.resend || self.lookup)
    }

    /// Until when a message rests whose outcome is unknown.
    pub(super) fn next_wake(self, message: &Message, now: Timestamp) -> Option<Timestamp> {
        let look = message.unknown_since().and_then(|since| self.next_check(message, since, now));
        [look, message.delivery.receipt_by].into_iter().flatten().min()
    }

    /// Whether a time to look at it has come.
    pub(super) fn is_check_due(self, message: &Message, now: Timestamp) -> bool {
        let first = RECOVERY_DELAYS.get(message.resend_count()).zip(message.unknown_since());
        (self.resend || self.lookup) && first.is_some_and(|(after, since)| now.duration_since(since) >= *after)
    }
}

/// What may be done about a message whose outcome is unknown. `carrier` is who may
/// have it, where that is known.
pub(super) async fn recovery_options(
    directory: &Directory,
    message: &Message,
    carrier: Option<CarrierName>,
    has_next: bool,
) -> Result<RecoveryOptions, StoreError> {
    let mut lookup = false;
    for carrier in possible_holders(message, carrier).carriers() {
        lookup |= directory.carrier(carrier).await?.is_some_and(|settings| settings.lookup);
    }
    let resend = !has_next && wanted(directory, message).await? == OnUnknown::Resend;
    Ok(RecoveryOptions { resend, lookup })
}

async fn wanted(directory: &Directory, message: &Message) -> Result<OnUnknown, StoreError> {
    match message.request.on_unknown {
        Some(wanted) => Ok(wanted),
        None => Ok(directory.account(&message.account).await?.map(|account| account.on_unknown).unwrap_or_default()),
    }
}

/// When an outcome that is unknown from `at` on is first looked at. That a carrier did
/// not answer must be recorded, whatever else fails: then it is looked at all the same.
pub(in crate::flow::submit) async fn first_check(
    directory: &Directory,
    message: &Message,
    carrier: Option<CarrierName>,
    has_next: bool,
    at: Timestamp,
) -> Option<Timestamp> {
    let recovery_options = recovery_options(directory, message, carrier, has_next).await.unwrap_or_else(|error| {
        warn!(message.id = %message.id, error = error_chain(&error), "what may be done about it could not be looked up");
        RecoveryOptions { resend: true, lookup: true }
    });
    recovery_options.next_check(message, at, at)
}

/// Who may have a message over the channel that it is at.
pub(super) enum PossibleHolders {
    Known(BTreeSet<CarrierName>),
    /// The worker that knew has died. The routes may have changed since.
    Any,
}

impl PossibleHolders {
    pub(super) fn carriers(&self) -> Vec<CarrierName> {
        match self {
            Self::Known(carriers) => carriers.iter().copied().collect(),
            Self::Any => CarrierName::iter().collect(),
        }
    }
}

/// `carrier` is who was asked last, where that is known.
pub(super) fn possible_holders(message: &Message, carrier: Option<CarrierName>) -> PossibleHolders {
    let known: Option<_> = message.carriers_of_unknown_attempts().chain([carrier]).collect();
    known.map_or(PossibleHolders::Any, PossibleHolders::Known)
}

/// The outcome update of a message of which an earlier submit may have arrived: what a
/// later one came to, short of being taken, leaves that as unknown as it was.
pub(in crate::flow::submit) fn still_unknown(message: &Message, outcome_update: OutcomeUpdate) -> OutcomeUpdate {
    let is_end = matches!(
        outcome_update.progress,
        Progress::Rejected | Progress::Failed | Progress::Expired | Progress::Blocked
    );
    if !is_end || !message.has_unknown_attempt() {
        return outcome_update;
    }
    // Whether anything is to be done is found out then: it costs a look at the most.
    let options = RecoveryOptions { resend: true, lookup: true };
    OutcomeUpdate {
        progress: Progress::Unknown,
        check_at: options.next_check(message, outcome_update.at, outcome_update.at),
        reason: outcome_update.reason.map(|reason| format!("not sent again: {reason}")),
        carrier: message.carriers_of_unknown_attempts().next().flatten(),
        receipt_by: receipt_by(outcome_update.at, Progress::Unknown, None),
        ..outcome_update
    }
}
