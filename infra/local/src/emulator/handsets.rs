//! Simulated phones. A handset keeps the messages of all its channels and can reply to their senders. A
//! double send shows twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::info;
use uuid::Uuid;

use super::behavior::Behavior;
use super::carriers::{AcceptedSubmit, Carriers, File, Reply, Submit};
use super::channels::{Channel, ChannelBehaviors};
use super::clock::{self, EmulatorClock};
use super::json_line::JsonLine;
use super::phone::{self, Phone};
use super::problem::{Fields, Problem};

/// The oldest messages of a handset are dropped beyond this.
const MAX_MESSAGES: usize = 100_000;

#[derive(Default)]
struct Handset {
    shown: VecDeque<Shown>,
    replies: u64,
    channel_behaviors: ChannelBehaviors,
}

#[derive(Clone)]
struct Shown {
    message: AcceptedSubmit,
    received_at: Timestamp,
}

/// The content of a reply.
struct Said {
    text: String,
    media: Vec<File>,
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

    pub(super) fn show(&self, message: AcceptedSubmit) {
        let received_at = self.clock.now();
        let mut phones = self.phones();
        let shown = &mut phones.entry(message.submit.to.clone()).or_default().shown;
        if shown.len() == MAX_MESSAGES {
            shown.pop_front();
        }
        shown.push_back(Shown { message, received_at });
    }

    /// Replies to a message.
    pub(super) fn answer(&self, message: AcceptedSubmit, text: String) {
        let said = Said { text, media: Vec::new() };
        let Submit { to, from, .. } = &*message.submit;
        self.reply(to.clone(), from.clone(), said, Some(message));
    }

    /// Sends a reply and returns its ID.
    fn reply(&self, from: Phone, to: String, said: Said, answers: Option<AcceptedSubmit>) -> String {
        let id = Uuid::new_v4().to_string();
        let Said { text, media } = said;
        let reply = Reply { id: id.clone(), from, to, text, media, at: self.clock.now(), answers };
        let message_id = reply.answered().map(Submit::message_id);
        info!(
            message.id = message_id.map(display),
            carrier = reply.carrier(),
            carrier.reply.id = id,
            "handset sent reply"
        );
        self.phones().entry(reply.from.clone()).or_default().replies += 1;
        let (carriers, in_transit) = (Arc::clone(&self.carriers), self.carriers.transit().begin());
        tokio::spawn(async move {
            drop(in_transit);
            carriers.deliver_reply(&reply).await;
        });
        id
    }

    /// Returns the phone's newest message from a sender.
    fn newest(&self, phone: &Phone, sender: &str) -> Option<AcceptedSubmit> {
        let phones = self.phones();
        let mut newest_first = phones.get(phone)?.shown.iter().rev();
        newest_first.find(|shown| shown.message.submit.from == sender).map(|shown| shown.message.clone())
    }

    fn phones(&self) -> MutexGuard<'_, HashMap<Phone, Handset>> {
        self.phones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn json(&self) -> Value {
        let message = &*self.message.submit;
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
        .route("/handsets", get(list))
        .route("/handsets/{number}", get(messages))
        .route("/handsets/{number}/channels", get(channels).put(set_channels))
        .route("/handsets/{number}/replies", post(reply))
        .with_state(handsets)
}

#[derive(Serialize)]
struct List {
    handsets: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    number: String,
    messages: usize,
    replies: u64,
    channels: ChannelBehaviors,
}

async fn list(State(handsets): State<Arc<Handsets>>) -> JsonLine<List> {
    let mut listed: Vec<_> = handsets
        .phones()
        .iter()
        .map(|(phone, handset)| Listed {
            number: phone.digits().to_owned(),
            messages: handset.shown.len(),
            replies: handset.replies,
            channels: handset.channel_behaviors.clone(),
        })
        .filter(|listed| listed.messages > 0 || listed.replies > 0 || !listed.channels.is_empty())
        .collect();
    listed.sort_by(|one, other| one.number.cmp(&other.number));
    JsonLine(List { handsets: listed })
}

async fn messages(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
) -> Result<JsonLine<Value>, Problem> {
    let phone = phone("number", &number)?;
    let shown = handsets.phones().get(&phone).map(|handset| handset.shown.clone()).unwrap_or_default();
    let messages: Vec<_> = shown.iter().map(Shown::json).collect();
    Ok(JsonLine(json!({ "messages": messages })))
}

async fn channels(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
) -> Result<JsonLine<ChannelBehaviors>, Problem> {
    let phone = phone("number", &number)?;
    Ok(JsonLine(handsets.phones().get(&phone).map(|handset| handset.channel_behaviors.clone()).unwrap_or_default()))
}

/// Replaces the channel settings: channels missing in the body behave by the number again.
async fn set_channels(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<JsonLine<ChannelBehaviors>, Problem> {
    let phone = phone("number", &number)?;
    let channel_behaviors = ChannelBehaviors::parse(&body)?;
    handsets.phones().entry(phone).or_default().channel_behaviors = channel_behaviors.clone();
    info!(channels = serde_json::to_string(&channel_behaviors).ok().map(display), "channels of handset set");
    Ok(JsonLine(channel_behaviors))
}

async fn reply(
    State(handsets): State<Arc<Handsets>>,
    Path(number): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, JsonLine<Value>), Problem> {
    let from = phone("number", &number)?;
    let fields = Fields::parse(&body)?;
    let to = fields.filled_text("to")?.to_owned();
    let answers = handsets.newest(&from, phone::shown_sender(&to));
    let by_sms = answers.as_ref().is_none_or(|message| message.submit.channel == Channel::Sms);
    if by_sms && !to.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Problem::invalid("to", "must be a number: SMS to a name cannot be answered"));
    }
    let media = fields.list::<File>("media")?;
    // A photo may come without a text.
    let text = if media.is_empty() || fields.has("text") { fields.text("text")? } else { "" };
    let said = Said { text: text.to_owned(), media };
    let id = handsets.reply(from, to, said, answers);
    Ok((StatusCode::ACCEPTED, JsonLine(json!({ "id": id }))))
}

pub(super) fn phone(field: &'static str, written: &str) -> Result<Phone, Problem> {
    Phone::parse(written).map_err(|error| Problem::invalid(field, error.to_string()))
}
