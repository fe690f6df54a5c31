//! Mobile Text Alerts' dialect: `POST /v3/send`, its errors and its callbacks.

mod callbacks;
mod errors;
mod images;
mod repeats;
mod senders;

use std::path::PathBuf;

use reqwest::{Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tests::{Callback, Phone, System};

use crate::system::{Answer, DEMO, OWN_SENDER as OURS, answer, with};

const PHONE: Phone = Phone::delivers();

/// Returns a request to send from our number.
pub(crate) fn message(to: &str, text: &str) -> Value {
    json!({"subscribers": [format!("+{to}")], "message": text, "longcodeId": OURS.parse::<u64>().unwrap()})
}

/// Returns a request to send from the account's usual sender.
fn from_usual(to: &str, text: &str) -> Value {
    json!({"subscribers": [format!("+{to}")], "message": text})
}

fn request(system: &System, body: &Value) -> RequestBuilder {
    system.request(Method::POST, "/v3/send").bearer_auth(DEMO).json(body)
}

pub(crate) async fn post(system: &System, body: &Value) -> Answer {
    answer(request(system, body)).await
}

/// Returns the accepted request's number.
fn number(answer: &Answer) -> u64 {
    assert_eq!((answer.status.as_u16(), &answer.body["success"]), (200, &json!(true)), "{}", answer.body);
    answer.body["data"]["messageId"].as_u64().unwrap()
}

/// Sends a request and returns its number. Fails unless the request is accepted.
async fn send(system: &System, body: &Value) -> u64 {
    number(&post(system, body).await)
}

/// Registers a webhook for the demo account.
pub(crate) async fn register(system: &System, event: &str, url: &str, secret: &str) -> u64 {
    let webhook = json!({"event": event, "url": url, "secret": secret});
    let answer = answer(system.request(Method::POST, "/v3/webhooks").bearer_auth(DEMO).json(&webhook)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["data"]["id"].as_u64().unwrap()
}

/// Waits for the callback with a status.
async fn until_status(system: &System, sink: &str, status: &str) -> Callback {
    system.until_callback_that(sink, status, |callback| callback.json()["status"] == status).await
}

#[derive(Deserialize)]
struct Sample {
    source: String,
    path: String,
    request: Value,
    answer: Value,
}

fn samples() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/mta");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
}

#[tokio::test]
async fn every_sample_is_answered_and_delivered() {
    let samples = samples();
    assert_eq!(samples.len(), 5);
    for Sample { source, path, request, answer: expected } in samples {
        let system = System::start().await;
        let mut given = answer(system.request(Method::POST, &path).bearer_auth(DEMO).json(&request)).await;
        let id = given.body["data"]["messageId"].take();
        assert!(id.as_u64().is_some_and(|id| (1..1 << 53).contains(&id)), "{source}: {id}");
        given.body["data"]["messageId"] = json!("<number>");
        assert_eq!((given.status.as_u16(), given.body), (200, expected), "{source}");
        for subscriber in request["subscribers"].as_array().unwrap() {
            let digits = subscriber.as_str().map_or_else(|| subscriber.to_string(), str::to_owned);
            system.until_handset(digits.trim_start_matches('+'), 1).await;
        }
    }
}

/// The tutorial "Receive and Reply to Messages", step by step.
#[tokio::test]
async fn conversation_of_the_tutorial_goes_both_ways() {
    let system = System::start().await;
    let secret = "tutorial-secret";
    register(&system, "message-reply", &system.sink("hook"), secret).await;
    let labels = json!({"ABCompanyId": "4e0242e2-d101"});
    let first = with(with(message(&PHONE, "Monday?"), "externalId", "RequestId-4e0242e2-d101"), "tags", labels.clone());
    let first_id = send(&system, &first).await;
    let shown = system.until_handset(&PHONE, 1).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (&json!(OURS), &json!("Monday?")));

    system.reply_from(&PHONE, OURS, "Yes").await;
    let callback = system.until_callback("hook").await;
    let reply = callback.json().clone();
    assert!(reply["messageId"].as_u64().is_some_and(|id| id != first_id), "{reply}");
    let expected = json!({"type": "message-reply", "fromNumber": format!("+{PHONE}"), "toNumber": format!("+{OURS}"),
        "messageId": reply["messageId"], "replyId": reply["messageId"], "externalId": "RequestId-4e0242e2-d101",
        "message": "Yes", "tags": labels, "longcodeId": OURS.parse::<u64>().unwrap(),
        "threadId": PHONE.parse::<u64>().unwrap(), "timestamp": reply["timestamp"]});
    assert_eq!(reply, expected);
    callbacks::assert_signed(&callback, secret);

    // The response reuses the number but has its own identifier.
    let response = json!({"subscribers": [reply["fromNumber"]], "message": "See you then",
        "longcodeId": reply["longcodeId"], "externalId": "RequestId-4e0242e2-d102"});
    let second_id = send(&system, &response).await;
    assert_ne!(second_id, first_id);
    let shown = system.until_handset(&PHONE, 2).await;
    assert_eq!((&shown[1]["from"], &shown[1]["text"]), (&json!(OURS), &json!("See you then")));
    system.reply_with_files(&PHONE, OURS, "", &["https://media.example/1.jpg"]).await;
    let reply = system.until_callbacks("hook", 2).await.remove(1).into_json();
    assert_eq!(
        (&reply["externalId"], &reply["url"], reply.get("message"), reply.get("tags")),
        (&json!("RequestId-4e0242e2-d102"), &json!("https://media.example/1.jpg"), None, None)
    );
    assert!(system.callbacks("replies").await.is_empty(), "the webhook replaces the account's URL");
}

#[tokio::test]
async fn one_text_goes_to_many_numbers_under_one_id() {
    let system = System::start().await;
    let phones = [PHONE, PHONE.nth(1), PHONE.nth(2)];
    let to: Vec<_> = phones.iter().map(|phone| json!(phone.parse::<u64>().unwrap())).collect();
    let text = with(with(message(&PHONE, "a"), "header", "h"), "footer", "f");
    let id = send(&system, &with(text, "subscribers", to)).await;
    let mut destinations = Vec::new();
    for phone in &phones {
        assert_eq!(system.until_handset(phone, 1).await[0]["text"], "h\na\nf");
        let is_own = |callback: &Callback| {
            let callback = callback.json();
            callback["destinationNumber"] == format!("+{phone}") && callback["status"] == "delivered"
        };
        let callback = system.until_callback_that("status", phone, is_own).await;
        assert_eq!(callback.json()["messageId"], id);
        destinations.push(callback.id().to_owned());
    }
    destinations.sort();
    destinations.dedup();
    assert_eq!(destinations.len(), 3, "each message has events of its own");
}

#[tokio::test]
async fn scheduled_request_is_sent_at_its_time() {
    let system = System::start().await;
    let at = (system.now().await + jiff::SignedDuration::from_hours(1)).strftime("%Y%m%dT%H%M%S-0000").to_string();
    let later = with(message(&PHONE, "Later"), "scheduledDate", at);
    send(&system, &with(later, "subscribers", json!([format!("+{PHONE}"), format!("+{}", PHONE.nth(1))]))).await;
    assert_eq!(system.newest().await.state(), "scheduled");
    system.advance_and_settle(3_000).await;
    assert!(system.handset(&PHONE).await.is_empty(), "ten minutes early");
    system.advance(700).await;
    for phone in [PHONE, PHONE.nth(1)] {
        assert_eq!(system.until_handset(&phone, 1).await[0]["text"], "Later");
    }
}

#[tokio::test]
async fn dry_run_answers_and_sends_nothing() {
    let system = System::start().await;
    let dry = |body: &Value| system.request(Method::POST, "/v3/send?isDryrun=true").bearer_auth(DEMO).json(body);
    let answered = answer(dry(&message(&PHONE, &"x".repeat(161)))).await;
    assert_eq!((number(&answered) > 0, &answered.body["data"]["segments"]), (true, &json!(2)));
    assert_eq!(answer(dry(&with(message(&PHONE, "x"), "longcodeId", 7))).await.status, 403);
    system.until_idle().await;
    assert_eq!(system.get(DEMO, "/messages").await.body, json!({"messages": []}));
}
