//! The rules for the end of every run, whichever fault was injected.

mod calls;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::{
    domain::{
        AttemptOutcome, CallbackTarget, CallbackUrl, EventId, Message, MessageId, Progress, Reply, ReplyId, SenderKind,
        State,
    },
    store::{Messages, Recipients},
};
use strum::IntoEnumIterator;
use tests::system::{DEMO, DEMO_ACCOUNT};

use self::calls::{judge_queues, judge_rate, judge_submits};
use crate::{
    scenario::{Phone, Scenario},
    scenario_run::{ClientLog, Idle, is_idempotent},
    stage::{DEAD_LETTERS, SINKS, Stage},
};

/// The callbacks by sink and event ID.
type Told = BTreeSet<(&'static str, String)>;

#[derive(Debug, Default)]
pub struct Verdict {
    /// Requests never accepted; missing messages, replies, receipts and callbacks; dead letters.
    pub lost: Vec<String>,
    /// Duplicate messages, submits and sender locks.
    pub twice: Vec<String>,
    pub wrong: Vec<String>,
    /// Number of messages whose outcome was unknown for a time.
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

/// Whether the final state of each message is known beforehand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// In a sweep: without a fault, each message ends in its scenario's expected state.
    FinalState,
    /// In a seeded run: the state depends on cancellations, opt-outs and receipts, which `seeded::verdict`
    /// judges. All other rules apply.
    AnyFinalState,
}

/// Judges the records, callbacks and phones after a run of one scenario, or several at once.
pub async fn judge(
    stage: &Stage,
    runs: &[(&Scenario, &ClientLog)],
    idle: Idle,
    expectation: Expectation,
) -> (Record, Verdict) {
    let record = Record::read(stage).await;
    let mut verdict = Verdict::default();
    if idle == Idle::TimedOut {
        verdict.wrong.push("work is left after the last step".to_owned());
    }
    let (mut callbacks, mut told) = (Vec::new(), BTreeSet::new());
    for sink in SINKS {
        let events = events(stage, sink).await;
        told.extend(events.iter().map(|(id, _)| (sink, id.clone())));
        callbacks.extend(events);
    }
    let mut phones = BTreeMap::new();
    for (scenario, log) in runs {
        if !log.is_accepted {
            verdict.lost.push("the client's request was never accepted".to_owned());
        }
        let own: Vec<_> =
            record.messages.iter().filter(|message| log.texts.contains(message.request.text.as_str())).collect();
        judge_count(scenario, log, own.len(), &mut verdict);
        for message in own {
            if is_idempotent(scenario) || log.answered.contains(&message.id.to_string()) {
                let shown = shown(stage, (scenario, log), &mut phones, message).await;
                judge_message(stage, (scenario, log, expectation), message, &shown, &told, &mut verdict);
                judge_opt_out(stage, scenario, message, &mut verdict).await;
            }
        }
    }
    let replies = runs.iter().map(|(_, log)| log.replies).sum();
    judge_replies(replies, &record, &callbacks, &mut verdict);
    judge_submits(stage, &record, &mut verdict);
    judge_rate(stage, &mut verdict);
    // A message that its client was never promised may wait for the sender's next dealer.
    let is_left = |message: &&Message| message.delivery.progress != Progress::Queued;
    if record.messages.iter().filter(is_left).any(|message| message.delivery.line_at.is_some()) {
        verdict.wrong.push("a message is still on its line".to_owned());
    }
    judge_queues(stage, &record, &mut verdict);
    judge_events(&record, &told, &mut verdict);
    judge_locks(&record, &mut verdict);
    if record.unmatched > 0 {
        verdict.wrong.push(format!("{} receipts or replies are unmatched", record.unmatched));
    }
    let meter = stage.system.get(DEMO, "/meter").await.body;
    if meter["denied"] != json!({}) {
        verdict.wrong.push(format!("a role does not allow {}", meter["denied"]));
    }
    for queue in DEAD_LETTERS {
        if stage.system.queue_length(queue).await > 0 {
            verdict.lost.push(format!("{queue} is not empty"));
        }
    }
    (record, verdict)
}

fn judge_count(scenario: &Scenario, log: &ClientLog, stored: usize, verdict: &mut Verdict) {
    let posted = log.posted;
    if stored < posted {
        verdict.lost.push(format!("{posted} posted, {stored} stored"));
    }
    let most = if is_idempotent(scenario) { posted } else { log.attempts * scenario.messages };
    if stored > most {
        verdict.twice.push(format!("{most} requested, {stored} stored"));
    }
}

/// Returns how often the phone shows the message, by channel, and reads each phone once.
///
/// If a request without idempotency was repeated, its messages have the same text. Then we return instead how
/// often the carriers accepted each reference.
/// Checks that we recorded the opt-out before we blocked a message refused for it.
async fn judge_opt_out(stage: &Stage, scenario: &Scenario, message: &Message, verdict: &mut Verdict) {
    if scenario.phone != Phone::Unsubscribed || message.state() != State::Blocked {
        return;
    }
    let recipient = stage.observer.store.recipient(&message.request.to).await.unwrap();
    if !recipient.opt_outs.contains(&message.request.from.id) {
        verdict.lost.push("the opt-out is not recorded".to_owned());
    }
}

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
    told: &Told,
    verdict: &mut Verdict,
) {
    let state = message.state();
    let was_unknown = message.full_history().iter().any(|state_change| state_change.state == State::Unknown);
    verdict.unknown += usize::from(was_unknown);
    if expectation == Expectation::FinalState && stage.proxy.injected().is_empty() && state != scenario.expected_state {
        verdict.wrong.push(format!("state without a fault is {}", state.into_str()));
    }
    let may_be_unknown = scenario.phone == Phone::NoAnswer || stage.proxy.may_be_unknown();
    if was_unknown && !may_be_unknown {
        verdict.wrong.push("unknown outcome without cause".to_owned());
    }
    let is_settled = state.is_final() || (state == State::Submitted && scenario.expected_state == State::Submitted);
    if !is_settled {
        verdict.lost.push(format!("message stays {}", state.into_str()));
    }
    for (channel, times) in shown {
        // Each resend after an unknown outcome is recorded as a failed attempt.
        let resends =
            message.delivery.failed_attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Unknown);
        let resends = resends.filter(|attempt| attempt.channel.into_str() == channel).count();
        if *times > 1 + resends {
            verdict.twice.push(format!("the phone shows the message {times} times on {channel}"));
        }
    }
    let is_shown = !shown.is_empty();
    let is_cancelled = log.cancelled.contains(&message.id.to_string());
    if is_cancelled && (is_shown || state != State::Cancelled) {
        verdict.wrong.push(format!("cancelled, but {} and shown {} times", state.into_str(), shown.len()));
    }
    // `seeded::verdict` judges whether a message may be blocked or cancelled.
    let should_arrive = scenario.reaches_phone() && !matches!(state, State::Cancelled | State::Blocked);
    match state {
        State::Delivered | State::Read if !is_shown => verdict.wrong.push("delivered, but not shown".to_owned()),
        // A message blocked or rejected on the second channel may have been shown on the first.
        State::Rejected | State::Cancelled | State::Expired | State::Blocked
            if is_shown && !message.was_submitted_before() =>
        {
            verdict.wrong.push(format!("{}, but shown", state.into_str()));
        }
        State::Failed if is_shown && !was_unknown => verdict.wrong.push("failed, but shown".to_owned()),
        _ if should_arrive && !is_shown && !was_unknown => {
            verdict.lost.push(format!("{}, but never shown", state.into_str()));
        }
        _ => {}
    }
    if !state.is_final() || !message.request.dialect.notifies(state) {
        return;
    }
    let event = EventId::of_state(message.id, state).to_string();
    let urls = message.request.callbacks.iter().map(CallbackUrl::as_str);
    // No account has webhooks, and only the demo account has a status URL.
    let is_to_account = message.request.dialect.callback_target() == CallbackTarget::Webhooks;
    let is_told_there = is_to_account && message.account.as_str() == DEMO_ACCOUNT;
    for url in urls.chain(is_told_there.then_some("status")) {
        let is_its = |(sink, id): &(&str, String)| *id == event && url.ends_with(sink);
        if !told.iter().any(is_its) {
            verdict.lost.push(format!("no callback for {}", state.into_str()));
        }
    }
}

/// Judges the phones' replies, each of which had a photo.
fn judge_replies(expected: usize, record: &Record, callbacks: &[(String, String)], verdict: &mut Verdict) {
    let stored = record.replies.len();
    // There may be more, because some phones reply STOP by themselves.
    if stored < expected {
        verdict.lost.push(format!("{expected} replies, {stored} stored"));
    }
    let photos: usize = record.replies.iter().map(|reply| reply.content.extras.media.len()).sum();
    if photos < expected {
        verdict.lost.push(format!("{expected} replies with a photo, {photos} photos stored"));
    }
    for reply in &record.replies {
        let event = EventId::of_reply(reply.id).to_string();
        let mut own = callbacks.iter().filter(|(id, _)| *id == event).peekable();
        if own.peek().is_none() {
            verdict.lost.push("no callback for a reply".to_owned());
        }
        if own.any(|(_, body)| reply.content.extras.media.iter().any(|photo| !body.contains(&photo.uri))) {
            verdict.lost.push("a callback without the reply's photo".to_owned());
        }
        if reply.replied_to.is_none() {
            verdict.wrong.push("a reply is tied to no message".to_owned());
        }
    }
}

/// Every callback carries the event ID of a stored message or reply.
fn judge_events(record: &Record, told: &Told, verdict: &mut Verdict) {
    let states =
        record.messages.iter().flat_map(|message| State::iter().map(|state| EventId::of_state(message.id, state)));
    let replies = record.replies.iter().map(|reply| EventId::of_reply(reply.id));
    let known: BTreeSet<_> = states.chain(replies).map(|event| event.to_string()).collect();
    if told.iter().any(|(_, event)| !known.contains(event)) {
        verdict.wrong.push("a callback has an unknown event ID".to_owned());
    }
}

/// For each number, an account has at most one shared sender and a sender at most one account, and the two
/// locks agree. Every message from the pool went out from the locked sender.
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
            verdict.twice.push(format!(
                "locks of one number disagree: {} by account, {} by sender",
                senders.len(),
                accounts.len()
            ));
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

/// Returns the event ID and body of each callback.
async fn events(stage: &Stage, sink: &str) -> Vec<(String, String)> {
    let requests = stage.system.sink_requests(sink).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    requests.iter().map(|request| (text(&request["headers"]["webhook-id"]), text(&request["body"]))).collect()
}
