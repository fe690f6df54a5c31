//! What must hold when a run has come to rest, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::{
    domain::{Ended, EventId, Message, MessageId, Reply, ReplyId, SenderKind, State},
    store::{Freshness, Messages},
};

use crate::{
    life::{Promises, Rest, is_named},
    scenario::{Phone, Scenario},
    stage::{DEAD_LETTERS, Stage},
};

/// How a run ended.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What was promised and not kept.
    pub lost: Vec<String>,
    /// What was done twice.
    pub twice: Vec<String>,
    /// What else is not as it must be.
    pub wrong: Vec<String>,
    /// How many messages had an outcome that was unknown for a time.
    pub unknown: usize,
}

impl Verdict {
    pub fn is_well(&self) -> bool {
        self.lost.is_empty() && self.twice.is_empty() && self.wrong.is_empty()
    }

    pub fn faults(&self) -> String {
        let of =
            |kind: &str, faults: &[String]| faults.iter().map(|fault| format!("{kind}: {fault}")).collect::<Vec<_>>();
        let [lost, twice, wrong] = [of("lost", &self.lost), of("twice", &self.twice), of("wrong", &self.wrong)];
        [lost, twice, wrong].concat().join("; ")
    }
}

/// What is on record after a run.
struct Record {
    messages: Vec<Message>,
    replies: Vec<Reply>,
    parked: usize,
    recipients: Vec<Value>,
}

impl Record {
    async fn read(stage: &Stage) -> Self {
        let mut record = Self {
            messages: Vec::new(),
            replies: Vec::new(),
            parked: 0,
            recipients: stage.items("RecipientsTable").await,
        };
        for item in stage.items("MessagesTable").await {
            let id = item["id"]["S"].as_str().unwrap();
            if id.starts_with("parked#") {
                record.parked += 1;
            } else if let Some(id) = MessageId::parse(id) {
                if let Some(message) = stage.observer.store.message(id, Freshness::Latest).await.unwrap() {
                    record.messages.push(message);
                } else {
                    let reply = stage.observer.store.reply(ReplyId::new(id.uuid())).await.unwrap();
                    record.replies.push(reply.expect("an item is a message or a reply"));
                }
            }
        }
        record
    }
}

/// Looks at everything that a run left behind, of one scenario or several.
pub async fn judge(stage: &Stage, lived: &[(&Scenario, &Promises)], rest: Rest) -> Verdict {
    let record = Record::read(stage).await;
    let mut verdict = Verdict::default();
    if rest == Rest::Never {
        verdict.wrong.push("it does not come to rest".to_owned());
    }
    let told = [events(stage, "status").await, events(stage, "replies").await].concat();
    for (scenario, promises) in lived {
        if !promises.is_accepted {
            verdict.lost.push("the client was never accepted".to_owned());
        }
        let its: Vec<_> =
            record.messages.iter().filter(|message| promises.texts.contains(message.text.as_str())).collect();
        count(scenario, promises, its.len(), &mut verdict);
        for message in its {
            if is_named(scenario) || promises.answered.contains(&message.id.to_string()) {
                let shown = shown(stage, message).await;
                judge_message(stage, (scenario, promises), message, &shown, &told, &mut verdict);
            }
        }
    }
    let replies = lived.iter().map(|(_, promises)| promises.replies).sum();
    judge_replies(replies, &record, &told, &mut verdict);
    judge_events(&record, &told, &mut verdict);
    judge_locks(&record, &mut verdict);
    if record.parked > 0 {
        verdict.wrong.push(format!("{} are parked", record.parked));
    }
    for queue in DEAD_LETTERS {
        if stage.system.queue_length(queue).await > 0 {
            verdict.lost.push(format!("{queue} is not empty"));
        }
    }
    verdict
}

fn count(scenario: &Scenario, promises: &Promises, stored: usize, verdict: &mut Verdict) {
    let posted = promises.texts.len();
    if stored < posted {
        verdict.lost.push(format!("{posted} posted, {stored} on record"));
    }
    let most = if is_named(scenario) { posted } else { promises.asked * scenario.messages };
    if stored > most {
        verdict.twice.push(format!("{most} asked for, {stored} on record"));
    }
}

/// On which channels the phone shows the message, and how often.
async fn shown(stage: &Stage, message: &Message) -> BTreeMap<String, usize> {
    let mut channels = BTreeMap::new();
    for shown in stage.system.handset(message.to.digits()).await {
        if shown["text"] == message.text.as_str() {
            *channels.entry(shown["channel"].as_str().unwrap_or("sms").to_owned()).or_default() += 1;
        }
    }
    channels
}

fn judge_message(
    stage: &Stage,
    (scenario, promises): (&Scenario, &Promises),
    message: &Message,
    shown: &BTreeMap<String, usize>,
    told: &[String],
    verdict: &mut Verdict,
) {
    let state = message.state();
    let was_unknown = message.whole_history().iter().any(|moment| moment.state == State::Unknown);
    verdict.unknown += usize::from(was_unknown);
    if stage.proxy.struck().is_empty() && state != scenario.comes_to {
        verdict.wrong.push(format!("without a fault it is {}", state.as_str()));
    }
    let may_be_unknown = scenario.phone == Phone::Unanswered || stage.proxy.may_be_unknown();
    if was_unknown && !may_be_unknown {
        verdict.wrong.push("unknown without need".to_owned());
    }
    let is_at_rest = state.is_final() || (state == State::Submitted && scenario.comes_to == State::Submitted);
    if !is_at_rest {
        verdict.lost.push(format!("it stays {}", state.as_str()));
    }
    // What has no name is another message each time that a client asks for it.
    let often = if is_named(scenario) { 1 } else { promises.asked };
    for (channel, times) in shown {
        // What is sent again with an unknown outcome is on record, each time.
        let again = message.tried.iter().filter(|tried| tried.ended == Ended::Unknown);
        let again = again.filter(|tried| tried.channel.as_str() == channel).count();
        if *times > often + again {
            verdict.twice.push(format!("the phone shows it {times} times on {channel}"));
        }
    }
    let is_shown = !shown.is_empty();
    match state {
        State::Delivered | State::Read if !is_shown => verdict.wrong.push("delivered, and not shown".to_owned()),
        State::Rejected | State::Cancelled | State::Expired | State::Blocked if is_shown => {
            verdict.wrong.push(format!("{}, and shown", state.as_str()));
        }
        State::Failed if is_shown && !was_unknown => verdict.wrong.push("failed, and shown".to_owned()),
        _ if scenario.arrives() && !is_shown && !was_unknown => {
            verdict.lost.push(format!("{}, and never shown", state.as_str()));
        }
        _ => {}
    }
    let event = EventId::of_state(message.id, state).to_string();
    if message.callback.is_some() && state.is_final() && message.dialect.tells(state) && !told.contains(&event) {
        verdict.lost.push(format!("that it is {} is not told", state.as_str()));
    }
}

fn judge_replies(said: usize, record: &Record, told: &[String], verdict: &mut Verdict) {
    let stored = record.replies.len();
    // A phone may also say STOP by itself.
    if stored < said {
        verdict.lost.push(format!("{said} replies, {stored} on record"));
    }
    for reply in &record.replies {
        if !told.contains(&EventId::of_reply(reply.id).to_string()) {
            verdict.lost.push("a reply is not told".to_owned());
        }
        if reply.replied_to.is_none() {
            verdict.wrong.push("a reply answers nothing".to_owned());
        }
    }
}

/// Whatever is told is of a message or reply that there is, under its one id.
fn judge_events(record: &Record, told: &[String], verdict: &mut Verdict) {
    let states =
        record.messages.iter().flat_map(|message| State::ALL.map(|state| EventId::of_state(message.id, state)));
    let replies = record.replies.iter().map(|reply| EventId::of_reply(reply.id));
    let known: BTreeSet<_> = states.chain(replies).map(|event| event.to_string()).collect();
    if told.iter().any(|event| !known.contains(event)) {
        verdict.wrong.push("an event is told under an id of its own".to_owned());
    }
}

/// A number has at most one sender of an account and one account of a sender, and
/// whatever went to it from the pool came from that sender.
fn judge_locks(record: &Record, verdict: &mut Verdict) {
    let locks = |number: &str, prefix: &str| {
        let item = record.recipients.iter().find(|item| item["number"]["S"] == number);
        let attributes = item.and_then(Value::as_object).into_iter().flatten();
        let locks = attributes
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value["S"].as_str()?.to_owned())));
        locks.collect::<Vec<_>>()
    };
    for message in &record.messages {
        let (senders, accounts) = (locks(message.to.digits(), "account#"), locks(message.to.digits(), "sender#"));
        match (message.from.kind, senders.as_slice(), accounts.as_slice()) {
            (SenderKind::Custom, [], []) => {}
            (SenderKind::Shared, [(account, sender)], [(of, to)]) if (account, sender) == (to, of) => {
                if message.from.id.as_str() != sender {
                    verdict.wrong.push("a conversation changed its sender".to_owned());
                }
            }
            _ => verdict.twice.push(format!("{} and {} locks of one number", senders.len(), accounts.len())),
        }
    }
}

/// The ids of the events that a sink got.
async fn events(stage: &Stage, sink: &str) -> Vec<String> {
    let got = stage.system.sunk(sink).await;
    got.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}
