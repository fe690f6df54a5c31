//! Replies with more than a text, without a phone number, late, or to a message named by the carrier.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use shared::domain::Dialect;
use strum::IntoEnumIterator;

use tests::{
    Callback, Phone, System,
    clients::{ClientMessage, client, main_format},
    webhook_path,
};

use crate::system::{DEMO, OTHER, OTHER_SENDER as THEIRS, OWN_SENDER as OURS, POOL_SENDER, owned, shared, with};

const PHONE: Phone = Phone::delivers();

/// Returns a reply from CM.com, to the second.
fn of_cm(message: Value, at: Timestamp) -> Value {
    json!({
        "from": {"number": format!("00{PHONE}"), "name": "Ann"}, "to": {"number": format!("00{OURS}")},
        "message": message, "reference": "", "groupings": ["", "", ""],
        "timeUtc": at.strftime("%Y-%m-%dT%H:%M:%S").to_string(), "channel": "WhatsApp",
    })
}

fn of_loopback(id: &str, from: &str, to: &str, at: Timestamp) -> Value {
    json!({"id": id, "from": from, "to": to, "text": "Hi", "at": at.to_string()})
}

async fn deliver_by_cm(system: &System, reply: &Value) {
    system.deliver_webhook(&webhook_path("mo", "cm"), reply).await;
}

/// Sends a message in the dialect, so that replies are reported in it.
async fn send_in(system: &System, dialect: Dialect) {
    let callback = system.sink("status");
    let message = ClientMessage::new(OURS, &PHONE, "Hello", &callback);
    let request = (main_format(dialect).request)(DEMO, &[message]);
    let (status, answer) = system.send_request(&request).await;
    assert_eq!(status, 200, "{answer}");
    system.until_handset(&PHONE, 1).await;
}

/// Returns the recorded replies, newest first.
async fn on_record(system: &System) -> Vec<Value> {
    let page = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
    page["messages"].as_array().unwrap().iter().filter(|entry| entry["direction"] == "in").cloned().collect()
}

#[tokio::test]
async fn ten_photos_in_one_second_are_ten_replies() {
    for dialect in Dialect::iter() {
        let system = System::start().await;
        send_in(&system, dialect).await;
        let at = system.now().await;
        let urls: Vec<_> = (0..10).map(|index| format!("https://media.example/{index}.jpg")).collect();
        for url in urls.iter().chain(&urls) {
            let media = json!({"mediaUri": url, "contentType": "image/jpeg", "title": ""});
            deliver_by_cm(&system, &of_cm(json!({"text": "", "media": media, "custom": {}}), at)).await;
        }
        system.until_idle().await;
        let callbacks = system.callbacks("replies").await;
        let mut files: Vec<_> =
            callbacks.iter().flat_map(|callback| (client(dialect).files)(callback.json())).collect();
        files.sort_unstable();
        assert_eq!(files, urls, "{dialect:?}");
        let events: BTreeSet<_> = callbacks.iter().map(Callback::id).collect();
        assert_eq!((callbacks.len(), events.len()), (10, 10), "{dialect:?}");
        assert_eq!(on_record(&system).await.len(), 10, "{dialect:?}");
    }
}

#[tokio::test]
async fn every_content_reaches_the_client_and_the_views() {
    let photo = json!({"mediaUri": "https://media.example/1.jpg", "contentType": "image/jpeg", "title": "p1"});
    let nothing = json!({"mediaUri": "", "contentType": "", "title": ""});
    let location = json!({"location": {"latitude": 51.603_802, "longitude": 4.770_821, "label": "Office"}});
    let contacts =
        json!({"contacts": [{"name": {"formatted_name": "Ann Example"}, "addresses": [{"zip": "1234 AB"}]}]});
    let button = json!({"interactive": {"type": "button_reply", "button_reply": {"id": "confirm-7", "title": "Yes"}}});
    let contents = [
        json!({"text": "See this", "media": photo, "custom": {}}),
        json!({"text": "", "media": nothing, "custom": location}),
        json!({"text": "", "media": nothing, "custom": contacts}),
        json!({"text": "Yes", "media": nothing, "custom": button}),
    ];
    for dialect in Dialect::iter() {
        let system = System::start().await;
        send_in(&system, dialect).await;
        for (index, content) in contents.iter().enumerate() {
            deliver_by_cm(&system, &of_cm(content.clone(), system.now().await)).await;
            let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
            let shown = on_record(&system).await.swap_remove(0);
            let (text, custom) = (&content["text"], &content["custom"]);
            assert_eq!((&shown["body"], &shown["from_name"]), (text, &json!("Ann")), "{shown}");
            assert_eq!(shown.get("custom"), Some(custom).filter(|custom| **custom != json!({})), "{shown}");
            let files = json!([{"url": "https://media.example/1.jpg", "content_type": "image/jpeg", "name": "p1"}]);
            let files = (content["media"] == photo).then_some(&files);
            assert_eq!(shown.get("media"), files, "{shown}");
            match dialect {
                Dialect::Cm => {
                    assert_eq!(
                        (&callback["message"], &callback["from"]["name"]),
                        (content, &json!("Ann")),
                        "{callback}"
                    );
                }
                Dialect::Messangi => {
                    let extra = &callback["extraInfo"];
                    let sender = json!({"profile": {"name": "Ann"}, "wa_id": &*PHONE});
                    assert_eq!((&callback["text"], &extra["contacts"][0]), (text, &sender), "{callback}");
                    let urls: Vec<_> = files.iter().map(|files| files[0]["url"].as_str().unwrap()).collect();
                    assert_eq!((client(dialect).files)(&callback), urls, "{callback}");
                    let is_contact = custom.get("contacts").is_some();
                    assert_eq!(extra.get("custom"), shown.get("custom").filter(|_| !is_contact), "{callback}");
                    let name = &extra["contacts"][1]["profile"]["name"];
                    assert_eq!(*name, if is_contact { json!("Ann Example") } else { Value::Null }, "{callback}");
                }
                Dialect::Mta => {
                    let urls: Vec<_> = files.iter().map(|files| files[0]["url"].as_str().unwrap()).collect();
                    assert_eq!((&callback["message"], &callback["fromName"]), (text, &json!("Ann")), "{callback}");
                    assert_eq!(callback.get("custom"), shown.get("custom"), "{callback}");
                    assert_eq!((client(dialect).files)(&callback), urls, "{callback}");
                }
                Dialect::Mplus => {
                    assert_eq!((&callback["message"], callback.get("media")), (text, files), "{callback}");
                    assert_eq!(
                        (callback.get("custom"), &callback["from_name"]),
                        (shown.get("custom"), &json!("Ann")),
                        "{callback}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn carrier_names_the_answered_message() {
    let system = System::start().await;
    let first = system.send_one(DEMO, owned(&PHONE, "Monday?")).await;
    system.until_handset(&PHONE, 1).await;
    let second = system.send_one(DEMO, owned(&PHONE, "Tuesday?")).await;
    system.until_handset(&PHONE, 2).await;
    let theirs =
        system.send_one(OTHER, with(owned(&PHONE, "Theirs"), "from", json!({"type": "custom", "value": THEIRS}))).await;
    let to_another = system.send_one(DEMO, owned(&PHONE.nth(1), "Not to this phone")).await;
    let named = |id: &str| id.replace('-', "");
    for (index, (reference, answered)) in [
        (named(&first.id), &first),
        (named(&second.id), &second),
        (String::new(), &second),
        ("a reference of someone else".to_owned(), &second),
        (named(&theirs.id), &second),
        (named(&to_another.id), &second),
        (named("0197a3a0-0000-7000-8000-000000000001"), &second),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = with(of_cm(json!({"text": "Yes"}), system.now().await), "reference", reference.as_str());
        deliver_by_cm(&system, &reply).await;
        let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
        assert_eq!(
            (&callback["message_uuid"], &callback["batch_uuid"]),
            (&json!(answered.id), &json!(answered.batch)),
            "{reference}"
        );
        assert_eq!(on_record(&system).await[0]["in_reply_to"], answered.id, "{reference}");
    }
}

#[tokio::test]
async fn reply_from_a_name_or_short_code_is_reported_as_text() {
    for dialect in Dialect::iter() {
        let system = System::start().await;
        send_in(&system, dialect).await;
        let now = system.now().await;
        for (index, written) in ["72404", "Example", "urn:mbid:AQAAY9s"].into_iter().enumerate() {
            system.deliver_reply(&of_loopback(&format!("r{index}"), written, OURS, now)).await;
            let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
            let from = match dialect {
                Dialect::Mplus => &callback["from"],
                Dialect::Cm => &callback["from"]["number"],
                Dialect::Messangi => &callback["user"],
                Dialect::Mta => &callback["fromNumber"],
            };
            assert_eq!(*from, written, "{callback}");
        }
        let log = system.get(DEMO, "/messages").await.body;
        assert_eq!(log["messages"].as_array().unwrap().iter().filter(|entry| entry["direction"] == "in").count(), 3);
        assert!(on_record(&system).await.is_empty());
    }
}

#[tokio::test]
async fn originator_without_a_number_is_unmatched_at_a_shared_sender() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, shared(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    let now = system.now().await;
    let replies = [of_loopback("1", "72404", &sent.sender, now), of_loopback("2", "72404", POOL_SENDER, now)];
    for reply in &replies {
        system.deliver_reply(reply).await;
    }
    // A word that would be a STOP from a phone.
    system.deliver_reply(&with(of_loopback("3", "Example", OURS, now), "text", "STOP")).await;
    assert_eq!(system.until_callback("replies").await.json()["message"], "STOP");
    system.until_idle().await;
    assert_eq!(system.unmatched("reply").await.len(), 2);
}

#[tokio::test]
async fn late_reply_has_its_own_time_and_answered_message() {
    let system = System::start().await;
    let first = system.send_one(DEMO, owned(&PHONE, "First")).await;
    system.until_handset(&PHONE, 1).await;
    let between = system.now().await + 10.minutes();
    system.advance(3_600).await;
    let second = system.send_one(DEMO, owned(&PHONE, "Second")).await;
    system.until_handset(&PHONE, 2).await;
    let now = system.now().await;
    for (index, (at, is_own, answered)) in [
        (between, true, Some(&first.id)),
        (between - 20.minutes(), true, None),
        (now + 2.hours(), false, Some(&second.id)),
        (now - (24 * 40).hours(), false, Some(&second.id)),
    ]
    .into_iter()
    .enumerate()
    {
        system.deliver_reply(&of_loopback(&format!("r{index}"), &PHONE, OURS, at)).await;
        let callback = system.until_callbacks("replies", index + 1).await.remove(index).into_json();
        assert_eq!(callback["message_uuid"].as_str(), answered.map(String::as_str), "{at}");
        let reported_at: Timestamp = callback["at"].as_str().unwrap().parse().unwrap();
        let expected = if is_own { at } else { now };
        assert!(reported_at.duration_since(expected).abs().as_secs() < 60, "{at}: {callback}");
        let shown = on_record(&system).await;
        assert!(shown.iter().any(|entry| entry["created_at"] == callback["at"]), "{at}: {shown:?}");
    }
}

#[tokio::test]
async fn late_reply_to_a_shared_sender_is_reported_without_message() {
    let system = System::start().await;
    let written = system.now().await;
    system.advance(3_600).await;
    let sent = system.send_one(DEMO, shared(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.deliver_reply(&of_loopback("late", &PHONE, &sent.sender, written)).await;
    let late = system.until_callback("replies").await.into_json();
    assert!(late["message_uuid"].is_null(), "{late}");
    system.deliver_reply(&of_loopback("prompt", &PHONE, &sent.sender, system.now().await)).await;
    let prompt = system.until_callbacks("replies", 2).await.remove(1).into_json();
    assert_eq!(prompt["message_uuid"], sent.id);
    system.until_idle().await;
    assert!(system.unmatched("reply").await.is_empty());
}
