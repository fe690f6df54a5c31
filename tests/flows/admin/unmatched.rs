//! `admin unmatched`: unmatched receipts and replies are listed and retried.

use serde_json::{Value, json};

use super::{PHONE, admin, printed, read};
use crate::system::System;

const UNASSIGNED_SENDER: &str = "441110000001";

async fn deliver_unmatched_reply(system: &System) -> Value {
    let body = json!({"id": "mo-1", "from": &PHONE, "to": UNASSIGNED_SENDER, "text": "Are you\nthere?"});
    system.deliver_reply(&body).await;
    body
}

#[tokio::test]
async fn unmatched_items_are_listed_with_texts_only_on_request() {
    let system = System::start().await;
    assert_eq!(printed(&system, &["unmatched", "list"]).await, "no unmatched receipts or replies");
    let body = deliver_unmatched_reply(&system).await;
    let nameless = json!({"id": "c-2", "status": "delivered"});
    system.deliver_receipt(&nameless).await;
    let status = json!({"code": "2", "errorCode": "", "errorDescription": ""});
    let msg = json!({"received": "2026-01-01T09:30:00", "to": format!("00{PHONE}"),
        "reference": uuid::Uuid::new_v4().simple().to_string(), "status": status, "operator": ""});
    system.deliver_cm_report(&msg).await;

    let all = read(&system, &["unmatched", "list"]).await["unmatched"].as_array().unwrap().clone();
    let what: Vec<_> =
        all.iter().map(|one| (one["kind"].as_str().unwrap(), one["carrier"].as_str().unwrap())).collect();
    assert_eq!(what, [("reply", "loopback"), ("receipt", "loopback"), ("receipt", "cm")], "oldest first");
    assert!(all[0]["next_try"].is_string() && all[1]["next_try"].is_null() && all[2]["next_try"].is_string());
    assert!(all.iter().all(|one| one["tries"] == 0 && one["since"].is_string() && one.get("payload").is_none()));

    let count = async |words: &[&str]| read(&system, words).await["unmatched"].as_array().unwrap().len();
    assert_eq!(count(&["unmatched", "list", "--kind", "receipt"]).await, 2);
    assert_eq!(count(&["unmatched", "list", "--carrier", "cm"]).await, 1);
    assert_eq!(count(&["unmatched", "list", "--kind", "reply", "--carrier", "cm"]).await, 0);
    for words in [["unmatched", "list", "--kind", "letter"], ["unmatched", "list", "--carrier", "Pigeon"]] {
        assert_eq!(admin(&system, &words).await.code, 2);
    }

    let text = printed(&system, &["unmatched", "list"]).await;
    assert!(
        text.starts_with("KIND     CARRIER   SINCE") && text.contains("REASON") && text.lines().count() == 4,
        "{text}"
    );
    assert!(!text.contains(&*PHONE) && !text.contains("there"), "{text}");
    let revealed = printed(&system, &["unmatched", "list", "--reveal"]).await;
    assert!(revealed.contains(&*PHONE) && revealed.lines().count() == 4, "{revealed}");
    let revealed = read(&system, &["unmatched", "list", "--kind", "reply", "--reveal"]).await;
    assert_eq!(serde_json::from_str::<Value>(revealed["unmatched"][0]["payload"].as_str().unwrap()).unwrap(), body);

    system.advance(60).await;
    let tried = system.until("both were retried", async || {
        let all = read(&system, &["unmatched", "list"]).await["unmatched"].as_array().unwrap().clone();
        let tries: Vec<_> = all.iter().map(|one| one["tries"].as_u64().unwrap()).collect();
        (tries.iter().sum::<u64>() == 2).then_some(tries)
    });
    assert_eq!(tried.await, [1, 0, 1]);
}

#[tokio::test]
async fn operator_can_retry_unmatched_items_at_once() {
    let system = System::start().await;
    deliver_unmatched_reply(&system).await;
    assert_eq!(read(&system, &["unmatched", "replay"]).await["replaying"], 1);
    system.until_idle().await;
    assert_eq!(
        read(&system, &["unmatched", "list"]).await["unmatched"][0]["tries"],
        1,
        "no account has the sender yet"
    );

    printed(&system, &["sender", "add", UNASSIGNED_SENDER, "--account", "demo"]).await;
    // The functions cache a missing sender for 30 seconds.
    system.advance(31).await;
    assert_eq!(read(&system, &["unmatched", "replay"]).await["replaying"], 1);
    let callback = &system.until_sink_requests("replies", 1).await[0]["json"];
    assert_eq!(callback["message"], "Are you\nthere?");
    system.until_idle().await;
    assert_eq!(read(&system, &["unmatched", "list"]).await["unmatched"], json!([]));
    assert_eq!(read(&system, &["unmatched", "replay"]).await["replaying"], 0);
}
