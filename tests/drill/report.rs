//! The report: checks every message once the system is idle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;
use shared::domain::{EventId, MessageId, State};
use strum::IntoEnumIterator;
use tests::{
    JOB_QUEUES,
    system::{DEMO, System},
};

use crate::clients::ClientLog;

/// Longer than a lease and than a queue's visibility timeout.
const STEP_SECONDS: u64 = 120;
const MAX_STEPS: usize = 30;
/// Longer than the deadline after which an unknown outcome is given up.
const OUTCOME_DEADLINE_SECONDS: u64 = 25 * 3_600;

/// Counts of messages, except `unanswered`, which counts attempts.
#[derive(Default)]
pub struct Report {
    posted: usize,
    accepted: usize,
    unanswered: usize,
    unknown: usize,
    lost: usize,
    twice: usize,
    unnotified: usize,
    /// A line for each lost or duplicate message, and each missing callback.
    pub failures: Vec<String>,
}

impl Report {
    pub fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { posted, accepted, unanswered, unknown, lost, twice, unnotified, .. } = self;
        write!(f, "{posted} messages posted, {accepted} accepted, {unanswered} requests unanswered; ")?;
        write!(
            f,
            "of the accepted, {unknown} were unknown for a time, {lost} were lost, {unnotified} had no callback; "
        )?;
        write!(f, "of all, {twice} were sent twice")
    }
}

/// Runs the system until it is idle, beyond the deadline for unknown outcomes, and checks every message and
/// phone.
pub async fn verify(system: &System, log: &ClientLog) -> Report {
    run_until_idle(system).await;
    system.advance(OUTCOME_DEADLINE_SECONDS).await;
    run_until_idle(system).await;

    let on_record = on_record(system).await;
    let notified_events = notified_events(system).await;
    let shown = shown(system, log).await;
    let mut report = Report {
        posted: log.posted.len(),
        accepted: log.accepted.len(),
        unanswered: log.unanswered,
        ..Report::default()
    };
    for name in log.posted.keys() {
        let times = shown.get(name).copied().unwrap_or_default();
        if times > 1 {
            report.twice += 1;
            report.failures.push(format!("{name} was shown {times} times"));
        }
    }
    for name in &log.accepted {
        let Some(message) = on_record.get(name) else {
            report.lost += 1;
            report.failures.push(format!("{name} is not stored"));
            continue;
        };
        let was_unknown =
            message["history"].as_array().unwrap().iter().any(|state_change| state_change["state"] == "unknown");
        report.unknown += usize::from(was_unknown);
        let state = message["state"].as_str().unwrap();
        if !was_unknown && (state != "delivered" || !shown.contains_key(name)) {
            report.lost += 1;
            report.failures.push(format!("{name} is {state}, shown: {}", shown.contains_key(name)));
        }
        if !notified_events.contains(&final_event(message)) {
            report.unnotified += 1;
            report.failures.push(format!("{name} is {state}, without a callback"));
        }
    }
    report
}

async fn run_until_idle(system: &System) {
    for _ in 0..MAX_STEPS {
        system.advance(STEP_SECONDS).await;
        let mut waiting = 0;
        for queue in JOB_QUEUES.into_iter().chain(["CallbacksQueue"]) {
            waiting += system.queue_length(queue).await;
        }
        if waiting == 0 && on_record(system).await.values().all(|message| is_settled(&message["state"])) {
            return;
        }
    }
}

/// Returns whether we need not wait for another state. An unknown outcome ends only at its deadline. A
/// message may stay `queued` without a job if the gateway died before it answered the client.
fn is_settled(state: &Value) -> bool {
    !["scheduled", "submitting", "submitted"].contains(&state.as_str().unwrap())
}

fn final_event(message: &Value) -> String {
    let id = message["id"].as_str().unwrap().parse::<MessageId>().unwrap();
    let state = State::iter().find(|state| message["state"] == state.into_str()).unwrap();
    EventId::of_state(id, state).to_string()
}

async fn on_record(system: &System) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = system.get(DEMO, &format!("/messages?limit=100{cursor}")).await.body;
        for message in page["messages"].as_array().unwrap() {
            found.insert(message["body"].as_str().unwrap().to_owned(), message.clone());
        }
        let Some(next) = page["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

async fn notified_events(system: &System) -> BTreeSet<String> {
    let requests = [system.sink_requests("receipts").await, system.sink_requests("status").await].concat();
    requests.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}

async fn shown(system: &System, log: &ClientLog) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for number in log.posted.values().collect::<BTreeSet<_>>() {
        for shown in system.handset(number).await {
            *times.entry(shown["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    times
}
