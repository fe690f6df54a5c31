//! A receipt counts from its own time: the carrier's, or else that of its arrival, however late it is matched.

use jiff::{SignedDuration, Timestamp};

use super::{
    DEMO, PHONE_WITHOUT_RECEIPT, System, Value, json, message, new_message_id, receipt, until_none_unmatched, with,
};
use crate::cm;

fn at(change: &Value) -> Timestamp {
    change["at"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn late_match_has_the_time_of_arrival() {
    let system = System::start().await;
    let (name, id) = new_message_id();
    let before = system.now().await;
    system.deliver_receipt(&receipt(&id, "delivered")).await;
    let arrived = system.now().await;
    system.send_one(DEMO, message(&system, name)).await;
    system.until_state(&id, "submitted").await;
    system.advance(60).await;
    let shown = system.until_state(&id, "delivered").await;
    assert_eq!(shown.states(), ["queued", "submitting", "submitted", "delivered"], "after its submit");
    let delivered = at(&shown.history()[3]);
    assert_eq!(delivered, at(&shown.history()[2]), "the receipt came shortly before the submit");
    assert!(before < delivered && delivered < arrived + SignedDuration::from_secs(30), "{delivered}");
    until_none_unmatched(&system).await;
}

#[tokio::test]
async fn reported_time_counts_unless_it_is_ahead() {
    let system = System::start().await;
    for (reported, expected) in [(-60, -60), (3_600, 0)] {
        cm::post(&system, &[cm::message(&PHONE_WITHOUT_RECEIPT, "Hello")]).await;
        let id = system.newest().await.id().to_owned();
        let submitted_at = at(system.until_state(&id, "submitted").await.history().last().unwrap());
        system.advance(300).await;
        let now = system.now().await;
        let time = now + SignedDuration::from_secs(reported);
        let fields = with(receipt(&id, "delivered"), "at", time.to_string());
        system.deliver_receipt(&fields).await;
        let shown = system.until_state(&id, "delivered").await;
        let delivered = at(shown.history().last().unwrap());
        let difference = delivered.duration_since(now + SignedDuration::from_secs(expected)).abs();
        assert!(difference < SignedDuration::from_secs(20), "{reported}: {delivered} at {now}");
        assert!(delivered > submitted_at);
        let is_delivery =
            |report: &tests::Callback| report.cm_code() == "2" && report.cm_report()["received"].is_string();
        let report = system.until_callback_that("status", "the delivery", is_delivery).await;
        if reported < 0 {
            let received = report.cm_report()["received"].as_str().unwrap().to_owned();
            assert_eq!(received, delivered.strftime("%Y-%m-%dT%H:%M:%S").to_string());
        }
    }
}

#[tokio::test]
async fn report_matched_after_hours_tells_its_own_time() {
    let system = System::start().await;
    cm::post(&system, &[cm::message(&PHONE_WITHOUT_RECEIPT, "Hello")]).await;
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "submitted").await;
    system.advance(120).await;
    // The message's record is unknown for some hours, as after a restore.
    let item = system.scan("MessagesTable").await.into_iter().find(|item| item["id"]["S"] == *id).unwrap();
    let key = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}}});
    system.aws("DynamoDB_20120810.DeleteItem", &key).await;
    let arrived = system.now().await;
    system.deliver_receipt(&json!({"reference": id, "status": "delivered"})).await;
    system.put_item("MessagesTable", item).await;
    system.advance(3_600).await;
    let shown = system.until_state(&id, "delivered").await;
    let delivered = at(shown.history().last().unwrap());
    assert!(delivered.duration_since(arrived).abs() < SignedDuration::from_secs(20), "{delivered} at {arrived}");
    let report = system.until_callback_that("status", "the delivery", |report| report.cm_code() == "2").await;
    assert_eq!(report.cm_report()["received"], delivered.strftime("%Y-%m-%dT%H:%M:%S").to_string());
}
