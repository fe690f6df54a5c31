//! Verdicts on calls: what the carriers and the queues got.

use std::collections::BTreeMap;

use shared::domain::{AttemptOutcome, Lane};
use tests::{
    rate_excess,
    system::{DEMO_ACCOUNT, RATE_LIMITED_SENDER},
};

use super::{Record, Verdict};
use crate::{
    proxy::Enqueued,
    stage::{PER_SECOND, Stage},
};

const ACCOUNTS: [&str; 2] = [DEMO_ACCOUNT, "other"];

/// No carrier accepts a reference twice, unless a resend after an unknown outcome is recorded.
pub(super) fn judge_submits(stage: &Stage, record: &Record, verdict: &mut Verdict) {
    let mut accepted = BTreeMap::<_, usize>::new();
    for submit in stage.proxy.submits() {
        let own = record.messages.iter().filter(|message| submit.belongs_to(message));
        let resends = own
            .flat_map(|message| &message.delivery.failed_attempts)
            .filter(|attempt| attempt.outcome == AttemptOutcome::Unknown)
            .count();
        let times = accepted.entry((submit.carrier, submit.reference)).or_default();
        *times += 1;
        if *times > 1 + resends {
            verdict.twice.push(format!("{} accepted one submit {times} times", submit.carrier));
        }
    }
}

/// Over any w seconds, the rate-limited sender sends at most rate × (w + 1) messages.
pub(super) fn judge_rate(stage: &Stage, verdict: &mut Verdict) {
    let submits = stage.proxy.submits();
    let rated = submits.iter().filter(|submit| submit.from == RATE_LIMITED_SENDER);
    let mut times: Vec<_> = rated.map(|submit| submit.sent_at.as_millisecond()).collect();
    times.sort_unstable();
    verdict.wrong.extend(rate_excess(&times, PER_SECOND));
}

/// Every job is in the queue of its message's lane, and every job and callback in the group of its account. The jobs
/// for send slots have their own queue, and a group for each sender.
pub(super) fn judge_queues(stage: &Stage, record: &Record, verdict: &mut Verdict) {
    let messages: BTreeMap<_, _> = record.messages.iter().map(|message| (message.id.to_string(), message)).collect();
    for Enqueued { queue, group, payload } in stage.proxy.enqueued() {
        if payload["type"] == "deal"
            && queue == "SendSlotsQueue"
            && group.as_ref().is_some_and(|group| group.starts_with("sender#"))
        {
            continue;
        }
        let message = payload["message"].as_str().and_then(|id| messages.get(id));
        let group = group.unwrap_or_default();
        let is_in_group = match message {
            Some(message) => group == message.account.as_str(),
            None => ACCOUNTS.contains(&group.as_str()) || group.starts_with("carrier#"),
        };
        let is_job = !queue.starts_with("Callbacks");
        let is_in_lane = match message.filter(|_| is_job).map(|message| message.request.lane) {
            Some(Lane::Urgent) => queue == "UrgentJobsQueue",
            Some(Lane::Bulk) => queue == "BulkJobsQueue",
            Some(Lane::Normal) | None => !is_job || queue == "JobsQueue",
        };
        if !is_in_group || !is_in_lane {
            verdict.wrong.push(format!("{queue} got a {} in the group '{group}'", payload["type"]));
        }
    }
}
