//! Failover to the next channel, and to the next carrier in a route: whichever attempts fail, each message is
//! delivered once. Only a missing answer or receipt can lead to a second delivery.

mod races;

use local::emulator::EmulatorOptions;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use shared::domain::{Channel, MessageId, Route, SubmitReference};
use tests::{Callback, MessageView, Phone, System, TestConfig, route_to, unreachable_url};

use crate::{
    cm,
    system::{DEMO, answer, owned, with},
};

const PHONE: Phone = Phone::delivers();
/// Receipt deadline: after it the gateway fails over to the next channel.
const RECEIPT_TIMEOUT_SECONDS: u64 = 300;

/// Returns a message in CM.com's format that may go over these channels.
fn message_over(channels: &[&str]) -> Value {
    with(with(cm::message(&PHONE, "Hello"), "allowedChannels", channels), "reference", "order-7")
}

async fn set_behavior(system: &System, channels: Value) {
    system.set_channels(&PHONE, channels).await;
}

/// Sends a message in CM.com's format; returns its ID.
async fn send(system: &System, message: Value) -> String {
    let answered = cm::post(system, &[message]).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    system.newest().await.id().to_owned()
}

async fn until_submitted_on(system: &System, id: &str, channel: &str) -> MessageView {
    let is_submitted = |message: &MessageView| message.state() == "submitted" && message.channel() == channel;
    system.until_message(id, &format!("is submitted on {channel}"), is_submitted).await
}

/// Delivers a CM.com status report for the submit to one channel.
async fn report(system: &System, id: &str, channel_index: u8, code: &str) {
    let message = id.parse::<MessageId>().unwrap();
    let reference = SubmitReference { message, channel_index }.to_string();
    let status = json!({"code": code, "errorCode": if code == "3" { "5" } else { "" }, "errorDescription": ""});
    let msg = json!({"received": "2026-01-01T09:30:00", "to": PHONE.with_00(), "reference": reference,
        "status": status, "operator": ""});
    system.deliver_cm_report(&msg).await;
}

/// Returns the status codes in the status reports, each with its channel.
async fn reports(system: &System) -> Vec<(String, String)> {
    system.until_idle().await;
    let code_and_channel =
        |report: &Callback| (report.cm_code().to_owned(), report.cm_report()["channel"].as_str().unwrap().to_owned());
    system.callbacks("status").await.iter().map(code_and_channel).collect()
}

async fn cm_is_down() -> TestConfig {
    TestConfig::new().carrier_endpoint("cm", &unreachable_url().await)
}

#[tokio::test]
async fn whatsapp_fails_over_to_rcs_and_sms_with_one_delivery() {
    for (what, ended) in [("rejects", "rejected"), ("fails", "failed"), ("silent", "receipt_timeout"), ("down", "busy")]
    {
        let config = if what == "down" { cm_is_down().await } else { TestConfig::new() };
        let system = System::with_config(config).await;
        if what != "down" {
            set_behavior(&system, json!({"whatsapp": what, "rcs": what})).await;
        }
        let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
        if what == "silent" {
            for channel in ["whatsapp", "rcs"] {
                until_submitted_on(&system, &id, channel).await;
                system.advance(RECEIPT_TIMEOUT_SECONDS - 60).await;
                system.until_only_delayed().await;
                assert_eq!(system.message(&id).await.channel(), channel, "before its receipt deadline");
                system.advance(60).await;
            }
        }
        let message = system.until_state(&id, "delivered").await;
        assert_eq!(message.failed_attempts(), [format!("whatsapp cm {ended}"), format!("rcs cm {ended}")], "{what}");
        assert_eq!((message.channel(), message.carrier()), ("sms", "loopback"), "{what}");

        let shown = system.handset(&PHONE).await;
        assert_eq!(shown.len(), 1, "{what}: {shown:?}");
        assert!(shown[0].get("channel").is_none(), "an SMS");
        let reports = reports(&system).await;
        assert_eq!(reports.last().unwrap(), &("2".to_owned(), "sms".to_owned()), "{what}: {reports:?}");
        assert_eq!(reports.iter().filter(|(code, _)| code == "0").count(), 1, "{what}: {reports:?}");
        assert_eq!(reports.len(), 2, "{what}: {reports:?}");
        // A day later nothing has changed.
        system.advance(25 * 3_600).await;
        system.until_idle().await;
        assert_eq!((system.handset(&PHONE).await.len(), system.message(&id).await), (1, message), "{what}");
    }
}

#[tokio::test]
async fn no_channel_is_tried_after_a_delivery() {
    let system = System::start().await;
    let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!((message.channel(), message.carrier()), ("whatsapp", "cm"));
    assert!(message.get("failed_attempts").is_none());
    system.advance(3 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_idle().await;
    let shown = system.handset(&PHONE).await;
    assert_eq!((shown.len(), &shown[0]["channel"]), (1, &"whatsapp".into()));
}

#[tokio::test]
async fn late_delivery_by_an_earlier_channel_ends_failover() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "silent", "rcs": "silent"})).await;
    let id = send(&system, message_over(&["WhatsApp", "RCS", "SMS"])).await;
    until_submitted_on(&system, &id, "whatsapp").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    until_submitted_on(&system, &id, "rcs").await;
    // A late failure from the earlier channel is ignored.
    report(&system, &id, 0, "3").await;
    system.until_idle().await;
    assert_eq!(until_submitted_on(&system, &id, "rcs").await.failed_attempts().len(), 1);

    report(&system, &id, 0, "2").await;
    assert_eq!(system.message(&id).await.state(), "delivered");
    system.advance(3 * RECEIPT_TIMEOUT_SECONDS).await;
    system.until_idle().await;
    assert!(system.handset(&PHONE).await.is_empty(), "no SMS follows");
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
    // A job that found the message claimed is redelivered when the lease is over.
    system.advance(91).await;
    system.until_idle().await;
    assert_eq!(message.failed_attempts(), ["whatsapp cm failed"]);
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn failure_before_the_submit_answer_waits_for_it() {
    let config = TestConfig::new().carrier_timeout_ms(1_500);
    let options = EmulatorOptions { answer_delay: std::time::Duration::from_secs(20), ..EmulatorOptions::default() };
    let system = System::in_emulator(config, options).await;
    let phone = Phone::unanswered();
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "submitting").await;
    report(&system, &id, 0, "3").await;
    // The record is on SMS before the phone has the SMS: wait for the outcome of the submit.
    let is_unknown_on_sms = |message: &MessageView| message.channel() == "sms" && message.state() == "unknown";
    let at_sms = system.until_message(&id, "is unknown on SMS", is_unknown_on_sms).await;
    assert_eq!(at_sms.failed_attempts(), ["whatsapp cm failed"]);
    let shown = system.handset(&phone).await;
    let sms = shown.iter().filter(|shown| shown.get("channel").is_none()).count();
    assert_eq!((shown.len(), sms), (2, 1), "{shown:?}");
}

#[tokio::test]
async fn unknown_outcome_fails_over_at_the_receipt_deadline() {
    let system = System::with_config(TestConfig::new().carrier_timeout_ms(300)).await;
    let phone = Phone::unanswered();
    let message = with(cm::message(&phone, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    let id = send(&system, message).await;
    system.until_state(&id, "unknown").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    let is_unknown_on_sms = |message: &MessageView| message.channel() == "sms" && message.state() == "unknown";
    let message = system.until_message(&id, "is unknown on SMS, too", is_unknown_on_sms).await;
    assert_eq!(message.failed_attempts(), ["whatsapp cm receipt_timeout"]);
    // No channel is left, and the account does not resend, so the message fails after a day.
    system.advance(25 * 3_600).await;
    system.until_state(&id, "failed").await;
    let shown = system.handset(&phone).await;
    assert_eq!(shown.iter().filter(|shown| shown.get("channel").is_none()).count(), 1, "{shown:?}");
}

#[tokio::test]
async fn failure_of_the_last_channel_is_final() {
    let system = System::start().await;
    set_behavior(&system, json!({"whatsapp": "rejects", "sms": "fails"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    let message = system.until_state(&id, "undelivered").await;
    assert_eq!(message.failed_attempts(), ["whatsapp cm rejected"]);
    assert_eq!(reports(&system).await.last().unwrap(), &("3".to_owned(), "sms".to_owned()));

    set_behavior(&system, json!({"whatsapp": "fails", "sms": "rejects"})).await;
    let id = send(&system, message_over(&["WhatsApp", "SMS"])).await;
    let message = system.until_state(&id, "rejected").await;
    assert_eq!(message.failed_attempts(), ["whatsapp cm failed"]);
}

#[tokio::test]
async fn next_carrier_is_used_and_circuit_of_the_first_opens() {
    let config = cm_is_down().await.route_all_to(&["cm", "loopback"]);
    let system = System::with_config(config).await;
    let mut reasons = Vec::new();
    for index in 0..14 {
        let id = system.send_one(DEMO, owned(&PHONE.nth(index), "Hello")).await.id;
        let message = system.until_state(&id, "delivered").await;
        assert_eq!(message.failed_attempts(), ["sms cm busy"]);
        assert_eq!(message.attempts(), 1, "the same execution tries the next carrier");
        reasons.push(message["failed_attempts"][0]["reason"].as_str().unwrap().to_owned());
    }
    let called = reasons.iter().filter(|reason| *reason == "no connection to the carrier").count();
    assert!((10..14).contains(&called), "its circuit opens after ten failures: {reasons:?}");
}

#[tokio::test]
async fn refusal_of_one_carrier_tries_the_next() {
    let route =
        Route { channel: Some(Channel::Sms), prefix: Some("44".parse().unwrap()), ..route_to(&["cm", "loopback"]) };
    let system = System::with_config(TestConfig::new().routes([route])).await;
    // Both carriers reject it.
    let id = system.send_one(DEMO, owned(&Phone::rejects(), "Hello")).await.id;
    let message = system.until_state(&id, "rejected").await;
    assert_eq!((message.failed_attempts(), message.carrier()), (vec!["sms cm rejected".to_owned()], "loopback"));

    // No route matches this prefix, so the message waits for one.
    let id = system.send_one(DEMO, owned("31612345678", "Hello")).await.id;
    let is_put_back = |message: &MessageView| message.history().len() > 2 && message.state() == "queued";
    let message = system.until_message(&id, "is put back", is_put_back).await;
    assert_eq!(message.history()[2]["reason"], "no route leads to a carrier");
}

#[tokio::test]
async fn content_goes_over_the_first_channel_that_can_show_it() {
    let system = System::start().await;
    let location = json!({"conversation": [{"location": {"searchQuery": "Breda"}}]});
    let rich = |channels: &[&str]| with(message_over(channels), "richContent", location.clone());
    let id = send(&system, rich(&["Viber", "RCS", "SMS"])).await;
    assert_eq!(system.until_state(&id, "delivered").await.channel(), "rcs");
    let shown = system.handset(&PHONE).await;
    assert_eq!(shown[0]["content"]["conversation"][0]["location"]["searchQuery"], "Breda", "{shown:?}");

    set_behavior(&system, json!({"rcs": "rejects"})).await;
    let id = send(&system, rich(&["Viber", "RCS", "SMS"])).await;
    assert_eq!(system.until_state(&id, "delivered").await.channel(), "sms");
    let shown = system.handset(&PHONE).await;
    assert_eq!((&shown[1]["text"], shown[1].get("content")), (&"Hello".into(), None));
}

#[tokio::test]
async fn message_of_a_crashed_worker_fails_over_at_its_deadline() {
    let system = System::start().await;
    let in_an_hour = (system.now().await + jiff::SignedDuration::from_hours(1)).to_string();
    let later = with(with(owned(&PHONE, "Hello"), "send_at", in_an_hour), "channels", json!(["rcs", "sms"]));
    let id = system.send_one(DEMO, later).await.id;
    system.advance(3_600 - 120).await;
    // A worker claims it and dies at once.
    let lease = (system.now().await.as_millisecond() + 60_000).to_string();
    let names = json!({"#s": "state", "#l": "lease", "#t": "execution_id", "#a": "attempts"});
    let values =
        json!({":s": {"S": "submitting"}, ":l": {"N": lease}, ":t": {"S": "00000000000000ff"}, ":a": {"N": "1"}});
    let claim = "SET #s = :s, #l = :l, #t = :t, #a = :a REMOVE wake_at, wake_shard";
    system.update_message(&id, claim, &names, &values).await;
    system.advance(120).await;
    system.enqueue_submit(&id).await;
    system.until_state(&id, "unknown").await;
    system.advance(RECEIPT_TIMEOUT_SECONDS).await;
    let message = system.until_state(&id, "delivered").await;
    assert_eq!(message.failed_attempts(), ["rcs - receipt_timeout"]);
    assert_eq!(message.channel(), "sms");
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn emulated_phone_rejects_unknown_channels() {
    let system = System::start().await;
    let set = system.request(Method::PUT, &format!("/handsets/{PHONE}/channels")).json(&json!({"fax": "rejects"}));
    let answered = answer(set).await;
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    assert!(answered.body.to_string().contains("fax"), "{}", answered.body);
}
