//! What must hold when a run has come to rest, whatever went wrong on the way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::{
    domain::{AttemptOutcome, EventId, Message, MessageId, Reply, ReplyId, SenderKind, State},
    store::Messages,
};
use strum::IntoEnumIterator;

use crate::{
    scenario::{Phone, Scenario},
    scenario_run::{ClientLog, Idle, is_idempotent},
    stage::{DEAD_LETTERS, SINKS, Stage},
};

/// What went wrong in a run.
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
    pub fn is_ok(&self) -> bool {
        self.lost.is_empty() && self.twice.is_empty() && self.wrong.is_empty()
    }

    pub fn describe(&self) -> String {
        let of =
            |kind: &str, faults: &[String]| faults.iter().map(|fault| format!("{kind}: {fault}")).collect::<Vec<_>>();
        let [lost, twice, wrong] = [of("lost", &self.lost), of("twice", &self.twice), of("wrong", &self.wrong)];
        [lost, twice, wrong].concat().join("; ")
    }
}

/// What is on record after a run.
pub struct Record {
    pub messages: Vec<Message>,
    replies: Vec<Reply>,
    unmatched: usize,
    recipients: Vec<Value>,
}

impl Record {
    pub async fn read(stage: &Stage) -> Self {
        let mut record = Self {
            messages: Vec::new(),
            replies: Vec::new(),
            unmatched: 0,
            recipients: stage.items("RecipientsTable").await,
        };
        let items = stage.items("MessagesTable").await;
        let ids = items.iter().map(|item| item["id"]["S"].as_str().unwrap());
        record.unmatched = ids.clone().filter(|id| id.starts_with("unmatched#")).count();
        let ids: Vec<_> = ids.filter_map(|id| id.parse::<MessageId>().ok()).collect();
        if !ids.is_empty() {
            record.messages = stage.observer.store.messages(&ids).await.unwrap();
        }
        let known: BTreeSet<_> = record.messages.iter().map(|message| message.id.uuid()).collect();
        for id in ids.iter().filter(|id| !known.contains(&id.uuid())) {
            let reply = stage.observer.store.reply(ReplyId::new(id.uuid())).await.unwrap();
            record.replies.push(reply.expect("an item is a message or a reply"));
        }
        record
    }
}

/// What is known beforehand of what a run comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// A sweep's run: what each message comes to without a fault.
    FinalState,
    /// A seed's: what a message comes to depends on what else happened to it (it was
    /// taken back, its recipient opted out, the network said this or that of it), which
    /// `seeded::verdict` looks at. All other rules hold.
    AnyFinalState,
}

/// Looks at everything that a run left behind, of one scenario or several.
pub async fn judge(
    stage: &Stage,
    runs: &[(&Scenario, &ClientLog)],
    idle: Idle,
    expectation: Expectation,
) -> (Record, Verdict) {
    let record = Record::read(stage).await;
    let mut verdict = Verdict::default();
    if idle == Idle::TimedOut {
        verdict.wrong.push("it does not come to rest".to_owned());
    }
    let mut callback_ids = Vec::new();
    for sink in SINKS {
        callback_ids.extend(events(stage, sink).await);
    }
    let mut phones = BTreeMap::new();
    for (scenario, log) in runs {
        if !log.is_accepted {
            verdict.lost.push("the client was never accepted".to_owned());
        }
        let own: Vec<_> =
            record.messages.iter().filter(|message| log.texts.contains(message.request.text.as_str())).collect();
        judge_count(scenario, log, own.len(), &mut verdict);
        for message in own {
            if is_idempotent(scenario) || log.answered.contains(&message.id.to_string()) {
                let shown = shown(stage, (scenario, log), &mut phones, message).await;
                judge_message(stage, (scenario, log, expectation), message, &shown, &callback_ids, &mut verdict);
            }
        }
    }
    let replies = runs.iter().map(|(_, log)| log.replies).sum();
    judge_replies(replies, &record, &callback_ids, &mut verdict);
    judge_submits(stage, &record, &mut verdict);
    judge_events(&record, &callback_ids, &mut verdict);
    judge_locks(&record, &mut verdict);
    if record.unmatched > 0 {
        verdict.wrong.push(format!("{} are unmatched", record.unmatched));
    }
    for queue in DEAD_LETTERS {
        if stage.system.queue_length(queue).await > 0 {
            verdict.lost.push(format!("{queue} is not empty"));
        }
    }
    (record, verdict)
}

fn judge_count(scenario: &Scenario, log: &ClientLog, stored: usize, verdict: &mut Verdict) {
    let posted = log.texts.len();
    if stored < posted {
        verdict.lost.push(format!("{posted} posted, {stored} on record"));
    }
    let most = if is_idempotent(scenario) { posted } else { log.attempts * scenario.messages };
    if stored > most {
        verdict.twice.push(format!("{most} asked for, {stored} on record"));
    }
}

/// On which channels the phone shows the message, and how often. Each phone is looked
/// at once. Of what was asked for several times without a name the texts are all the
/// same; there the carriers know it.
async fn shown(
    stage: &Stage,
    (scenario, log): (&Scenario, &ClientLog),
    phones: &mut BTreeMap<String, Vec<Value>>,
    message: &Message,
) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    if !is_idempotent(scenario) && log.attempts > 1 {
        let submits = stage.proxy.submits();
        for submit in submits.iter().filter(|submit| submit.belongs_to(message)) {
            *times.entry(submit.reference.clone()).or_default() += 1;
        }
        return times;
    }
    let number = message.request.to.digits();
    if !phones.contains_key(number) {
        phones.insert(number.to_owned(), stage.system.handset(number).await);
    }
    for shown in phones[number].iter().filter(|shown| shown["text"] == message.request.text.as_str()) {
        *times.entry(shown["channel"].as_str().unwrap_or("sms").to_owned()).or_default() += 1;
    }
    times
}

fn judge_message(
    stage: &Stage,
    (scenario, log, expectation): (&Scenario, &ClientLog, Expectation),
    message: &Message,
    shown: &BTreeMap<String, usize>,
    callback_ids: &[String],
    verdict: &mut Verdict,
) {
    let state = message.state();
    let was_unknown = message.full_history().iter().any(|state_change| state_change.state == State::Unknown);
    verdict.unknown += usize::from(was_unknown);
    if expectation == Expectation::FinalState && stage.proxy.injected().is_empty() && state != scenario.expected_state {
        verdict.wrong.push(format!("without a fault it is {}", state.into_str()));
    }
    let may_be_unknown = scenario.phone == Phone::NoAnswer || stage.proxy.may_be_unknown();
    if was_unknown && !may_be_unknown {
        verdict.wrong.push("unknown without need".to_owned());
    }
    let is_settled = state.is_final() || (state == State::Submitted && scenario.expected_state == State::Submitted);
    if !is_settled {
        verdict.lost.push(format!("it stays {}", state.into_str()));
    }
    for (channel, times) in shown {
        // What is sent again with an unknown outcome is on record, each time.
        let resends =
            message.delivery.failed_attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Unknown);
        let resends = resends.filter(|attempt| attempt.channel.into_str() == channel).count();
        if *times > 1 + resends {
            verdict.twice.push(format!("the phone shows it {times} times on {channel}"));
        }
    }
    let is_shown = !shown.is_empty();
    let is_cancelled = log.cancelled.contains(&message.id.to_string());
    if is_cancelled && (is_shown || state != State::Cancelled) {
        verdict.wrong.push(format!("cancelled, and {}, shown {} times", state.into_str(), shown.len()));
    }
    // That it may be blocked or cancelled at all is looked at elsewhere.
    let should_arrive = scenario.reaches_phone() && !matches!(state, State::Cancelled | State::Blocked);
    match state {
        State::Delivered | State::Read if !is_shown => verdict.wrong.push("delivered, and not shown".to_owned()),
        // What is blocked or refused on its second channel may have been shown on its first.
        State::Rejected | State::Cancelled | State::Expired | State::Blocked
            if is_shown && !message.was_submitted_before() =>
        {
            verdict.wrong.push(format!("{}, and shown", state.into_str()));
        }
        State::Failed if is_shown && !was_unknown => verdict.wrong.push("failed, and shown".to_owned()),
        _ if should_arrive && !is_shown && !was_unknown => {
            verdict.lost.push(format!("{}, and never shown", state.into_str()));
        }
        _ => {}
    }
    let event = EventId::of_state(message.id, state).to_string();
    if message.request.callback.is_some()
        && state.is_final()
        && message.request.dialect.notifies(state)
        && !callback_ids.contains(&event)
    {
        verdict.lost.push(format!("that it is {} is not told", state.into_str()));
    }
}

fn judge_replies(expected: usize, record: &Record, callback_ids: &[String], verdict: &mut Verdict) {
    let stored = record.replies.len();
    // A phone may also say STOP by itself.
    if stored < expected {
        verdict.lost.push(format!("{expected} replies, {stored} on record"));
    }
    for reply in &record.replies {
        if !callback_ids.contains(&EventId::of_reply(reply.id).to_string()) {
            verdict.lost.push("a reply is not told".to_owned());
        }
        if reply.replied_to.is_none() {
            verdict.wrong.push("a reply answers nothing".to_owned());
        }
    }
}

/// No carrier takes anything twice under one name, unless it is on record that it was
/// sent again, and why.
fn judge_submits(stage: &Stage, record: &Record, verdict: &mut Verdict) {
    let mut accepted = BTreeMap::<_, usize>::new();
    for submit in stage.proxy.submits() {
        let own = record.messages.iter().filter(|message| submit.belongs_to(message));
        let resends = own
            .flat_map(|message| &message.delivery.failed_attempts)
            .filter(|attempt| attempt.outcome == AttemptOutcome::Unknown)
            .count();
        let times = accepted.entry((submit.carrier.into_str(), submit.reference)).or_default();
        *times += 1;
        if *times > 1 + resends {
            verdict.twice.push(format!("{} took one submit {times} times", submit.carrier));
        }
    }
}

/// Whatever is told is of a message or reply that there is, under its one id.
fn judge_events(record: &Record, callback_ids: &[String], verdict: &mut Verdict) {
    let states =
        record.messages.iter().flat_map(|message| State::iter().map(|state| EventId::of_state(message.id, state)));
    let replies = record.replies.iter().map(|reply| EventId::of_reply(reply.id));
    let known: BTreeSet<_> = states.chain(replies).map(|event| event.to_string()).collect();
    if callback_ids.iter().any(|event| !known.contains(event)) {
        verdict.wrong.push("an event is told under an id of its own".to_owned());
    }
}

/// A number has at most one sender of an account and one account of a sender, each the
/// other's, and whatever an account sent to it from the pool came from that sender.
fn judge_locks(record: &Record, verdict: &mut Verdict) {
    let locks = |item: &Value, prefix: &str| {
        let attributes = item.as_object().into_iter().flatten();
        let locks = attributes
            .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value["S"].as_str()?.to_owned())));
        locks.collect::<BTreeMap<_, _>>()
    };
    for item in &record.recipients {
        let (senders, accounts) = (locks(item, "account#"), locks(item, "sender#"));
        let inverted: BTreeMap<_, _> =
            accounts.iter().map(|(sender, account)| (account.clone(), sender.clone())).collect();
        if inverted != senders || inverted.len() != accounts.len() {
            verdict.twice.push(format!("{} and {} locks of one number", senders.len(), accounts.len()));
        }
    }
    for message in record.messages.iter().filter(|message| message.request.from.kind == SenderKind::Shared) {
        let item = record.recipients.iter().find(|item| item["number"]["S"] == message.request.to.digits());
        let senders = item.map(|item| locks(item, "account#")).unwrap_or_default();
        if senders.get(message.account.as_str()).is_none_or(|sender| sender != message.request.from.id.as_str()) {
            verdict.wrong.push("a conversation changed its sender".to_owned());
        }
    }
}

/// The ids of the events that a sink got.
async fn events(stage: &Stage, sink: &str) -> Vec<String> {
    let requests = stage.system.sink_requests(sink).await;
    requests.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}
