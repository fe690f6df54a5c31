//! What became of everything that was asked for, once nothing moves any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;
use shared::domain::{EventId, MessageId, State};
use tests::system::{DEMO, System};

use crate::clients::Diary;

/// More than a lease, and than a queue keeps to itself what a dead worker took.
const STEP: u64 = 120;
const STEPS: usize = 30;
/// More than the time after which an unknown outcome is given up.
const DEADLINE: u64 = 25 * 3_600;

/// Counts of messages.
#[derive(Default)]
pub struct Tally {
    asked: usize,
    accepted: usize,
    unanswered: usize,
    unknown: usize,
    lost: usize,
    twice: usize,
    unnotified: usize,
    /// What is not as it must be.
    pub broken: Vec<String>,
}

impl Tally {
    pub fn is_well(&self) -> bool {
        self.broken.is_empty()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, accepted, unanswered, unknown, lost, twice, unnotified, .. } = self;
        write!(f, "{asked} messages posted, {accepted} accepted, {unanswered} requests unanswered; ")?;
        write!(
            f,
            "of the accepted, {unknown} were unknown for a time, {lost} are lost, {unnotified} are not told of; "
        )?;
        write!(f, "of all, {twice} came twice")
    }
}

/// Lets the system come to rest, and looks at every message and phone.
pub async fn tally(system: &System, diary: &Diary) -> Tally {
    come_to_rest(system).await;
    system.advance(DEADLINE).await;
    come_to_rest(system).await;

    let on_record = on_record(system).await;
    let notified_events = notified_events(system).await;
    let shown = shown(system, diary).await;
    let mut tally = Tally {
        asked: diary.asked.len(),
        accepted: diary.accepted.len(),
        unanswered: diary.unanswered,
        ..Tally::default()
    };
    for name in diary.asked.keys() {
        let times = shown.get(name).copied().unwrap_or_default();
        if times > 1 {
            tally.twice += 1;
            tally.broken.push(format!("{name} came {times} times"));
        }
    }
    for name in &diary.accepted {
        let Some(message) = on_record.get(name) else {
            tally.lost += 1;
            tally.broken.push(format!("{name} is not on record"));
            continue;
        };
        let was_unknown =
            message["history"].as_array().unwrap().iter().any(|state_change| state_change["state"] == "unknown");
        tally.unknown += usize::from(was_unknown);
        let state = message["state"].as_str().unwrap();
        if !was_unknown && (state != "delivered" || !shown.contains_key(name)) {
            tally.lost += 1;
            tally.broken.push(format!("{name} is {state}, and shown: {}", shown.contains_key(name)));
        }
        if !notified_events.contains(&final_event(message)) {
            tally.unnotified += 1;
            tally.broken.push(format!("that {name} is {state} is not told"));
        }
    }
    tally
}

async fn come_to_rest(system: &System) {
    for _ in 0..STEPS {
        system.advance(STEP).await;
        let mut waiting = 0;
        for queue in ["JobsQueue", "CallbacksQueue"] {
            waiting += system.queue_length(queue).await;
        }
        if waiting == 0 && on_record(system).await.values().all(|message| is_at_rest(&message["state"])) {
            return;
        }
    }
}

/// Nothing moves an unknown outcome but its deadline, and nothing at all what its
/// client was not promised.
fn is_at_rest(state: &Value) -> bool {
    !["scheduled", "submitting", "submitted"].contains(&state.as_str().unwrap())
}

fn final_event(message: &Value) -> String {
    let id = MessageId::parse(message["id"].as_str().unwrap()).unwrap();
    let state = State::ALL.into_iter().find(|state| message["state"] == state.as_str()).unwrap();
    EventId::of_state(id, state).to_string()
}

/// Every message by its name.
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

/// The ids of the events that clients were told.
async fn notified_events(system: &System) -> BTreeSet<String> {
    let got = [system.sink_requests("receipts").await, system.sink_requests("status").await].concat();
    got.iter().map(|request| request["headers"]["webhook-id"].as_str().unwrap().to_owned()).collect()
}

/// How often a phone shows each message.
async fn shown(system: &System, diary: &Diary) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for number in diary.asked.values().collect::<BTreeSet<_>>() {
        for shown in system.handset(number).await {
            *times.entry(shown["text"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    times
}
