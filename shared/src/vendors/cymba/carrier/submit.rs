//! `POST {endpoint}/message?key=KEY`, with a single message. The page documents no other place for the key, so
//! neither a log nor an outcome may hold the request's URL.
//!
//! `callback` is the address of this submit's receipts, and its last segment our reference. We send no `id`: Cymba
//! gives the message an ID, and says nowhere where ours would come back.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::{
    domain::{Outcome, Submission},
    formats::{
        caseless::Object,
        http::{self, Answer},
        webhook_json::one_or_many,
    },
    vendors::Connection,
};

#[derive(Serialize)]
struct Body<'a> {
    messages: [Message<'a>; 1],
}

#[derive(Serialize)]
struct Message<'a> {
    from: Sender<'a>,
    to: &'a str,
    body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<Url>,
    channels: [&'a str; 1],
}

#[derive(Serialize)]
struct Sender<'a> {
    r#type: &'a str,
    value: &'a str,
}

pub(super) async fn submit(connection: &Connection<'_>, submission: &Submission<'_>, now: Timestamp) -> Outcome {
    let message = Message {
        from: Sender { r#type: "custom", value: submission.from.as_str() },
        to: submission.to.digits(),
        body: submission.text.as_str(),
        callback: connection.receipts_of(submission.reference),
        channels: [submission.channel.into_str()],
    };
    let post = connection.post_with_query(&["message"], ("key", connection.credentials.key()));
    http::submit(post.json(&Body { messages: [message] }), now, judge).await
}

fn judge(answer: &Answer) -> Option<Outcome> {
    if answer.status.is_success() {
        return accepted_id(&answer.json()?).map(|id| Outcome::accepted(Some(id)));
    }
    answer.blames_message().then(|| answer.rejection())
}

/// Returns the message's ID. The batch's ID alone does not prove that Cymba took the message.
fn accepted_id(answer: &Value) -> Option<String> {
    let messages = Object::of(answer)?.get("messages").map(one_or_many)?;
    Object::of(messages.first()?)?.said("messageuuid")
}
