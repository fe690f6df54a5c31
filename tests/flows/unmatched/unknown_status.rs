//! Receipts of a status unknown to this release: kept, listed, and never applied.

use super::{
    DAY, DEMO, PHONE_WITHOUT_RECEIPT, StatusCode, System, Value, integer, items, json, owned, read, receipts_path,
};
use crate::admin::printed;

async fn submitted(system: &System) -> String {
    let id = system.send_one(DEMO, owned(&PHONE_WITHOUT_RECEIPT, "Hello")).await.id;
    system.until_state(&id, "submitted").await;
    id
}

#[tokio::test]
async fn receipt_of_unknown_status_is_kept_and_changes_nothing() {
    let system = System::start().await;
    let id = submitted(&system).await;
    let before = system.message(&id).await;
    let receipt = json!({"id": "c-1", "reference": id, "status": "lost 447911123456", "code": "7"});
    system.deliver_receipt(&receipt).await;
    system.deliver_receipt(&receipt).await;
    assert_eq!(system.message(&id).await, before);
    let listed = read(&system, &["unmatched", "list"]).await["unmatched"].clone();
    let one = &listed[0];
    assert_eq!((listed.as_array().unwrap().len(), &one["reason"]), (1, &"unknown status lost …".into()), "{listed}");
    assert_eq!((&one["next_try"], &one["tries"]), (&Value::Null, &0.into()), "{listed}");
    assert!(printed(&system, &["unmatched", "list"]).await.contains("unknown status lost …"));

    system.advance(DAY).await;
    system.until_idle().await;
    assert_eq!(integer(&items(&system).await[0], "tries"), Some(0), "it is not retried by itself");
    assert_eq!(read(&system, &["unmatched", "replay"]).await["replaying"], 1);
    system.until_idle().await;
    let item = &items(&system).await[0];
    assert_eq!((integer(item, "tries"), integer(item, "wake_at")), (Some(1), None));
    assert_eq!(integer(item, "expires_at").unwrap() - integer(item, "at").unwrap() / 1_000, 7 * 86_400);
    assert_eq!(system.message(&id).await, before);
}

/// A release that knows the status sees the same stored body, so we change the status in it.
#[tokio::test]
async fn replay_applies_a_status_that_became_known() {
    let system = System::start().await;
    let id = submitted(&system).await;
    system.deliver_receipt(&json!({"id": "c-1", "reference": id, "status": "arrived"})).await;
    let arrived = system.now().await;
    let mut item = items(&system).await.remove(0);
    let payload = item["payload"]["S"].as_str().unwrap().replace("arrived", "delivered");
    item["payload"]["S"] = payload.into();
    system.put_item("MessagesTable", item).await;
    system.advance(3_600).await;
    read(&system, &["unmatched", "replay"]).await;
    let message = system.until_state(&id, "delivered").await;
    let at: jiff::Timestamp = message.history().last().unwrap()["at"].as_str().unwrap().parse().unwrap();
    assert!(at <= arrived, "{at} instead of the arrival before {arrived}");
    assert_eq!(read(&system, &["unmatched", "list"]).await["unmatched"], json!([]));
}

#[tokio::test]
async fn report_of_unknown_status_blocks_no_other_and_is_accepted() {
    let system = System::start().await;
    let id = submitted(&system).await;
    let of_cm = json!({"messages": {"msg": [
        {"reference": "another's", "status": {"code": "9"}},
        {"reference": id.replace('-', ""), "status": {"code": 5}},
    ]}});
    system.deliver_webhook(&tests::webhook_path("dlr", "cm"), &of_cm).await;
    for body in [
        format!("<MESSAGES><MSG><REFERENCE>{id}</REFERENCE><STATUS><CODE>x</CODE></STATUS></MSG></MESSAGES>"),
        format!("id:{} stat:SKIPPED", id.replace('-', "")),
    ] {
        let answer =
            crate::system::answer(system.request(reqwest::Method::POST, &tests::webhook_path("dlr", "cm")).body(body));
        assert_eq!(answer.await.status, StatusCode::OK);
    }
    let all = read(&system, &["unmatched", "list"]).await["unmatched"].clone();
    let mut reasons: Vec<_> = all.as_array().unwrap().iter().map(|one| one["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["unknown status 5", "unknown status 9", "unknown status SKIPPED", "unknown status x"]);
    assert_eq!(system.message(&id).await.state(), "submitted");
    for nameless in [json!({"status": "eaten"}), json!({"id": "c-1"}), json!({"id": "c-1", "status": " "})] {
        let refused = system.post_webhook(&receipts_path(), &nameless).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{nameless}");
    }
}
