//! Reading: an account sees its own messages and replies, and no other account's.

use std::collections::HashSet;

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use tests::{Phone, System};

use crate::system::{DEMO, OTHER, OWN_SENDER, owned, shared};

const PHONE: Phone = Phone::delivers();

pub(crate) fn entries(page: &Value) -> &Vec<Value> {
    page["messages"].as_array().unwrap()
}

pub(crate) fn ids(page: &Value) -> Vec<&str> {
    entries(page).iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

fn time(written: &Value) -> Timestamp {
    written.as_str().unwrap().parse().unwrap()
}

pub(crate) async fn list(system: &System, key: &str, path: &str) -> Value {
    let answer = system.get(key, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
    answer.body
}

pub(crate) async fn pages(system: &System, path: &str) -> Vec<Value> {
    let mut pages = vec![list(system, DEMO, path).await];
    while let Some(cursor) = pages.last().unwrap()["next"].as_str() {
        pages.push(list(system, DEMO, &format!("{path}&cursor={cursor}")).await);
    }
    pages
}

#[tokio::test]
async fn message_is_shown_with_its_fields_and_history() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Grüße 🙂")).await;
    let shown = system.until_state(&sent, "delivered").await;
    assert_eq!(shown["direction"], "out");
    assert_eq!((shown.id(), &shown["batch"]), (&*sent.id, &json!(sent.batch)));
    assert_eq!((&shown["to"], &shown["from"]), (&PHONE.into(), &OWN_SENDER.into()));
    assert_eq!((&shown["body"], &shown["segments"]), (&"Grüße 🙂".into(), &1.into()));
    assert_eq!((shown.carrier(), shown.attempts()), ("loopback", 1));
    assert!(!shown.carrier_id().is_empty() && shown["encoding"].is_string(), "{shown}");
    let history = shown.history();
    assert!(history.is_sorted_by_key(|moment| time(&moment["at"])), "{shown}");
    assert_eq!(history[0]["at"], shown["created_at"]);
    let plain = system.send_one(DEMO, owned(&PHONE, "Plain")).await;
    assert_ne!(system.message(&plain).await["encoding"], shown["encoding"]);
}

#[tokio::test]
async fn foreign_or_malformed_message_id_is_not_found() {
    let system = System::start().await;
    let sent = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
    system.until_state(&sent, "delivered").await;
    let unknown = uuid::Uuid::new_v4().to_string();
    for (key, id) in [(OTHER, &*sent.id), (DEMO, "42"), (DEMO, "%00"), (DEMO, "x%2Fy"), (DEMO, unknown.as_str())] {
        let path = format!("/messages/{id}");
        assert_eq!(system.get(key, &path).await.status, StatusCode::NOT_FOUND, "GET {path}");
        assert_eq!(system.delete(key, &path).await.status, StatusCode::NOT_FOUND, "DELETE {path}");
    }
}

#[tokio::test]
async fn pages_hold_every_entry_once_newest_first() {
    let system = System::start().await;
    let batch: Vec<_> = (0..13).map(|last| owned(&PHONE.nth(last), "Hello")).collect();
    let mut expected: HashSet<String> = HashSet::new();
    for messages in [&batch[..1], &batch[1..9], &batch[9..]] {
        for sent in system.send_all(DEMO, messages.iter().cloned()).await {
            expected.insert(sent.id);
        }
        system.reply_from(&PHONE, OWN_SENDER, "Hello").await;
    }
    for reply in system.until_callbacks("replies", 3).await {
        expected.insert(reply.json()["mo_uuid"].as_str().unwrap().to_owned());
    }
    for limit in [1, 3, 8, 16, 100] {
        let pages = pages(&system, &format!("/messages?limit={limit}")).await;
        assert!(pages.iter().all(|page| entries(page).len() <= limit));
        let found: Vec<_> = pages.iter().flat_map(ids).collect();
        assert_eq!(found.len(), expected.len(), "limit {limit}");
        assert_eq!(found.iter().copied().collect::<HashSet<_>>(), expected.iter().map(String::as_str).collect());
        let all: Vec<_> = pages.iter().flat_map(entries).collect();
        assert!(all.iter().rev().is_sorted_by_key(|entry| time(&entry["created_at"])));
        assert_eq!(all.iter().filter(|entry| entry["direction"] == "in").count(), 3);
    }
    assert_eq!(ids(&list(&system, DEMO, "/messages").await).len(), expected.len());
    assert!(entries(&list(&system, OTHER, "/messages").await).is_empty());
}

#[tokio::test]
async fn a_list_is_filtered_by_state_and_number() {
    let system = System::start().await;
    let rejected = system.send_one(DEMO, owned(&Phone::rejects(), "Hello")).await.id;
    let delivered = system.send_one(DEMO, owned(&PHONE, "Hello")).await.id;
    system.until_state(&rejected, "rejected").await;
    system.until_state(&delivered, "delivered").await;
    system.reply_from(&PHONE, OWN_SENDER, "Hello").await;
    let reply = system.until_callback("replies").await.json()["mo_uuid"].as_str().unwrap().to_owned();

    assert_eq!(ids(&list(&system, DEMO, "/messages?state=rejected").await), [&rejected]);
    assert_eq!(ids(&list(&system, DEMO, "/messages?state=delivered").await), [&delivered]);
    assert!(entries(&list(&system, DEMO, "/messages?state=read").await).is_empty());
    for written in [format!("{PHONE}"), format!("+{PHONE}"), format!("%2B{PHONE}"), PHONE.with_00()] {
        let found = list(&system, DEMO, &format!("/messages?to={written}")).await;
        assert_eq!(ids(&found), [&reply, &delivered], "{written}");
    }
    let both = list(&system, DEMO, &format!("/messages?state=delivered&to={}", Phone::rejects())).await;
    assert!(entries(&both).is_empty());
    let page = pages(&system, &format!("/messages?to={PHONE}&limit=1")).await;
    assert_eq!(page.iter().flat_map(ids).collect::<Vec<_>>(), [&reply, &delivered]);
}

#[tokio::test]
async fn malformed_parameter_is_rejected_by_name() {
    let system = System::start().await;
    for (path, fields) in [
        ("/messages?state=eaten", vec!["state"]),
        ("/messages?state=", vec!["state"]),
        ("/messages?cursor=nonsense", vec!["cursor"]),
        ("/messages?cursor=!", vec!["cursor"]),
        ("/messages?limit=0", vec!["limit"]),
        ("/messages?limit=101", vec!["limit"]),
        ("/messages?limit=-1", vec!["limit"]),
        ("/messages?limit=many", vec!["limit"]),
        ("/messages?to=me", vec!["to"]),
        ("/messages?sender=%23", vec!["sender"]),
        ("/messages?state=eaten&to=me&sender=%23&cursor=!&limit=0", vec!["state", "to", "sender", "cursor", "limit"]),
        ("/conversations/me", vec!["number"]),
        ("/conversations/447700900010?sender=%23&limit=0", vec!["sender", "limit"]),
    ] {
        let refused = system.get(DEMO, path).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        let named: Vec<_> = refused.body["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert_eq!(named, fields, "{path}");
    }
}

#[tokio::test]
async fn old_messages_are_found_until_their_retention_ends() {
    let system = System::start().await;
    let mut sent = Vec::new();
    for _ in 0..3 {
        let message = system.send_one(DEMO, owned(&PHONE, "Hello")).await;
        sent.insert(0, message.id.clone());
        system.until_state(&sent[0], "delivered").await;
        system.advance(29 * 86_400).await;
    }
    assert_eq!(ids(&list(&system, DEMO, "/messages").await), sent);
    for path in ["/messages?limit=1", "/messages?limit=2", &format!("/messages?to={PHONE}&limit=2")] {
        let pages = pages(&system, path).await;
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), sent, "{path}");
    }
    system.advance(5 * 86_400).await;
    assert_eq!(ids(&list(&system, DEMO, "/messages").await), sent[..2], "after 90 days");
}

#[tokio::test]
async fn conversation_shows_both_sides_of_one_sender() {
    let system = System::start().await;
    let first = system.send_one(DEMO, shared(&PHONE, "Hello")).await;
    system.until_handset(&PHONE, 1).await;
    system.reply_from(&PHONE, &first.sender, "Who is this?").await;
    system.until_callbacks("replies", 1).await;
    let second = system.send_one(DEMO, shared(&PHONE, "Us")).await;
    let on_own_number = system.send_one(DEMO, owned(&PHONE, "Us too")).await;
    let others = system.send_one(OTHER, shared(&PHONE, "Another company")).await;

    for written in [format!("{PHONE}"), format!("+{PHONE}"), format!("%2B{PHONE}"), PHONE.with_00()] {
        let conversation = list(&system, DEMO, &format!("/conversations/{written}")).await;
        let said: Vec<_> = entries(&conversation).iter().map(|entry| (&entry["direction"], &entry["body"])).collect();
        let out = &Value::from("out");
        let expected = [(out, &"Us".into()), (&"in".into(), &"Who is this?".into()), (out, &"Hello".into())];
        assert_eq!(said, expected, "{written}");
        assert_eq!(entries(&conversation)[1]["in_reply_to"], first.id);
    }
    let newest = list(&system, DEMO, &format!("/conversations/{PHONE}?limit=1")).await;
    assert_eq!(ids(&newest), [&second.id]);
    let pages = pages(&system, &format!("/conversations/{PHONE}?limit=2")).await;
    assert_eq!(pages.iter().flat_map(ids).count(), 3);

    for sender in [OWN_SENDER, "%2B441234567890", "+441234567890"] {
        let owned = list(&system, DEMO, &format!("/conversations/{PHONE}?sender={sender}")).await;
        assert_eq!(ids(&owned), [&on_own_number.id], "{sender}");
    }
    assert_eq!(ids(&list(&system, OTHER, &format!("/conversations/{PHONE}")).await), [&others.id]);
    for sender in [OWN_SENDER, &first.sender] {
        let foreign = list(&system, OTHER, &format!("/conversations/{PHONE}?sender={sender}")).await;
        assert!(entries(&foreign).is_empty(), "{sender}");
    }
    assert!(entries(&list(&system, DEMO, &format!("/conversations/{}", PHONE.nth(99))).await).is_empty());
}

#[tokio::test]
async fn listed_receipt_codes_include_those_of_callbacks() {
    let system = System::start().await;
    let codes = list(&system, DEMO, "/dr-responses").await;
    let codes: Vec<_> = codes.as_array().unwrap().iter().map(|code| code["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["00", "22", "23", "24", "25", "26"]);
    for path in ["/dr-responses", "/messages", "/messages/42", "/conversations/447700900010"] {
        let refused = system.get("no-key", path).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
