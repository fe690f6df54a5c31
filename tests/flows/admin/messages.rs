//! `admin message list` and `admin message show`.

use reqwest::Method;
use serde_json::{Value, json};
use tests::Phone;

use super::{PHONE, admin, printed, read, refused};
use crate::{
    cm,
    system::{DEMO, OTHER, System, owned, shared, with},
};

#[tokio::test]
async fn message_is_shown_with_history_and_with_text_on_request() {
    let system = System::start().await;
    let message = with(owned(&PHONE, "A private matter"), "callback", system.sink("receipts"));
    let message = system.send_one(DEMO, message).await;
    let id = message["messageUuid"].as_str().unwrap();
    system.until_state(&message["messageUuid"], "delivered").await;
    let shown = &read(&system, &["message", "show", id]).await["message"];
    let states: Vec<_> = shown["history"].as_array().unwrap().iter().map(|change| &change["state"]).collect();
    assert_eq!(states, ["queued", "submitting", "submitted", "delivered"]);
    assert_eq!((&shown["account"], &shown["attempts"]), (&json!("demo"), &json!(1)));
    assert_eq!(shown["receipts"][0]["status"], "delivered");
    let text = printed(&system, &["message", "show", id]).await;
    assert!(!text.contains("private") && !text.contains("sinks") && text.contains("delivered"), "{text}");
    assert!(printed(&system, &["message", "show", id, "--reveal"]).await.contains("A private matter"));
    let missing = refused(&system, &["message", "show", "0197a3a0-0000-7000-8000-000000000001"]).await;
    assert!(missing.contains("no message or reply"), "{missing}");
}

#[tokio::test]
async fn message_is_shown_with_channels_attempts_and_expiry() {
    let system = System::start().await;
    let channels = system.request(Method::PUT, &format!("/handsets/{PHONE}/channels"));
    assert!(channels.json(&json!({"whatsapp": "rejects"})).send().await.unwrap().status().is_success());
    let message = with(cm::message(&PHONE, "Hello"), "allowedChannels", json!(["WhatsApp", "SMS"]));
    cm::post(&system, &[with(message, "validity", "2h")]).await;
    let id = system.get(DEMO, "/messages?limit=1").await.body["messages"][0]["id"].clone();
    system.until_state(&id, "delivered").await;

    let show = ["message", "show", id.as_str().unwrap()];
    let shown = &read(&system, &show).await["message"];
    assert_eq!((&shown["channel"], &shown["carrier"]), (&json!("sms"), &json!("loopback")));
    assert_eq!((&shown["channels"], &shown["next_retry_at"]), (&json!(["whatsapp", "sms"]), &Value::Null));
    assert!(shown["expires_at"].is_string(), "{shown}");
    let failed = &shown["failed_attempts"][0];
    let expected = [&json!("whatsapp"), &json!("cm"), &json!("rejected")];
    assert_eq!(["channel", "carrier", "outcome"].map(|field| &failed[field]), expected);
    let text = printed(&system, &show).await;
    for part in
        ["sms (of whatsapp, sms)", "loopback, as ", "expires", "FAILED ATTEMPT", failed["reason"].as_str().unwrap()]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("next retry"), "{text}");
}

#[tokio::test]
async fn message_at_a_busy_carrier_is_shown_with_its_next_retry() {
    let system = System::start().await;
    let id = system.send_one(DEMO, owned(&Phone::busy_twice(), "Hello")).await["messageUuid"].clone();
    let show = ["message", "show", id.as_str().unwrap()];
    let waiting = system
        .until("the message waits for a retry", async || {
            let shown = read(&system, &show).await["message"].take();
            (shown["state"] == "queued" && shown["attempts"] == 1).then_some(shown)
        })
        .await;
    let since = waiting["history"].as_array().unwrap().last().unwrap()["at"].as_str().unwrap();
    assert!(waiting["next_retry_at"].as_str().unwrap() > since, "{waiting}");
    for _ in 0..2 {
        system.advance(3).await;
        system.until_idle().await;
    }
    system.until_state(&id, "delivered").await;
    assert!(read(&system, &show).await["message"]["next_retry_at"].is_null());
}

#[tokio::test]
async fn messages_are_listed_by_number_state_and_account() {
    let system = System::start().await;
    assert_eq!(printed(&system, &["message", "list"]).await, "no messages");
    let sent = system.send_one(DEMO, owned(&PHONE, "A private matter")).await["messageUuid"].clone();
    system.until_state(&sent, "delivered").await;
    system.advance(1).await;
    system.reply(&PHONE, &"441234567890".into(), "My private answer").await;
    system.until_sink_requests("replies", 1).await;
    system.advance(1).await;
    system.send_one(OTHER, shared(&Phone::fails(), "Undelivered")).await;

    let listed = system
        .until("the last message is undelivered", async || {
            let listed = read(&system, &["message", "list"]).await["messages"].as_array().unwrap().clone();
            (listed[0]["state"] == "undelivered").then_some(listed)
        })
        .await;
    let field = |field: &'static str| listed.iter().map(|line| line[field].clone()).collect::<Vec<_>>();
    assert_eq!(field("account"), ["other", "demo", "demo"]);
    assert_eq!(field("direction"), ["out", "in", "out"]);
    assert_eq!(field("state")[1..], [Value::Null, json!("delivered")]);
    assert_eq!((&listed[2]["id"], &listed[2]["carrier"]), (&sent, &json!("loopback")));

    let count = async |filter: &[&str]| {
        let words = [&["message", "list"], filter].concat();
        read(&system, &words).await["messages"].as_array().unwrap().len()
    };
    assert_eq!(count(&["--to", &format!("+{PHONE}")]).await, 2);
    assert_eq!(count(&["--to", &PHONE, "--state", "delivered"]).await, 1);
    assert_eq!(count(&["--to", &PHONE, "--sender", "441234567890"]).await, 2);
    assert_eq!(count(&["--sender", "sender-id"]).await, 0);
    let by_number = admin(&system, &["message", "list", "--to", &PHONE]).await;
    assert!(by_number.err.contains("Messages from names are not searched"), "{by_number:?}");
    assert_eq!(count(&["--account", "other"]).await, 1);
    assert_eq!(count(&["--account", "other", "--to", &PHONE]).await, 0);
    let limited = admin(&system, &["message", "list", "--limit", "2"]).await;
    assert!(limited.out.lines().count() == 3 && limited.err.contains("may be more"), "{limited:?}");
    for wrong in [["--to", "me"], ["--state", "lost"], ["--limit", "0"], ["--account", "A B"]] {
        assert_eq!(admin(&system, &[&["message", "list"], &wrong[..]].concat()).await.code, 2, "{wrong:?}");
    }
    assert!(refused(&system, &["message", "list", "--account", "nobody"]).await.contains("no account nobody"));

    let text = printed(&system, &["message", "list"]).await;
    assert!(text.starts_with("CREATED") && text.lines().count() == 4, "{text}");
    assert!(!text.contains("private") && !text.contains(&*PHONE), "{text}");
    let revealed = printed(&system, &["message", "list", "--reveal"]).await;
    assert!(revealed.contains("My private answer") && revealed.contains(&*PHONE), "{revealed}");

    let reply = listed[1]["id"].as_str().unwrap();
    let shown = &read(&system, &["message", "show", reply]).await["reply"];
    assert_eq!((&shown["in_reply_to"], &shown["to"]), (&sent, &json!("441234567890")));
    assert!(!printed(&system, &["message", "show", reply]).await.contains("private"));
    assert!(printed(&system, &["message", "show", reply, "--reveal"]).await.contains("My private answer"));
}
