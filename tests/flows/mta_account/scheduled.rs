//! Scheduled requests: a client lists, reads and cancels them.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::domain::{BatchId, MessageId, RequestNumber, Tags};
use tests::{Phone, System};

use super::{call, data, failure, post, read, send_numbered};
use crate::system::{Answer, DEMO, DEMO_ACCOUNT, OTHER, OWN_SENDER};

const PHONE: Phone = Phone::delivers();
const PATH: &str = "/v3/scheduled";
const IN_SECONDS: u64 = 8 * 3_600;

/// Schedules a request, and returns its number.
async fn schedule(system: &System, phones: &[&str], hours: i64) -> u64 {
    let at = system.now().await + SignedDuration::from_hours(hours);
    send_numbered(system, phones, |draft| {
        draft.send_at = Some(at);
        draft.reference = "order 7".parse().ok();
        draft.tags = Tags::parse([("k".to_owned(), "v".to_owned())].into()).unwrap();
    })
    .await
}

async fn cancel(system: &System, key: &str, number: u64) -> Answer {
    call(system, key, Method::POST, &format!("{PATH}/{number}"), &json!({})).await
}

async fn numbers(system: &System) -> Vec<u64> {
    let listed = read(system, PATH).await;
    let rows = listed["rows"].as_array().unwrap();
    assert_eq!(listed["total"], rows.len());
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn scheduled_request_is_listed_until_it_is_sent() {
    let system = System::start().await;
    let later = schedule(&system, &[&PHONE, &PHONE.nth(1)], 8).await;
    let sooner = schedule(&system, &[&PHONE.nth(2)], 7).await;
    let at = (system.now().await + SignedDuration::from_hours(8)).to_string();
    let batch = json!({"from": OWN_SENDER, "message": "x", "destinations": [PHONE], "send_at": at});
    let batch = post(&system, "/batch", &batch).await.body["identifier"].clone();
    assert_eq!(numbers(&system).await, [sooner, later], "a batch of another dialect is not among them");
    let batches = system.get(DEMO, "/batch").await.body["batches"].clone();
    assert_eq!((batches.as_array().unwrap().len(), &batches[0]["identifier"]), (1, &batch));

    let record = read(&system, &format!("{PATH}/{sooner}")).await;
    let expected = json!({"id": sooner, "accountId": null, "numberIds": null, "subscriberIds": null, "groupIds": null,
        "allSubscribers": 0, "message": "Hello, all", "url": null, "scheduledDate": record["scheduledDate"],
        "timestamp": record["timestamp"], "repeatMessage": null, "repeatDays": null, "header": null, "footer": null,
        "threadId": PHONE.nth(2).parse::<u64>().unwrap(), "isMMS": false,
        "longcodeId": OWN_SENDER.parse::<u64>().unwrap(), "longcode": format!("+{OWN_SENDER}"),
        "externalId": "order 7", "tags": {"k": "v"}, "recipientCount": 1});
    assert_eq!(record, expected);
    let listed = read(&system, &format!("{PATH}?pageSize=1")).await;
    assert_eq!((&listed["rows"], &listed["total"], &listed["page"]), (&json!([record]), &json!(2), &json!(0)));
    let second = read(&system, &format!("{PATH}?pageSize=1&page=1")).await["rows"][0].clone();
    assert_eq!(
        (&second["id"], &second["recipientCount"], &second["threadId"]),
        (&json!(later), &json!(2), &Value::Null)
    );
    assert_eq!(read(&system, "/v3/deliveries?status=scheduled").await["total"], 4);
    failure(system.get(DEMO, &format!("{PATH}?page=x")).await, 400);

    system.advance(IN_SECONDS + 60).await;
    system.until_handset(&PHONE.nth(2), 1).await;
    assert_eq!(numbers(&system).await, [0; 0]);
    failure(system.get(DEMO, &format!("{PATH}/{sooner}")).await, 404);
    let words = failure(cancel(&system, DEMO, sooner).await, 409);
    assert!(words.contains("Nothing is left to cancel"), "{words}");
}

#[tokio::test]
async fn cancelled_request_is_not_sent_and_only_its_account_may() {
    let system = System::start().await;
    let number = schedule(&system, &[&PHONE, &PHONE.nth(1)], 8).await;
    let kept = schedule(&system, &[&PHONE.nth(2)], 8).await;
    assert_eq!(data(system.get(OTHER, PATH).await)["total"], 0);
    failure(system.get(OTHER, &format!("{PATH}/{number}")).await, 404);
    failure(cancel(&system, OTHER, number).await, 404);
    assert_eq!(numbers(&system).await.len(), 2);

    let counts = json!({"id": number, "cancelled": 2, "tooLate": 0});
    for _ in 0..2 {
        assert_eq!(data(cancel(&system, DEMO, number).await), counts);
        assert_eq!(numbers(&system).await, [kept]);
        failure(system.get(DEMO, &format!("{PATH}/{number}")).await, 404);
    }
    system.advance(IN_SECONDS + 60).await;
    system.until_handset(&PHONE.nth(2), 1).await;
    system.until_idle().await;
    for phone in [PHONE, PHONE.nth(1)] {
        assert!(system.texts(&phone).await.is_empty());
    }
    assert_eq!(read(&system, "/v3/deliveries?status=cancelled").await["total"], 2);
}

#[tokio::test]
async fn request_that_is_still_being_stored_is_cancelled_by_a_repeat() {
    let system = System::start().await;
    let number = schedule(&system, &[&PHONE, &PHONE.nth(1)], 8).await;
    let account = DEMO_ACCOUNT.parse().unwrap();
    let batch = BatchId::of_number(&account, RequestNumber::new(number).unwrap());
    let second = MessageId::of_batch(&account, batch, 1).to_string();
    let key = json!({"TableName": "MessagesTable", "Key": {"id": {"S": second}}});
    system.aws("DynamoDB_20120810.DeleteItem", &key).await;
    let early = cancel(&system, DEMO, number).await;
    assert!(failure(early, 503).contains("Cancel it again"));
    system.advance(120).await;
    let cancelled = cancel(&system, DEMO, number).await;
    assert_eq!((cancelled.status, &cancelled.body["data"]["cancelled"]), (StatusCode::OK, &json!(1)));
    assert_eq!(numbers(&system).await, [0; 0]);
}
