//! What must hold when a run has come to rest, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::{
    domain::{EventId, Message, MessageId, Reply, ReplyId, State},
    store::{Freshness, Messages},
};

use crate::{
    life::{Promises, is_named},
    scenario::{Scenario, Sender, Then},
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
        let of = |kind: &str, faults: &[String]| faults.iter().map(|fault| format!("{kind}: {fault}")).collect::<Vec<_>>();
        let [lost, twice, wrong] =
            [of("lost", &self.lost), of("twice", &self.twice), of("wrong", &self.wrong)];
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
                match stage.observer.store.message(id, Freshness::Latest).await.unwrap() {
                    Some(message) => record.messages.push(message),
                    None => {
                        let reply = stage.observer.store.reply(ReplyId::new(id.uuid())).await.unwrap();
                        record.replies.push(reply.expect("an item is a message or a reply"));
                    }
                }
            }
        }
        record
    }
}

/// Looks at everything that a run left behind.
pub async fn judge(stage: &Stage, scenario: &Scenario, promises: &Promises, is_faulted: bool) -> Verdict {
    let record = Record::read(stage).await;
    let mut verdict = Verdict::default();
    if !promises.is_accepted {
        verdict.lost.push("the client was never accepted".to_owned());
    }
    if !promises.came_to_rest {
        verdict.wrong.push("it does not come to rest".to_owned());
    }
    let told = [events(stage, "status").await, events(stage, "replies").await].concat();
    count(scenario, promises, &record, &mut verdict);
    for message in &record.messages {
        if is_promised(scenario, promises, message) {
            let shown = shown(stage, message).await;
            judge_message(scenario, message, &shown, &told, &mut verdict);
            if !is_faulted && message.state() != scenario.comes_to {
                verdict.wrong.push(format!("without a fault it is {}", message.state().as_str()));
            }
        }
    }
    judge_replies(promises, &record, &told, &mut verdict);
    judge_events(&record, &told, &mut verdict);
    judge_locks(scenario, &record, &mut verdict);
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

fn is_promised(scenario: &Scenario, promises: &Promises, message: &Message) -> bool {
    is_named(scenario) || promises.answered.contains(&message.id.to_string())
}

fn count(scenario: &Scenario, promises: &Promises, record: &Record, verdict: &mut Verdict) {
    let stored = record.messages.len();
    if stored < promises.posted {
        verdict.lost.push(format!("{} posted, {stored} on record", promises.posted));
    }
    let most = if is_named(scenario) { promises.posted } else { promises.asked * scenario.messages };
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
    scenario: &Scenario,
    message: &Message,
    shown: &BTreeMap<String, usize>,
    told: &[String],
    verdict: &mut Verdict,
) {
    let state = message.state();
    let was_unknown = message.whole_history().iter().any(|moment| moment.state == State::Unknown);
    verdict.unknown += usize::from(was_unknown);
    let is_at_rest = state.is_final() || (state == State::Submitted && scenario.comes_to == State::Submitted);
    if !is_at_rest {
        verdict.lost.push(format!("it stays {}", state.as_str()));
    }
    for (channel, times) in shown {
        if *times > 1 {
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

fn judge_replies(promises: &Promises, record: &Record, told: &[String], verdict: &mut Verdict) {
    let (said, stored) = (promises.replies, record.replies.len());
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
    let states = record.messages.iter().flat_map(|message| State::ALL.map(|state| EventId::of_state(message.id, state)));
    let replies = record.replies.iter().map(|reply| EventId::of_reply(reply.id));
    let known: BTreeSet<_> = states.chain(replies).map(|event| event.to_string()).collect();
    if told.iter().any(|event| !known.contains(event)) {
        verdict.wrong.push("an event is told under an id of its own".to_owned());
    }
}

fn judge_locks(scenario: &Scenario, record: &Record, verdict: &mut Verdict) {
    let with = |item: &Value, prefix: &str| {
        let item = item.as_object().unwrap().iter();
        let found = item.filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value["S"].as_str()?.to_owned())));
        found.collect::<Vec<_>>()
    };
    for item in &record.recipients {
        let (locked, back) = (with(item, "account#"), with(item, "sender#"));
        let is_one = match (locked.as_slice(), back.as_slice()) {
            ([], []) => scenario.sender != Sender::Shared,
            ([(account, sender)], [(of, to)]) => (account, sender) == (to, of),
            _ => false,
        };
        if !is_one {
            verdict.twice.push(format!("{} and {} locks of one number", locked.len(), back.len()));
        }
        let kept = record.messages.iter().all(|message| locked.iter().all(|(_, sender)| message.from.id.as_str() == sender));
        if !kept {
            verdict.wrong.push("a conversation changed its sender".to_owned());
        }
    }
    if scenario.sender == Sender::Shared && record.recipients.is_empty() && scenario.then != Then::Cancel {
        verdict.lost.push("no lock was taken".to_owned());
    }
}

/// The ids of the events that a sink got.
async fn events(stage: &Stage, sink: &str) -> Vec<String> {
    let got = stage.system.sunk(sink).await;
    got.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}
