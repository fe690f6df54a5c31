//! The additional rules for seeded runs: receipts are recorded and decide the final state, and no message is
//! submitted to a phone after STOP.

use std::collections::BTreeSet;

use shared::domain::{Keyword, Message, ReceiptStatus, State};

use super::{
    clients::Client,
    webhooks::{PendingWebhooks, PhoneReply},
};
use crate::{
    scenario_run::Idle,
    stage::Stage,
    verdict::{Expectation, Record, Verdict, judge},
};

pub async fn judge_seed(stage: &Stage, clients: &[Client], webhooks: &PendingWebhooks, idle: Idle) -> Verdict {
    let runs: Vec<_> = clients.iter().map(|client| (&client.scenario, &client.log)).collect();
    let (record, mut verdict) = judge(stage, &runs, idle, Expectation::AnyFinalState).await;
    for message in &record.messages {
        judge_receipts(message, webhooks, &mut verdict);
    }
    judge_ends(clients, webhooks, &record, &mut verdict);
    judge_opt_outs(webhooks, &mut verdict);
    verdict
}

/// Every reported status is recorded as a receipt. The message has the furthest state, if that is final.
///
/// With several channels we check only *delivered* and *read*: a failure before the last channel is no
/// receipt for the message, and *sent* applies only to its channel.
fn judge_receipts(message: &Message, webhooks: &PendingWebhooks, verdict: &mut Verdict) {
    let statuses =
        webhooks.submits.iter().filter(|(submit, _)| submit.belongs_to(message)).flat_map(|(_, statuses)| *statuses);
    let arrived = |status: &ReceiptStatus| matches!(status, ReceiptStatus::Delivered | ReceiptStatus::Read);
    let reported: BTreeSet<_> =
        statuses.copied().filter(|status| message.request.channels.len() < 2 || arrived(status)).collect();
    for status in &reported {
        if message.delivery.receipts.get(*status).is_none() {
            verdict.lost.push(format!("receipt {} is not recorded", status.into_str()));
        }
    }
    let furthest = reported.iter().map(|status| status.state()).max().filter(|state| state.is_final());
    if furthest.is_some_and(|state| state != message.state()) {
        let state = message.state().into_str();
        verdict.wrong.push(format!("state is {state}, but the network reported {:?}", reported.last()));
    }
}

/// No message is cancelled without a request, or blocked without a STOP.
fn judge_ends(clients: &[Client], webhooks: &PendingWebhooks, record: &Record, verdict: &mut Verdict) {
    let cancel_requested: BTreeSet<_> = clients.iter().flat_map(|client| &client.log.cancel_requested).collect();
    for message in &record.messages {
        let of = |reply: &&PhoneReply| {
            reply.number == message.request.to.digits() && reply.sender == message.request.from.id.as_str()
        };
        let has_stopped = webhooks.phone_replies.iter().filter(of).any(|reply| reply.keyword == Some(Keyword::Stop));
        match message.state() {
            State::Cancelled if !cancel_requested.contains(&message.id.to_string()) => {
                verdict.wrong.push("cancelled without a request".to_owned());
            }
            State::Blocked if !has_stopped => verdict.wrong.push("blocked without a STOP".to_owned()),
            _ => {}
        }
    }
}

/// No invocation that began after a STOP was accepted submits to that phone, unless the phone wrote a START
/// at the same time or later. We count a START from when the phone wrote it, because the gateway may record
/// it at any time afterwards.
fn judge_opt_outs(webhooks: &PendingWebhooks, verdict: &mut Verdict) {
    for (submit, _) in &webhooks.submits {
        let of = |reply: &&PhoneReply| reply.number == submit.to && reply.sender == submit.from;
        let is_lifted = |stop: &PhoneReply| {
            let is_start = |reply: &&PhoneReply| reply.keyword == Some(Keyword::Start) && reply.at >= stop.at;
            webhooks
                .phone_replies
                .iter()
                .filter(of)
                .filter(is_start)
                .any(|start| start.invocations_before < submit.invocation)
        };
        let stops = webhooks.phone_replies.iter().filter(of).filter(|reply| reply.keyword == Some(Keyword::Stop));
        let holds = |stop: &PhoneReply| {
            stop.accepted_after.is_some_and(|accepted_after| accepted_after < submit.invocation) && !is_lifted(stop)
        };
        if stops.into_iter().any(holds) {
            verdict.wrong.push("submitted after a STOP".to_owned());
        }
    }
}
