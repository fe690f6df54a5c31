//! The phones. Each keeps what reached it, on whichever channel, and can reply
//! to whoever wrote. They show a message twice when it was sent twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::info;
use uuid::Uuid;

use super::behavior::Behavior;
use super::carriers::{Carriers, Reply, Submit};
use super::channels::{Channel, ChannelBehaviors};
use super::clock::{self, EmulatorClock};
use super::phone::{self, Phone};
use super::problem::{Fields, Problem};

/// How many messages a phone keeps; the oldest go first.
const MAX_MESSAGES: usize = 100_000;

#[derive(Default)]
struct Handset {
    shown: VecDeque<Shown>,
    channel_behaviors: ChannelBehaviors,
}

#[derive(Clone)]
struct Shown {
    message: Arc<Submit>,
    received_at: Timestamp,
}

pub(super) struct Handsets {
    clock: Arc<EmulatorClock>,
    carriers: Arc<Carriers>,
    phones: Mutex<HashMap<Phone, Handset>>,
}

impl Handsets {
    pub(super) fn new(clock: Arc<EmulatorClock>, carriers: Arc<Carriers>) -> Self {
        Self { clock, carriers, phones: Mutex::default() }
    }

    pub(super) fn behavior(&self, phone: &Phone, channel: Channel) -> Behavior {
        let set = self.phones().get(phone).and_then(|handset| handset.channel_behaviors.on(channel));
        set.map_or_else(|| Behavior::of(phone), Behavior::from)
    }

    pub(super) fn show(&self, message: Arc<Submit>) {
        let received_at = self.clock.now();
        let mut phones = self.phones();
        let shown = &mut phones.entry(message.to.clone()).or_default().shown;
        if shown.len() == MAX_MESSAGES {
            shown.pop_front();
        }
        shown.push_back(Shown { message, received_at });
    }

    /// Sends an answer to that message on its way.
    pub(super) fn answer(&self, message: Arc<Submit>, text: String) {
        self.reply(message.to.clone(), message.from.clone(), text, Some(message));
    }

    /// Sends a reply on its way and returns its id.
    fn reply(&self, from: Phone, to: String, text: String, answers: Option<Arc<Submit>>) -> String {
        let id = Uuid::new_v4().to_string();
        let reply = Reply { id: id.clone(), from, to, text, at: self.clock.now(), answers };
        info!(reply.id = id, "a phone replies");
        let carriers = Arc::clone(&self.carriers);
        tokio::spawn(async move { carriers.deliver_reply(&reply).await });
        id
    }

    /// The newest message that this phone has from that sender.
    fn newest(&self, phone: &Phone, sender: &str) -> Option<Arc<Submit>> {
        let phones = self.phones();
        let mut newest_first = phones.get(phone)?.shown.iter().rev();
        newest_first.find(|shown| shown.message.from == sender).map(|shown| Arc::clone(&shown.message))
    }

    fn phones(&self) -> MutexGuard<'_, HashMap<Phone, Handset>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn json(&self) -> Value {
        let message = &*self.message;
        let mut shown =
            json!({ "from": message.from, "text": message.text, "received_at": clock::text(self.received_at) });
        if message.channel != Channel::Sms {
            shown["channel"] = json!(message.channel);
            if let Some(content) = &message.content {
                shown["content"] = content.clone();
            }
        }
        shown
    }
}

pub(super) fn routes(handsets: Arc<Handsets>) -> Router {
    Router::new()
        .route("/handsets/{number}", get(messages))
        .route("/handsets/{number}/channels", get(channels).put(set_channels))
        .route("/handsets/{number}/replies", post(reply))
        .with_state(handsets)
}

async fn messages(State(handsets): State<Arc<Handsets>>, Path(number): Path<String>) -> Result<Json<Value>, Problem> {
    let phone = phone("number", &number)?;
    let shown = handsets.phones().get(&phone).map(|handset| handset.shown.clone()).unwrap_or_default();
    let messages: Vec<_> = shown.iter().map(Shown::json).collect();
    Ok(Json(json!({ "messages": messages })))
}

async fn channels(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
) -> Result<Json<ChannelBehaviors>, Problem> {
    let phone = phone("number", &number)?;
    Ok(Json(handsets.phones().get(&phone).map(|handset| handset.channel_behaviors.clone()).unwrap_or_default()))
}

/// What was set before and is not named now is as the number says again.
async fn set_channels(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<Json<ChannelBehaviors>, Problem> {
    let phone = phone("number", &number)?;
    let channel_behaviors = ChannelBehaviors::parse(&body)?;
    handsets.phones().entry(phone).or_default().channel_behaviors = channel_behaviors.clone();
    info!(?channel_behaviors, "the channels of a phone were set");
    Ok(Json(channel_behaviors))
}

async fn reply(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let from = phone("number", &number)?;
    let fields = Fields::parse(&body)?;
    let to = fields.filled_text("to")?.to_owned();
    let answers = handsets.newest(&from, phone::shown_sender(&to));
    let by_sms = answers.as_ref().is_none_or(|message| message.channel == Channel::Sms);
    if by_sms && !to.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::invalid("to", "must be a number: a phone cannot answer a name by SMS"));
    }
    let text = fields.text("text")?.to_owned();
    let id = handsets.reply(from, to, text, answers);
    Ok((StatusCode::ACCEPTED, Json(json!({ "id": id }))))
}

pub(super) fn phone(field: &'static str, written: &str) -> Result<Phone, Problem> {
    Phone::parse(written).map_err(|error| Problem::invalid(field, error.to_string()))
}
