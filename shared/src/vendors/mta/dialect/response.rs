//! The answer to `POST /v3/send`: `{"success","message","data"}`.
//!
//! The pages describe only `data.messageId`. `data.segments` is ours: how many segments the text takes as an SMS.

use serde::Serialize;

use crate::{domain::Message, formats::json};

#[derive(Serialize)]
struct Answer {
    success: bool,
    message: &'static str,
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    message_id: u64,
    segments: u16,
}

/// Returns the answer to an accepted request, from its first message.
#[must_use]
pub fn accepted(first: &Message) -> String {
    json::write(&Answer {
        success: true,
        message: "The message was accepted.",
        data: Data { message_id: first.batch.number(), segments: first.request.text.segments() },
    })
}
