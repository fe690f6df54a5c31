//! Options: the recovery allowed for an unknown outcome, besides waiting for its receipt.
//!
//! - **Lookup**, if a carrier that may have the message supports lookups.
//! - **Resend**, if the client or account asked for resends ([`OnUnknown`]): three times at most, each on
//!   record. While another channel is left we fail over instead, which comes soon, is no riskier, and avoids
//!   the first channel's fault.
//!
//! Unless a resend is accepted, its result does not settle the earlier submit. Only a receipt, a lookup or
//! the deadline ends the message.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use crate::flow::submit::deadlines::receipt_by;
use crate::{
    domain::{CarrierName, Message, OnUnknown, Progress},
    runtime::error_chain,
    store::{Directory, OutcomeUpdate, StoreError},
};

/// When we check, counted from the newest unknown outcome. The n-th resend comes after the n-th delay. After
/// the first delay every request under way has arrived, so we can believe a carrier's *not found*. The times
/// follow from the history, so they take no space in the record.
const RECOVERY_DELAYS: [SignedDuration; 3] =
    [SignedDuration::from_mins(2), SignedDuration::from_mins(10), SignedDuration::from_mins(60)];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RecoveryOptions {
    /// The client or account asked for resends, and no later channel is left.
    pub(super) resend: bool,
    /// A carrier that may have the message supports lookups.
    pub(super) lookup: bool,
}

impl RecoveryOptions {
    /// Returns the next check of an outcome unknown since `since`.
    pub(super) fn next_check(self, message: &Message, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let delays = RECOVERY_DELAYS.get(message.resend_count()..).unwrap_or_default();
        let mut delays = delays.iter().filter_map(|after| since.saturating_add(*after).ok());
        delays.find(|at| *at > now).filter(|_| self.resend || self.lookup)
    }

    /// Returns the next check or the receipt deadline, whichever is first.
    pub(super) fn next_wake(self, message: &Message, now: Timestamp) -> Option<Timestamp> {
        let look = message.unknown_since().and_then(|since| self.next_check(message, since, now));
        [look, message.delivery.receipt_by].into_iter().flatten().min()
    }

    pub(super) fn is_check_due(self, message: &Message, now: Timestamp) -> bool {
        let first = RECOVERY_DELAYS.get(message.resend_count()).zip(message.unknown_since());
        (self.resend || self.lookup) && first.is_some_and(|(after, since)| now.duration_since(since) >= *after)
    }
}

/// Returns the options for an unknown outcome. `carrier` was called last, if known.
pub(super) async fn recovery_options(
    directory: &Directory,
    message: &Message,
    carrier: Option<CarrierName>,
    has_next: bool,
) -> Result<RecoveryOptions, StoreError> {
    let mut lookup = false;
    for carrier in possible_holders(message, carrier).carriers(directory).await? {
        lookup |= directory.carrier(carrier).await?.is_some_and(|carrier| carrier.settings.lookup);
    }
    let resend = !has_next && wanted(directory, message).await? == OnUnknown::Resend;
    Ok(RecoveryOptions { resend, lookup })
}

/// Returns the message's choice, or else the account's. If an account changes to `resend`, an outcome that is
/// unknown already may have no check scheduled, and is then not resent.
async fn wanted(directory: &Directory, message: &Message) -> Result<OnUnknown, StoreError> {
    match message.request.on_unknown {
        Some(wanted) => Ok(wanted),
        None => Ok(directory.account(&message.account).await?.map(|account| account.on_unknown).unwrap_or_default()),
    }
}

/// Returns the first check of an outcome unknown since `at`. If a read fails we schedule a check anyway,
/// because the outcome must be recorded.
pub(in crate::flow::submit) async fn first_check(
    directory: &Directory,
    message: &Message,
    carrier: Option<CarrierName>,
    has_next: bool,
    at: Timestamp,
) -> Option<Timestamp> {
    let recovery_options = recovery_options(directory, message, carrier, has_next).await.unwrap_or_else(|error| {
        warn!(message.id = %message.id, error = error_chain(&error), "could not look up recovery options");
        RecoveryOptions { resend: true, lookup: true }
    });
    recovery_options.next_check(message, at, at)
}

/// Carriers that may have a message on its current channel.
pub(super) enum PossibleHolders {
    Known(BTreeSet<CarrierName>),
    /// Any carrier: the worker that knew has died, and the routes may have changed since.
    Any,
}

impl PossibleHolders {
    pub(super) async fn carriers(&self, directory: &Directory) -> Result<Vec<CarrierName>, StoreError> {
        match self {
            Self::Known(carriers) => Ok(carriers.iter().copied().collect()),
            Self::Any => directory.carriers().await,
        }
    }
}

/// Returns the carriers that may have the message. `carrier` was called last, if known.
pub(super) fn possible_holders(message: &Message, carrier: Option<CarrierName>) -> PossibleHolders {
    let known: Option<_> = message.carriers_of_unknown_attempts().chain([carrier]).collect();
    known.map_or(PossibleHolders::Any, PossibleHolders::Known)
}

/// Turns a failure into `Unknown` if an earlier submit may have arrived, because the failure does not
/// settle that submit.
pub(in crate::flow::submit) fn still_unknown(message: &Message, outcome_update: OutcomeUpdate) -> OutcomeUpdate {
    let is_end = matches!(
        outcome_update.progress,
        Progress::Rejected | Progress::Failed | Progress::Expired | Progress::Blocked
    );
    if !is_end || !message.has_unknown_attempt() {
        return outcome_update;
    }
    // We assume both options. The check reads the real ones, so this costs one needless job at most.
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
