//! What must hold of a seed besides what must always hold: what the network said of a
//! message is on its record and decides its end, and whoever said STOP is left alone.

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

/// Of each status that was brought the message bears the receipt, and its state is the
/// furthest of them. Where there are several channels, a failure of one that is not
/// the last is no receipt of the message, and *sent* is of its channel only.
fn judge_receipts(message: &Message, webhooks: &PendingWebhooks, verdict: &mut Verdict) {
    let statuses =
        webhooks.submits.iter().filter(|(submit, _)| submit.belongs_to(message)).flat_map(|(_, statuses)| *statuses);
    let arrived = |status: &ReceiptStatus| matches!(status, ReceiptStatus::Delivered | ReceiptStatus::Read);
    let reported: BTreeSet<_> =
        statuses.copied().filter(|status| message.request.channels.len() < 2 || arrived(status)).collect();
    for status in &reported {
        if message.delivery.receipts.get(*status).is_none() {
            verdict.lost.push(format!("the receipt {} is not on record", status.into_str()));
        }
    }
    let furthest = reported.iter().map(|status| status.state()).max().filter(|state| state.is_final());
    if furthest.is_some_and(|state| state != message.state()) {
        let state = message.state().into_str();
        verdict.wrong.push(format!("it is {state}, and the network said {:?}", reported.last()));
    }
}

/// Nothing is cancelled without a wish for it, and nothing blocked without a STOP.
fn judge_ends(clients: &[Client], webhooks: &PendingWebhooks, record: &Record, verdict: &mut Verdict) {
    let cancel_requested: BTreeSet<_> = clients.iter().flat_map(|client| &client.log.cancel_requested).collect();
    for message in &record.messages {
        let of = |reply: &&PhoneReply| {
            reply.number == message.request.to.digits() && reply.sender == message.request.from.id.as_str()
        };
        let has_stopped = webhooks.phone_replies.iter().filter(of).any(|reply| reply.keyword == Some(Keyword::Stop));
        match message.state() {
            State::Cancelled if !cancel_requested.contains(&message.id.to_string()) => {
                verdict.wrong.push("cancelled, and nobody asked for it".to_owned());
            }
            State::Blocked if !has_stopped => verdict.wrong.push("blocked, and nobody said STOP".to_owned()),
            _ => {}
        }
    }
}

/// No run that began after a STOP was taken hands anything over to who said it, unless
/// a START was said that is not older. (One that was said and is not taken yet may be
/// taken by the time: a seed does not tell.)
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
            verdict.wrong.push("handed over after a STOP".to_owned());
        }
    }
}
