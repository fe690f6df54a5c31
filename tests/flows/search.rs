//! Search by number and sender: an account's messages to a number and the replies from it.

use jiff::SignedDuration;
use serde_json::Value;
use tests::{Phone, System};

use crate::{
    reading::{entries, ids, list, pages},
    system::{DEMO, OTHER, OWN_SENDER, RATE_LIMITED_SENDER, custom, owned, shared, with},
};

const PHONE: Phone = Phone::delivers();
const NAME: &str = "sender-id";

fn omits(page: &Value) -> Option<Vec<&str>> {
    Some(page["omits"].as_array()?.iter().map(|omitted| omitted.as_str().unwrap()).collect())
}

/// Sends this many messages in one request, for tomorrow, so that none is submitted.
async fn send_many(system: &System, sender: &str, to: impl Fn(usize) -> String, count: usize) {
    let at = tomorrow(system).await;
    let newer = |index| with(custom(sender, &to(index), "Newer"), "send_at", at.as_str());
    system.send_all(DEMO, (0..count).map(newer)).await;
}

async fn tomorrow(system: &System) -> String {
    (system.now().await + SignedDuration::from_hours(24)).to_string()
}

#[tokio::test]
async fn search_by_number_spans_senders_newest_first() {
    let system = System::start().await;
    let mut expected = Vec::new();
    let shared = shared(&PHONE, "Hello");
    for message in [owned(&PHONE, "Hello"), custom(RATE_LIMITED_SENDER, &PHONE, "Hello"), shared] {
        let sent = system.send_one(DEMO, message).await;
        system.until_state(&sent, "delivered").await;
        expected.push(sent.id.clone());
        system.advance(1).await;
        system.reply_from(&PHONE, &sent.sender, "Hello").await;
        let replies = system.until_callbacks("replies", expected.len().div_ceil(2)).await;
        expected.push(replies.last().unwrap().json()["mo_uuid"].as_str().unwrap().to_owned());
        system.advance(1).await;
    }
    expected.reverse();
    // Other numbers, and another account.
    system.send_one(DEMO, owned(&PHONE.nth(1), "Hello")).await;
    system.send_one(OTHER, self::shared(&PHONE, "Hello")).await;

    for limit in [1, 2, 3, 6, 100] {
        let pages = pages(&system, &format!("/messages?to={PHONE}&limit={limit}")).await;
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), expected, "{limit}");
    }
    let delivered = pages(&system, &format!("/messages?to={PHONE}&state=delivered&limit=1")).await;
    let messages: Vec<_> = expected.iter().skip(1).step_by(2).collect();
    assert_eq!(delivered.iter().flat_map(ids).collect::<Vec<_>>(), messages);
    let of_sender = pages(&system, &format!("/messages?to={PHONE}&sender={RATE_LIMITED_SENDER}&limit=1")).await;
    assert_eq!(of_sender.iter().flat_map(ids).collect::<Vec<_>>(), expected[2..4]);
}

#[tokio::test]
async fn search_by_number_is_not_lengthened_by_newer_messages() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&sent, "delivered").await;
    send_many(&system, OWN_SENDER, |index| format!("447911{index:06}"), 1_000).await;
    let found = list(&system, DEMO, &format!("/messages?to={PHONE}&state=delivered")).await;
    assert_eq!((ids(&found), &found["next"]), (vec![&*sent.id], &Value::Null));
}

#[tokio::test]
async fn conversation_is_not_lengthened_by_another_sender() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&sent, "delivered").await;
    system.advance(1).await;
    send_many(&system, NAME, |_| PHONE.to_string(), 10).await;
    send_many(&system, RATE_LIMITED_SENDER, |_| PHONE.to_string(), 300).await;
    system.reply_from(&PHONE, OWN_SENDER, "Who is this?").await;
    let reply = system.until_callback("replies").await.json().clone();
    assert_eq!(reply["message_uuid"], sent.id);
    for path in [format!("/conversations/{PHONE}?limit=2&sender="), format!("/messages?to={PHONE}&limit=2&sender=")] {
        let found = list(&system, DEMO, &format!("{path}{OWN_SENDER}")).await;
        assert_eq!(ids(&found), [&reply["mo_uuid"], &sent.id.clone().into()], "{path}");
    }
}

#[tokio::test]
async fn message_from_a_name_is_found_by_its_name() {
    let system = System::start().await;
    let named = system.send_one(DEMO, custom(NAME, &PHONE, "Hello")).await.id;
    system.advance(1).await;
    let elsewhere = system.send_one(DEMO, custom(NAME, &PHONE.nth(1), "Hello")).await.id;
    system.advance(1).await;
    let numbered = system.send_one(DEMO, owned(&PHONE, "Hello")).await.id;

    let found = list(&system, DEMO, &format!("/messages?to={PHONE}")).await;
    assert_eq!((ids(&found), omits(&found)), (vec![&*numbered], Some(vec!["messages_from_names"])));
    for (path, expected) in [
        (format!("/messages?to={PHONE}&sender={NAME}"), vec![&named]),
        (format!("/conversations/{PHONE}?sender={NAME}"), vec![&named]),
        (format!("/messages?sender={NAME}"), vec![&elsewhere, &named]),
        (format!("/messages?sender={OWN_SENDER}"), vec![&numbered]),
        ("/messages".to_owned(), vec![&numbered, &elsewhere, &named]),
        (format!("/messages?to={PHONE}&sender=sender-id-1"), vec![]),
    ] {
        let found = list(&system, DEMO, &path).await;
        assert_eq!((ids(&found), omits(&found)), (expected.iter().map(|id| id.as_str()).collect(), None), "{path}");
    }
    assert!(entries(&list(&system, OTHER, &format!("/messages?to={PHONE}&sender={NAME}")).await).is_empty());
}

#[tokio::test]
async fn scheduled_and_cancelled_messages_are_found_by_number() {
    let system = System::start().await;
    let message = with(owned(&PHONE, "Tomorrow"), "send_at", tomorrow(&system).await);
    let cancelled = system.send_one(DEMO, message.clone()).await;
    system.advance(1).await;
    let scheduled = system.send_one(DEMO, message).await;
    assert_eq!(system.cancel(&cancelled).await.status, 200);
    for (filter, expected) in [
        ("", vec![&*scheduled.id, &*cancelled.id]),
        ("&state=cancelled", vec![&*cancelled.id]),
        ("&state=read", vec![]),
    ] {
        assert_eq!(ids(&list(&system, DEMO, &format!("/messages?to={PHONE}{filter}")).await), expected, "{filter}");
    }
}
