//! Attempt: try the route candidates in order until a carrier accepts the message.
//!
//! A carrier that rejects the message, is busy or is down does not have it, so we call the next candidate at
//! once. Before the call we record the candidate and any rejections, if the record shows another channel or
//! carrier, or lacks a rejection. So after a crash we neither return to an earlier channel nor repeat a rejected
//! submit.
//!
//! If a carrier rejects a message because the recipient has opted out of its sender, we record the opt-out, and
//! the message is blocked: we do not try another carrier.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{
    deadlines::receipt_by,
    opt_out::{OPTED_OUT, record_opt_out},
    plan_route::RouteCandidate,
    record_outcome::{Resolution, retry_later},
    recovery::first_check,
    suspension::now_held_until,
};
use crate::{
    carriers::{SubmitKey, Submitter},
    domain::{
        Attempt, AttemptOutcome, Carrier, CarrierSettings, ExecutionId, Message, Outcome, Progress, ReceiptDetails,
        Refusals, Submission, SubmitReference,
    },
    flow::{Gateway, Unavailable, receipts::record_carrier_id},
    runtime::{Metric, error_chain},
    store::{Advance, Change, Directory, Messages, OutcomeUpdate, StoreError},
};

/// An execution that has claimed a message, and its failed attempts.
pub(super) struct ClaimedMessage<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) directory: &'a Directory,
    pub(super) submitter: &'a Submitter,
    pub(super) execution_id: ExecutionId,
    pub(super) lease_until: Timestamp,
    /// Failed attempts that are not recorded yet.
    pub(super) failed_attempts: Vec<Attempt>,
    /// The message's refusals, with those that are not recorded yet.
    pub(super) refusals: Vec<Refusals>,
}

/// How the attempts on a claimed message ended.
pub(super) enum Attempted {
    Resolved(Box<Resolution>),
    /// The account is suspended: wait until then.
    Held(Timestamp),
    /// This execution lost its claim, or a final receipt came.
    Lost,
}

impl From<Resolution> for Attempted {
    fn from(resolution: Resolution) -> Self {
        Self::Resolved(Box::new(resolution))
    }
}

impl From<OutcomeUpdate> for Attempted {
    fn from(update: OutcomeUpdate) -> Self {
        Resolution::from(update).into()
    }
}

/// Why the message must be retried later.
struct Wait {
    /// The first channel to retry.
    channel_index: u8,
    reason: String,
    /// The delay that the carrier asked for.
    retry_after: Option<Duration>,
}

impl Wait {
    /// Merges two waits: the retry is due when the first carrier is free.
    fn shorter(so_far: Option<Self>, more: Self) -> Self {
        let retry_after = match &so_far {
            Some(so_far) => so_far.retry_after.zip(more.retry_after).map(|(one, other)| one.min(other)),
            None => more.retry_after,
        };
        Self { channel_index: so_far.map_or(more.channel_index, |so_far| so_far.channel_index), retry_after, ..more }
    }
}

impl ClaimedMessage<'_> {
    /// Attempts the candidates.
    pub(super) async fn attempt(
        &mut self,
        message: &mut Message,
        candidates: &[RouteCandidate],
    ) -> Result<Attempted, Unavailable> {
        let mut wait: Option<Wait> = None;
        for candidate in candidates {
            let outcome = match self.carrier(message, candidate).await {
                Err(busy) => busy,
                Ok(carrier) => {
                    if self.must_advance(message, candidate) && !self.record_candidate(message, candidate).await? {
                        return Ok(Attempted::Lost);
                    }
                    if !self.has_time_for(&carrier.settings) {
                        let reason = "not enough time was left to call the carrier".to_owned();
                        wait = Some(Wait::shorter(
                            wait,
                            Wait { channel_index: candidate.channel_index, reason, retry_after: None },
                        ));
                        break;
                    }
                    if let Some(until) = now_held_until(self.directory, message, self.gateway.clock.now()).await? {
                        return Ok(Attempted::Held(until));
                    }
                    self.submit(&carrier, message, candidate).await?
                }
            };
            let at = self.gateway.clock.now();
            let (outcome, reason, retry_after) = match outcome {
                Outcome::Accepted { carrier_id } => {
                    let submitted_update = self.submitted_update(message, candidate, Progress::Submitted, at);
                    return Ok(OutcomeUpdate { carrier_id, ..submitted_update }.into());
                }
                Outcome::Unknown { reason } => {
                    let unknown = self.submitted_update(message, candidate, Progress::Unknown, at);
                    let has_next = candidate.receipt_timeout.is_some();
                    let check_at = first_check(self.directory, message, Some(candidate.carrier), has_next, at).await;
                    return Ok(OutcomeUpdate { reason: Some(reason), check_at, ..unknown }.into());
                }
                Outcome::OptedOut { reason } => {
                    return Ok(self.blocked_update(candidate, &reason, at).into());
                }
                Outcome::Rejected { reason } => (AttemptOutcome::Rejected, reason, None),
                Outcome::Busy { reason, retry_after } => {
                    self.gateway.count(Metric::Busy, Some(&message.account), Some(candidate.carrier), 1);
                    (AttemptOutcome::Busy, reason, retry_after)
                }
                Outcome::Refused { reason } => self.judge_refusal(message, candidate, reason, at),
            };
            if outcome == AttemptOutcome::Busy {
                let named = format!("{}: {reason}", candidate.carrier);
                let more = Wait { channel_index: candidate.channel_index, reason: named, retry_after };
                wait = Some(Wait::shorter(wait, more));
            }
            let attempt = Attempt {
                channel: candidate.channel,
                carrier: Some(candidate.carrier),
                at,
                outcome,
                reason: Some(reason),
                details: ReceiptDetails::default(),
            };
            let retry_after_s = retry_after.map(|wait| wait.as_secs());
            info!(message.id = %message.id, carrier = candidate.carrier.as_str(), reason = attempt.reason, retry_after_s, "{}", outcome.into_str());
            self.failed_attempts.push(attempt);
        }
        Ok(self.all_attempts_failed(message, wait).into())
    }

    /// Returns the carrier, or `Busy` if a call is impossible now.
    async fn carrier(&self, message: &Message, candidate: &RouteCandidate) -> Result<Carrier, Outcome> {
        let carrier = candidate.carrier;
        if let Some(busy) = self.submitter.open_circuit(self.key(message, candidate)) {
            return Err(busy);
        }
        let busy = |reason: String| Outcome::Busy { reason, retry_after: None };
        match self.directory.carrier(carrier).await {
            Ok(Some(carrier)) => Ok(carrier),
            Ok(None) => Err(busy("the carrier is not set up".to_owned())),
            Err(error) => {
                warn!(message.id = %message.id, carrier = carrier.as_str(), error = error_chain(&error), "could not look up carrier");
                Err(busy("could not look up the carrier".to_owned()))
            }
        }
    }

    /// Submits the message. Records the carrier's message ID, or an opt-out reported by the carrier, before the
    /// outcome, so that neither is lost if this worker dies in between.
    async fn submit(
        &self,
        carrier: &Carrier,
        message: &Message,
        candidate: &RouteCandidate,
    ) -> Result<Outcome, StoreError> {
        let submission = submission(message, candidate);
        let begun = self.gateway.clock.now();
        let outcome = self.submitter.submit(carrier, &submission, self.key(message, candidate)).await;
        match &outcome {
            Outcome::Accepted { carrier_id } => {
                record_carrier_id(self.gateway, carrier, submission.reference, carrier_id.as_deref()).await;
            }
            Outcome::OptedOut { .. } => record_opt_out(self.gateway, message, self.execution_id, begun).await?,
            Outcome::Rejected { .. } | Outcome::Busy { .. } | Outcome::Refused { .. } | Outcome::Unknown { .. } => {}
        }
        Ok(outcome)
    }

    fn key<'m>(&self, message: &'m Message, candidate: &RouteCandidate) -> SubmitKey<'m> {
        let RouteCandidate { carrier, channel, .. } = *candidate;
        let was_refused = self.refusals.iter().any(|refusals| refusals.carrier == carrier);
        SubmitKey { carrier, account: &message.account, channel, message: message.id, was_refused }
    }

    /// Records a refusal that is not the vendor's. The third that counts against the message rejects it. Until
    /// then, the message waits as for a busy carrier.
    fn judge_refusal(
        &mut self,
        message: &Message,
        candidate: &RouteCandidate,
        reason: String,
        at: Timestamp,
    ) -> (AttemptOutcome, String, Option<Duration>) {
        let RouteCandidate { carrier, channel, .. } = *candidate;
        let accepted_since = |since| self.submitter.has_accepted_since(carrier, channel, since);
        let refusals = Refusals::record(&mut self.refusals, carrier, channel, at, accepted_since);
        self.gateway.count(Metric::Refused, Some(&message.account), Some(carrier), 1);
        if refusals.has_reached_limit() {
            let reason = format!("{reason}, {} times, but other messages were accepted", refusals.count);
            return (AttemptOutcome::Rejected, reason, None);
        }
        (AttemptOutcome::Busy, reason, Some(Refusals::RETRY_AFTER))
    }

    /// Returns whether the carrier's timeout ends before the lease.
    fn has_time_for(&self, settings: &CarrierSettings) -> bool {
        let answered_by = self.gateway.clock.now().saturating_add(settings.timeout());
        answered_by.is_ok_and(|at| at <= self.lease_until)
    }

    /// Returns whether the record would mislead us after a crash: it shows another channel or carrier, or
    /// lacks a rejection.
    fn must_advance(&self, message: &Message, candidate: &RouteCandidate) -> bool {
        candidate.channel_index != message.delivery.channel_index
            || message.delivery.carrier.is_some_and(|noted| noted != candidate.carrier)
            || self.failed_attempts.iter().any(|attempt| attempt.outcome == AttemptOutcome::Rejected)
    }

    /// Records the candidate and earlier rejections. Returns false after a lost claim or a final receipt.
    async fn record_candidate(
        &mut self,
        message: &mut Message,
        candidate: &RouteCandidate,
    ) -> Result<bool, StoreError> {
        // We record busy attempts only with a submit, or the record would grow with each retry.
        let (busy, over) = std::mem::take(&mut self.failed_attempts)
            .into_iter()
            .partition(|attempt| attempt.outcome == AttemptOutcome::Busy);
        self.failed_attempts = busy;
        let advance = Advance {
            claimed_by: self.execution_id,
            from: (message.delivery.channel_index, message.delivery.carrier),
            channel_index: candidate.channel_index,
            carrier: candidate.carrier,
            failed_attempts: over,
        };
        match self.gateway.store.advance(message.id, &advance).await? {
            Change::Applied(noted) => {
                *message = *noted;
                Ok(true)
            }
            Change::Conflict(_) | Change::NotFound => Ok(false),
        }
    }

    fn submitted_update(
        &mut self,
        message: &Message,
        candidate: &RouteCandidate,
        progress: Progress,
        at: Timestamp,
    ) -> OutcomeUpdate {
        debug_assert_eq!(message.delivery.channel_index, candidate.channel_index);
        OutcomeUpdate {
            carrier: Some(candidate.carrier),
            failed_attempts: std::mem::take(&mut self.failed_attempts),
            receipt_by: receipt_by(at, progress, candidate.receipt_timeout),
            ..OutcomeUpdate::new(self.execution_id, progress, at)
        }
    }

    fn blocked_update(&mut self, candidate: &RouteCandidate, reason: &str, at: Timestamp) -> OutcomeUpdate {
        OutcomeUpdate {
            carrier: Some(candidate.carrier),
            reason: Some(format!("{OPTED_OUT}: {reason}")),
            failed_attempts: std::mem::take(&mut self.failed_attempts),
            ..OutcomeUpdate::new(self.execution_id, Progress::Blocked, at)
        }
    }

    fn all_attempts_failed(&mut self, message: &Message, wait: Option<Wait>) -> Resolution {
        let at = self.gateway.clock.now();
        let mut failed_attempts = std::mem::take(&mut self.failed_attempts);
        if let Some(Wait { channel_index, reason, retry_after }) = wait {
            let back = retry_later(message, self.execution_id, at, &reason);
            // We retry busy carriers, so only rejections are recorded.
            let failed_attempts =
                failed_attempts.into_iter().filter(|attempt| attempt.outcome == AttemptOutcome::Rejected).collect();
            let channel_index = (channel_index != message.delivery.channel_index).then_some(channel_index);
            let is_new = self.refusals != message.delivery.refusals;
            let refusals = if is_new { std::mem::take(&mut self.refusals) } else { Vec::new() };
            let update = OutcomeUpdate { failed_attempts, refusals, channel_index, ..back.update };
            return Resolution { update, retry_after };
        }
        // A message with an unknown attempt stays unknown, so its record keeps the last rejection too.
        let last = if message.has_unknown_attempt() { failed_attempts.last().cloned() } else { failed_attempts.pop() };
        let last = last.or_else(|| message.delivery.failed_attempts.last().cloned());
        let Some(last) = last else {
            return retry_later(message, self.execution_id, at, "no route leads to a carrier");
        };
        let progress = if last.outcome == AttemptOutcome::Rejected { Progress::Rejected } else { Progress::Failed };
        let carrier = last.carrier.filter(|_| progress == Progress::Rejected);
        let reason = last.reason.clone().or_else(|| Some(last.describe()));
        OutcomeUpdate { reason, carrier, failed_attempts, ..OutcomeUpdate::new(self.execution_id, progress, at) }.into()
    }
}

fn submission<'a>(message: &'a Message, candidate: &RouteCandidate) -> Submission<'a> {
    Submission {
        reference: SubmitReference { message: message.id, channel_index: candidate.channel_index },
        to: &message.request.to,
        from: &message.request.from.id,
        text: &message.request.text,
        channel: candidate.channel,
        content: candidate.content(message),
        expires_at: message.request.expires_at,
        groupings: &message.request.groupings,
    }
}
