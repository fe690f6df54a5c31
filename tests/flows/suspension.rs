//! The kill switch: a suspended account, a revoked key, and a sender taken away.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    domain::{ExecutionId, MessageId},
    gateway::{Part, connect_gateway},
    store::{Change, Lease, Messages},
};
use strum::VariantArray;
use tests::{Phone, TestConfig};

use crate::{
    admin::{admin, printed, read, refused},
    system::{DEMO, DEMO_ACCOUNT, OTHER, OWN_SENDER, POOL_SENDER, System, answer, custom, owned, shared, with},
};

const PHONE: Phone = Phone::delivers().nth(20);

async fn in_hours(system: &System, hours: i64) -> String {
    system.now().await.checked_add(SignedDuration::from_hours(hours)).unwrap().to_string()
}

async fn suspend(system: &System) {
    printed(system, &["account", "suspend", DEMO_ACCOUNT]).await;
    // From now on the functions' caches show it.
    system.advance_and_settle(31).await;
}

#[tokio::test]
async fn nothing_is_submitted_from_the_suspension_to_the_resumption() {
    let system = System::start().await;
    let messages = [
        with(owned(&PHONE, "Scheduled"), "send_at", in_hours(&system, 1).await),
        with(shared(&PHONE.nth(1), "Over a shared sender"), "send_at", in_hours(&system, 2).await),
    ];
    let messages = system.send_all(DEMO, messages).await;
    // The workers have the account in their caches.
    system.until_state(&system.send_one(DEMO, owned(&PHONE.nth(2), "Before")).await, "delivered").await;
    printed(&system, &["account", "suspend", DEMO_ACCOUNT]).await;
    // The function `send` accepts for up to 30 seconds more, but nothing goes.
    let late = system.send_one(DEMO, owned(&PHONE.nth(3), "Late")).await;
    system.until_idle().await;
    for _ in 0..4 {
        system.advance_and_settle(3_600).await;
    }
    for (phone, message) in [(PHONE, &messages[0]), (PHONE.nth(1), &messages[1]), (PHONE.nth(3), &late)] {
        assert!(system.texts(&phone).await.is_empty());
        let held = system.message(message).await;
        assert_eq!((held.state(), held.attempts()), ("queued", 0), "{held:?}");
    }
    let resumed = read(&system, &["account", "resume", DEMO_ACCOUNT]).await;
    assert_eq!(resumed["enqueued"], 3);
    for message in messages.iter().chain([&late]) {
        system.until_state(message, "delivered").await;
    }
    assert_eq!(system.texts(&PHONE).await, ["Scheduled"]);
}

/// A retry of the claim was applied, and its first attempt arrives after the message was held. The outcome would become
/// unknown, because no worker has that claim.
#[tokio::test]
async fn late_attempt_of_a_claim_takes_no_held_message() {
    let system = System::start().await;
    let gateway = connect_gateway(&system.environment(), Part::VARIANTS).unwrap();
    let accepted = system.send_one(DEMO, with(owned(&PHONE, "Later"), "send_at", in_hours(&system, 1).await)).await;
    let (id, due) = (accepted.id.parse::<MessageId>().unwrap(), system.now().await + SignedDuration::from_hours(1));
    let until = due + SignedDuration::from_secs(60);
    let lease = |execution| Lease { execution_id: ExecutionId::new(execution), from: due, until };
    let Ok(Change::Applied(claimed)) = gateway.store.claim(id, lease(7)).await else { panic!("not claimed") };
    let held = gateway.store.hold(&claimed, ExecutionId::new(7), until).await;
    assert!(matches!(held, Ok(Change::Applied(_))));
    assert!(matches!(gateway.store.claim(id, lease(7)).await, Ok(Change::Conflict(_))));
    assert_eq!(system.message(&accepted).await.state(), "queued");
    assert!(matches!(gateway.store.claim(id, lease(8)).await, Ok(Change::Applied(_))));
}

#[tokio::test]
async fn held_message_goes_without_the_operators_walk_too() {
    let system = System::start().await;
    let message = with(owned(&PHONE, "Later"), "send_at", in_hours(&system, 1).await);
    let message = system.send_one(DEMO, message).await;
    suspend(&system).await;
    system.advance_and_settle(2 * 3_600).await;
    assert_eq!(system.message(&message).await.state(), "queued");
    // As if the command had died after its first write.
    let account = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": "account#demo"}},
        "UpdateExpression": "REMOVE suspended_at"});
    system.aws("DynamoDB_20120810.UpdateItem", &account).await;
    system.advance_and_settle(24 * 3_600).await;
    system.until_state(&message, "delivered").await;
}

#[tokio::test]
async fn suspended_account_gets_its_callbacks_after_the_resumption() {
    let system = System::start().await;
    let sink = system.sink("held");
    let message = with(owned(&Phone::delivers_without_receipt(), "Hello"), "callback", sink);
    let message = system.send_one(DEMO, message).await;
    system.until_state(&message, "submitted").await;
    suspend(&system).await;
    let before = system.callbacks("held").await.len();
    system.deliver_receipt(&json!({"reference": message.id, "status": "delivered"})).await;
    system.reply_from(&Phone::delivers_without_receipt(), OWN_SENDER, "I am here").await;
    // Both are recorded, and even a week later the callbacks are not lost.
    system.until_state(&message, "delivered").await;
    for _ in 0..9 {
        system.advance(24 * 3_600).await;
    }
    let entries = system.get(DEMO, "/messages").await.body["messages"].as_array().unwrap().clone();
    assert!(entries.iter().any(|entry| entry["direction"] == "in"), "{entries:?}");
    assert_eq!((system.callbacks("held").await.len(), system.callbacks("replies").await.len()), (before, 0));
    printed(&system, &["account", "resume", DEMO_ACCOUNT]).await;
    system.advance(16 * 60).await;
    system.until_callbacks("held", before + 1).await;
    system.until_callbacks("replies", 1).await;
}

#[tokio::test]
async fn validity_goes_on_running() {
    let system = System::start().await;
    // The function `send` has the account in its cache, so it accepts for up to 30 seconds more.
    system.until_state(&system.send_one(DEMO, owned(&PHONE.nth(1), "Before")).await, "delivered").await;
    printed(&system, &["account", "suspend", DEMO_ACCOUNT]).await;
    let body = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [{
        "from": OWN_SENDER, "to": [{"number": format!("00{}", &*PHONE)}], "body": {"content": "Soon over"},
        "validity": "2H",
    }]}});
    let accepted = answer(system.request(Method::POST, "/v1.0/message").json(&body)).await;
    assert_eq!(accepted.status, StatusCode::OK, "{}", accepted.body);
    let page = system.get(DEMO, "/messages").await;
    let id = page.body["messages"][0]["id"].as_str().unwrap().to_owned();
    system.advance_and_settle(3_600).await;
    assert_eq!(system.message(id.as_str()).await.state(), "queued");
    system.advance(2 * 3_600).await;
    system.until_state(id.as_str(), "expired").await;
    printed(&system, &["account", "resume", DEMO_ACCOUNT]).await;
    system.advance_and_settle(3_600).await;
    assert!(system.texts(&PHONE).await.is_empty());
}

#[tokio::test]
async fn suspended_account_is_refused_in_every_dialect() {
    let system = System::start().await;
    suspend(&system).await;
    let refused = system.post(DEMO, &json!({"messages": [owned(&PHONE, "Hello")]})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (403, &json!("urn:problem:account-suspended")));
    let number = format!("00{}", &*PHONE);
    let cm = json!({"messages": {"authentication": {"productToken": DEMO}, "msg": [
        {"from": OWN_SENDER, "to": [{"number": number}], "body": {"content": "Hello"}}
    ]}});
    let mta = json!({"subscribers": [&*PHONE], "message": "Hello"});
    let messangi = json!({"from": OWN_SENDER, "to": &*PHONE, "text": "Hello"});
    let webhook = json!({"url": system.sink("evil"), "event": "message-reply", "secret": "leaked"});
    for (method, path, body, field, words) in [
        (Method::POST, "/v1.0/message", cm, "details", "The account is suspended"),
        (Method::POST, "/v3/send", mta, "message", "The account is suspended"),
        (Method::POST, "/raven/v2/messages", messangi, "error", "ACCOUNT_SUSPENDED"),
        (Method::POST, "/v3/webhooks", webhook, "name", "MTAForbiddenError"),
    ] {
        let refused = answer(system.request(method, path).bearer_auth(DEMO).json(&body)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.body);
        let found = refused.body[field].as_str().or(refused.body[field]["code"].as_str());
        assert_eq!(found, Some(words), "{path}: {}", refused.body);
    }
    let line = system
        .client
        .get(system.url(&format!("/gateway.ashx?producttoken={DEMO}&from={OWN_SENDER}&to={number}&body=Hello")));
    assert!(line.send().await.unwrap().text().await.unwrap().contains("The account is suspended"));
    // The client may still read, cancel, and protect a recipient.
    assert_eq!(system.get(DEMO, "/messages").await.status, StatusCode::OK);
    let opted_out = system.request(Method::POST, "/v3/unsubscribes").bearer_auth(DEMO);
    let opted_out = answer(opted_out.json(&json!({"number": &*PHONE}))).await;
    assert_eq!(opted_out.status, StatusCode::OK, "{}", opted_out.body);
}

#[tokio::test]
async fn scheduled_message_from_a_lost_sender_is_rejected() {
    let system = System::start().await;
    let message = with(owned(&PHONE, "Later"), "send_at", in_hours(&system, 1).await);
    let message = system.send_one(DEMO, message).await;
    printed(&system, &["sender", "remove", OWN_SENDER]).await;
    system.advance_and_settle(3_600).await;
    let rejected = system.message(&message).await;
    assert_eq!((rejected.state(), rejected.last_reason()), ("rejected", "the account no longer owns the sender ID"));
    assert!(system.texts(&PHONE).await.is_empty());
}

#[tokio::test]
async fn messages_of_a_leaked_key_are_cancelled_and_others_stay() {
    let system = System::start().await;
    let leaked = printed(&system, &["key", "issue", DEMO_ACCOUNT]).await;
    let keys = read(&system, &["key", "list", DEMO_ACCOUNT]).await;
    let is_new = |key: &&Value| key["created_at"].is_string();
    let key_id = keys["keys"].as_array().unwrap().iter().find(is_new).unwrap()["id"].as_str().unwrap().to_owned();
    let since = system.now().await.to_string();
    let at = in_hours(&system, 48).await;
    let of = |text: &str| with(owned(&PHONE, text), "send_at", at.clone());
    let ours = system.send_one(DEMO, of("Ours")).await;
    let theirs = system.send_all(&leaked, (0..150).map(|index| of(&format!("Theirs {index}")))).await;
    let sent = system.send_one(&leaked, custom(OWN_SENDER, &PHONE.nth(1), "Sent")).await;
    system.until_state(&sent, "delivered").await;
    printed(&system, &["key", "revoke", DEMO_ACCOUNT, &key_id]).await;

    let words = ["message", "cancel", "--account", DEMO_ACCOUNT, "--key", &key_id, "--since", &since];
    let counted = admin(&system, &words).await;
    assert_eq!(counted.code, 2, "{}", counted.err);
    assert!(counted.err.contains("It would cancel 150 messages of demo"), "{}", counted.err);
    let words = [&words[..], &["--yes"]].concat();
    assert_eq!(read(&system, &words).await, json!({"cancelled": 150, "too_late": 0}));
    assert_eq!(read(&system, &words).await, json!({"cancelled": 0, "too_late": 0}));
    for (message, state) in [(&theirs[0], "cancelled"), (&theirs[149], "cancelled"), (&ours, "scheduled")] {
        assert_eq!(system.message(message).await.state(), state);
    }
    let shown = read(&system, &["message", "show", &theirs[0].id]).await;
    assert_eq!(shown["message"]["key"], key_id);
    let backwards = ["--until", "2020-01-01T00:00:00Z"];
    assert_eq!(admin(&system, &[&words[..], &backwards].concat()).await.code, 2);
}

#[tokio::test]
async fn tool_shows_a_suspension_and_refuses_unknown_accounts() {
    let system = System::start().await;
    for command in ["suspend", "resume"] {
        assert!(refused(&system, &["account", command, "nobody"]).await.contains("there is no account nobody"));
    }
    let since = read(&system, &["account", "suspend", DEMO_ACCOUNT]).await["suspended_at"].clone();
    system.advance(60).await;
    // A second suspension does not change since when it holds.
    assert_eq!(read(&system, &["account", "suspend", DEMO_ACCOUNT]).await["suspended_at"], since);
    assert_eq!(read(&system, &["account", "show", DEMO_ACCOUNT]).await["account"]["suspended_at"], since);
    assert!(printed(&system, &["account", "list"]).await.contains(since.as_str().unwrap()));
    printed(&system, &["account", "resume", DEMO_ACCOUNT]).await;
    assert_eq!(read(&system, &["account", "show", DEMO_ACCOUNT]).await["account"]["suspended_at"], Value::Null);
}

#[tokio::test]
async fn suspension_does_not_use_up_a_shared_sender() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let message = with(shared(&PHONE, "Later"), "send_at", in_hours(&system, 1).await);
    system.send_one(DEMO, message).await;
    suspend(&system).await;
    system.advance_and_settle(2 * 3_600).await;
    system.send_one(OTHER, shared(&PHONE, "Theirs")).await;
    system.until_handset(&PHONE, 1).await;
}
