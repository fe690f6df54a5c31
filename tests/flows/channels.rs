//! Channels that give way to the next, and carriers to the next of their route:
//! one message, one delivery, whatever fails on the way.

mod races;

use local::{config::Config, emulator::EmulatorOptions};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    cm,
    system::{DEMO, System, answer, owned, with},
};

const PHONE: &str = "447700900071";
/// How long a channel's receipt is waited for.
const RECEIPT_TIMEOUT_SECONDS: u64 = 300;

/// A message of a CM client that may go over these channels.
fn message_over(channels: &[&str]) -> Value {
    with(with(cm::message(PHONE, "Hello"), "allowedChannels", channels), "reference", "order-7")
}

/// What that phone does on some of its channels.
async fn set_behavior(system: &System, channels: Value) {
    let set = system.request(Method::PUT, &format!("/handsets/{PHONE}/channels")).json(&channels);
    assert!(set.send().await.unwrap().status().is_success());
}

/// Sends a message and gives its id.
async fn send(system: &System, message: Value) -> Value {
    let answered = cm::post(system, &[message]).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    system.get(DEMO, "/messages?limit=1").await.body["messages"][0]["id"].clone()
}

/// Waits until the message has been handed over on that channel, and gives it.
async fn until_submitted_on(system: &System, id: &Value, channel: &str) -> Value {
    system
        .until(&format!("{id} is at {channel}"), async || {
            let message = system.message(id).await;
            (message["state"] == "submitted" && message["channel"] == channel).then_some(message)
        })
        .await
}

/// Brings a status report as CM.com does, about the submit of that place.
async fn report(system: &System, id: &Value, channel_index: u8, code: &str) {
    let message = id.as_str().unwrap().parse::<shared::domain::MessageId>().unwrap();
    let reference = shared::domain::SubmitReference { message, channel_index }.to_string();
    let status = json!({"code": code, "errorCode": if code == "3" { "5" } else { "" }, "errorDescription": ""});
    let msg = json!({"received": "2026-01-01T09:30:00", "to": format!("00{PHONE}"), "reference": reference,
        "status": status, "operator": ""});
    system.deliver_cm_report(&msg).await;
}

/// The codes that the client was told, with the channel of each.
async fn callbacks(system: &System) -> Vec<(String, String)> {
    system.until_queues_empty().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let reports =
        system.sink_requests("status").await.into_iter().map(|report| report["json"]["messages"]["msg"].clone());
    reports.map(|msg| (text(&msg["status"]["code"]), text(&msg["channel"]))).collect()
}

/// Channel, carrier and end of each that gave way.
fn failed_attempts(message: &Value) -> Vec<String> {
    let failed_attempts = message["failed_attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words = |one: &Value| ["channel", "carrier", "outcome"].map(|key| one[key].as_str().unwrap_or("-").to_owned());
    failed_attempts.iter().map(|one| words(one).join(" ")).collect()
}

/// A configuration in which nothing answers at CM.com's address.
async fn cm_is_down() -> String {
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    Config::DEFAULT.replace("[carriers.cm]\n", &format!("[carriers.cm]\nendpoint = \"http://{free}/\"\n"))
}

#[tokio::test]
async fn whatsapp_fails_over_to_rcs_and_sms_with_one_delivery() {
    for (what, ended) in [("rejects", "rejected"), ("fails", "failed"), ("silent", "receipt_timeout"), ("down", "busy")]
    {
        let config = if what == "down" { cm_is_down().await } else { Config::DEFAULT.to_owned() };
        let system = System::with_config(&config).await;
        if what != "down" {
            set_behavior(&system, json!({"whatsapp": what, "rcs": what})).await;
        }
        let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
        if what == "silent" {
            for channel in ["whatsapp", "rcs"] {
                until_submitted_on(&system, &id, channel).await;
                system.advance(RECEIPT_TIMEOUT_SECONDS - 60).await;
                system.until_only_delayed().await;
                assert_eq!(system.message(&id).await["channel"], channel, "it has time left");
                system.advance(60).await;
            }
        }
        let message = system.until_state(&id, "delivered").await;
        assert_eq!(failed_attempts(&message), [format!("whatsapp cm {ended}"), format!("rcs cm {ended}")], "{what}");
        assert_eq!((&message["channel"], &message["carrier"]), (&"sms".into(), &"loopback".into()), "{what}");

        let shown = system.handset(PHONE).await;
        assert_eq!(shown.len(), 1, "{what}: {shown:?}");
        assert!(shown[0].get("channel").is_none(), "an SMS");
        let callbacks = callbacks(&system).await;
        assert_eq!(callbacks.last().unwrap(), &("2".to_owned(), "sms".to_owned()), "{what}: {callbacks:?}");
        assert_eq!(callbacks.iter().filter(|(code, _)| code == "0").count(), 1, "{what}: {callbacks:?}");
        assert_eq!(callbacks.len(), 2, "{what}: {callbacks:?}");
        // Nothing of it is left to be done.
        system.advance(25 * 3_600).await;
        system.until_queues_empty().await;
        assert_eq!((system.handset(PHONE).await.len(), system.message(&id).await), (1, message), "{what}");
    }
}

#[tokio::test]
async fn the_first_channel_that_delivers_is_the_last() {
    let system = System::start().await;
    let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((&message["channel"], &message["carrier"]), (&"whatsapp".into(), &"cm".into()));
    assert!(message.get("failed_attempts").is_none());
    system.advance(3 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_queues_empty().await;
    let shown = system.handset(PHONE).await;
    assert_eq!((shown.len(), &shown[0]["channel"]), (1, &"whatsapp".into()));
}

#[tokio::test]
async fn a_late_receipt_of_a_silent_channel_ends_the_search() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "silent", "rcs": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    until_submitted_on(&system, &id, "rcs").await;
    // A late failure of what was given up changes nothing.
    report(&system, &id, 0, "3").await;
    system.until_queues_empty().await;
    assert_eq!(until_submitted_on(&system, &id, "rcs").await["failed_attempts"].as_array().unwrap().len(), 1);

    report(&system, &id, 0, "2").await;
    assert_eq!(system.message(&id).await["state"], "delivered");
    system.advance(3 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_queues_empty().await;
    assert!(system.handset(PHONE).await.is_empty(), "no SMS follows");
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn repeated_failure_receipt_fails_over_once() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    let five = std::iter::repeat_with(|| report(&system, &id, 0, "3")).take(5);
    futures_util::future::join_all(five).await;
    let message = system.until_state(&id, "delivered").await;
    // A job that found the message held comes again when the lease is over.
    system.advance(91).await;
    system.until_queues_empty().await;
    assert_eq!(failed_attempts(&message), ["whatsapp cm failed"]);
    assert_eq!(system.handset(PHONE).await.len(), 1);
}

#[tokio::test]
async fn a_failure_that_is_faster_than_the_answer_waits_for_it() {
    let config = Config::DEFAULT.replace("timeout_ms = 3000", "timeout_ms = 1500");
    let options = EmulatorOptions { answer_delay: std::time::Duration::from_secs(20), ..EmulatorOptions::default() };
    let system = System::in_emulator(&config, options).await;
    let phone = "447700900811";
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "submitting").await;
    report(&system, &id, 0, "3").await;
    let at_sms = system
        .until("it is at SMS", async || {
            let message = system.message(&id).await;
            (message["channel"] == "sms").then_some(message)
        })
        .await;
    assert_eq!(failed_attempts(&at_sms), ["whatsapp cm failed"]);
    let shown = system.handset(phone).await;
    let sms = shown.iter().filter(|shown| shown.get("channel").is_none()).count();
    assert_eq!((shown.len(), sms), (2, 1), "{shown:?}");
}

#[tokio::test]
async fn unknown_outcome_fails_over_at_the_receipt_deadline() {
    let config = Config::DEFAULT.replace("timeout_ms = 3000", "timeout_ms = 300");
    let system = System::with_config(&config).await;
    let phone = "447700900811";
    let message = with(cm::message(phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "unknown").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    let message = system
        .until("the outcome over SMS is unknown, too", async || {
            let message = system.message(&id).await;
            (message["channel"] == "sms" && message["state"] == "unknown").then_some(message)
        })
        .await;
    assert_eq!(failed_attempts(&message), ["whatsapp cm receipt_timeout"]);
    // No channel is left, so it is not sent again.
    system.advance(25 * 3_600).await;
    system.until_state(&id, "failed").await;
    let shown = system.handset(phone).await;
    assert_eq!(shown.iter().filter(|shown| shown.get("channel").is_none()).count(), 1, "{shown:?}");
}

#[tokio::test]
async fn failure_of_the_last_channel_is_final() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "rejects", "sms": "fails"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    let message = system.until_state(&id, "undelivered").await;
    assert_eq!(failed_attempts(&message), ["whatsapp cm rejected"]);
    assert_eq!(callbacks(&system).await.last().unwrap(), &("3".to_owned(), "sms".to_owned()));

    set_behavior(&system, json!({"whatsapp": "fails", "sms": "rejects"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    let message = system.until_state(&id, "rejected").await;
    assert_eq!(failed_attempts(&message), ["whatsapp cm failed"]);
}

#[tokio::test]
async fn next_carrier_is_used_and_circuit_of_the_first_opens() {
    let routes = "[[routes]]\ncarriers = [\"cm\", \"loopback\"]\n";
    let config = with_routes(&cm_is_down().await, routes);
    let system = System::with_config(&config).await;
    let mut reasons = Vec::new();
    for index in 0..14 {
        let phone = format!("4477009000{index:02}");
        let id = system.send_one(DEMO, owned(&phone, "Hello")).await["messageUuid"].clone();
        let message = system.until_state(&id, "delivered").await;
        assert_eq!(failed_attempts(&message), ["sms cm busy"]);
        assert_eq!(message["attempts"], 1, "the same run goes on to the next carrier");
        reasons.push(message["failed_attempts"][0]["reason"].as_str().unwrap().to_owned());
    }
    let asked = reasons.iter().filter(|reason| *reason == "no connection to the carrier").count();
    assert!((10..14).contains(&asked), "it is left alone after ten failures: {reasons:?}");
}

#[tokio::test]
async fn refusal_of_one_carrier_tries_the_next() {
    let routes = "[[routes]]\nchannel = \"sms\"\nprefix = \"44\"\ncarriers = [\"cm\", \"loopback\"]\n";
    let system = System::with_config(&with_routes(Config::DEFAULT, routes)).await;
    // Refused by both.
    let id = system.send_one(DEMO, owned("447700900271", "Hello")).await["messageUuid"].clone();
    let message = system.until_state(&id, "rejected").await;
    assert_eq!(
        (failed_attempts(&message), &message["carrier"]),
        (vec!["sms cm rejected".to_owned()], &"loopback".into())
    );

    // No rule leads to the rest of the world, so it waits for one.
    let id = system.send_one(DEMO, owned("31612345678", "Hello")).await["messageUuid"].clone();
    let message = system
        .until("it was put back", async || {
            let message = system.message(&id).await;
            (message["history"].as_array().unwrap().len() > 2 && message["state"] == "queued").then_some(message)
        })
        .await;
    assert_eq!(message["history"][2]["reason"], "no route leads to a carrier");
}

#[tokio::test]
async fn content_goes_over_the_first_channel_that_can_show_it() {
    let system = System::start().await;
    let location = json!({"conversation": [{"location": {"searchQuery": "Breda"}}]});
    let rich = |channels: &[&str]| with(message_over(channels), "richContent", location.clone());
    let id = send(&system, rich(&["Viber", "RCS", "SMS"])).await;
    assert_eq!(system.until_state(&id, "delivered").await["channel"], "rcs");
    let shown = system.handset(PHONE).await;
    assert_eq!(shown[0]["content"]["conversation"][0]["location"]["searchQuery"], "Breda", "{shown:?}");

    set_behavior(&system, json!({"rcs": "rejects"})).await;
    let id = send(&system, rich(&["Viber", "RCS", "SMS"])).await;
    assert_eq!(system.until_state(&id, "delivered").await["channel"], "sms");
    let shown = system.handset(PHONE).await;
    assert_eq!((&shown[1]["text"], shown[1].get("content")), (&"Hello".into(), None));
}

#[tokio::test]
async fn message_of_a_crashed_worker_fails_over_at_its_deadline() {
    let system = System::start().await;
    let in_an_hour = (system.now().await + jiff::SignedDuration::from_hours(1)).to_string();
    let later = with(with(owned(PHONE, "Hello"), "send_at", in_an_hour), "channels", json!(["rcs", "sms"]));
    let id = system.send_one(DEMO, later).await["messageUuid"].clone();
    system.advance(3_600 - 120).await;
    // A worker takes it, and dies at once.
    let lease = (system.now().await.as_millisecond() + 60_000).to_string();
    let held = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}},
        "UpdateExpression": "SET #s = :s, #l = :l, #t = :t, #a = :a REMOVE wake_at, wake_shard",
        "ExpressionAttributeNames": {"#s": "state", "#l": "lease", "#t": "execution_id", "#a": "attempts"},
        "ExpressionAttributeValues": {":s": {"S": "submitting"}, ":l": {"N": lease}, ":t": {"S": "00000000000000ff"}, ":a": {"N": "1"}}});
    system.aws("DynamoDB_20120810.UpdateItem", &held).await;
    system.advance(120).await;
    system.enqueue(&[json!({"v": 1, "type": "submit", "message": id}).to_string()], 0).await;
    system.until_state(&id, "unknown").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(failed_attempts(&message), ["rcs - receipt_timeout"]);
    assert_eq!(message["channel"], "sms");
    assert_eq!(system.handset(PHONE).await.len(), 1);
}

/// The configuration with other routes, which stand at its end.
pub(crate) fn with_routes(config: &str, routes: &str) -> String {
    let (before, _) = config.split_once("[[routes]]").unwrap();
    format!("{before}{routes}")
}

#[tokio::test]
async fn a_phone_knows_no_other_channels() {
    let system = System::start().await;
    let set = system.request(Method::PUT, &format!("/handsets/{PHONE}/channels")).json(&json!({"fax": "rejects"}));
    let answered = answer(set).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert!(answered.body.to_string().contains("fax"), "{}", answered.body);
}
