//! Batches of Cymba Messaging Plus: one text to many recipients, listed, read and cancelled.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{Phone, System};
use uuid::Uuid;

use crate::system::{Answer, DEMO, OTHER, OWN_SENDER, answer, owned, with};

const HOURS: i64 = 8;
const IN_SECONDS: u64 = 8 * 3_600;

fn batch(phones: &[String]) -> Value {
    json!({"from": OWN_SENDER, "message": "Hello, all", "destinations": phones})
}

fn phones(count: usize) -> Vec<String> {
    (0..count).map(|index| Phone::delivers().nth(index).to_string()).collect()
}

async fn post(system: &System, query: &str, batch: &Value) -> Answer {
    answer(system.request(Method::POST, &format!("/batch{query}")).bearer_auth(DEMO).json(batch)).await
}

/// Posts a batch that is accepted, and returns its path.
async fn accepted(system: &System, batch: &Value) -> String {
    let answer = post(system, "", batch).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    format!("/batch/{}", answer.body["identifier"].as_str().unwrap())
}

async fn scheduled(system: &System, batch: Value) -> (Value, Timestamp) {
    let at = system.now().await + SignedDuration::from_hours(HOURS);
    (with(batch, "send_at", at.to_string()), at)
}

async fn pending(system: &System) -> Vec<Value> {
    let answer = system.get(DEMO, "/batch").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["batches"].as_array().unwrap().clone()
}

async fn counts(system: &System, path: &str) -> Value {
    system.get(DEMO, path).await.body["counts"].clone()
}

#[tokio::test]
async fn batch_reaches_every_recipient_and_reports() {
    let system = System::start().await;
    let mut recipients = phones(3);
    recipients.push(Phone::fails().to_string());
    let path = accepted(&system, &with(batch(&recipients), "callback", system.sink("receipts"))).await;
    let identifier = path.trim_start_matches("/batch/");
    let receipts = system.until_callbacks("receipts", 4).await;
    assert!(receipts.iter().all(|receipt| receipt.json()["batchuuid"] == identifier), "{receipts:?}");
    for phone in &recipients[..3] {
        let shown = system.handset(phone).await;
        assert_eq!((shown.len(), &shown[0]["text"]), (1, &"Hello, all".into()));
    }
    let report = system.get(DEMO, &path).await.body;
    assert_eq!(report["counts"], json!({"total": 4, "delivered": 3, "failed": 1}));
    let details = report["details"].as_array().unwrap();
    let told: Vec<_> = details.iter().map(|detail| detail["destination"].as_str().unwrap()).collect();
    assert_eq!(told, recipients.iter().map(|phone| format!("+{phone}")).collect::<Vec<_>>());
    for detail in details {
        assert_eq!(detail["batchuuid"], identifier);
        let message = system.get(DEMO, &format!("/messages/{}", detail["messageuuid"].as_str().unwrap())).await;
        assert_eq!(message.body["batch"], identifier);
    }
    assert_eq!(details[3]["info"]["code"], "22");
    let brief = system.get(DEMO, &format!("{path}?details=false")).await.body;
    assert_eq!(brief, json!({"counts": report["counts"]}));
    assert_eq!(pending(&system).await, [Value::Null; 0], "what is sent is not pending");
}

#[tokio::test]
async fn scheduled_batch_is_listed_until_it_is_sent() {
    let system = System::start().await;
    let (later, at) = scheduled(&system, with(batch(&phones(2)), "message", "x".repeat(320))).await;
    assert_eq!(post(&system, "", &later).await.status, StatusCode::BAD_REQUEST);
    let long = post(&system, "?allowMulti=true", &later).await.body;
    assert_eq!((&long["segments"], &long["warnings"]), (&json!(3), &Value::Null));
    let (sooner, sooner_at) = scheduled(&system, with(batch(&phones(2)), "message", "Soon")).await;
    let sooner = with(sooner, "send_at", (sooner_at - SignedDuration::from_hours(1)).to_string());
    let sooner = accepted(&system, &sooner).await;
    let listed = pending(&system).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert_eq!(format!("/batch/{}", listed[0]["identifier"].as_str().unwrap()), sooner);
    let expected = json!({
        "identifier": long["identifier"], "at": format!("{at:.3}"), "from": OWN_SENDER, "messagecount": 2,
        "unitcount": 3,
    });
    assert_eq!(listed[1], expected);
    assert_eq!(counts(&system, &sooner).await, json!({"total": 2, "delivered": 0, "failed": 0}));
    assert_eq!(system.get(OTHER, "/batch").await.body, json!({"batches": []}));

    system.advance(IN_SECONDS + 60).await;
    system.until_handset(&phones(1)[0], 2).await;
    assert_eq!(pending(&system).await, [Value::Null; 0]);
}

#[tokio::test]
async fn cancelled_batch_is_never_sent() {
    let system = System::start().await;
    let (later, _) = scheduled(&system, batch(&phones(30))).await;
    let later = with(later, "uuid", Uuid::from_u128(7).to_string());
    let path = accepted(&system, &later).await;
    assert_eq!(path, format!("/batch/{}", Uuid::from_u128(7)), "the client's own ID");
    assert_eq!(system.delete(OTHER, &path).await.status, StatusCode::NOT_FOUND, "another account's");
    for _ in 0..2 {
        let answer = system.delete(DEMO, &path).await;
        let identifier = path.trim_start_matches("/batch/");
        assert_eq!(answer.body, json!({"identifier": identifier, "cancelled": 30, "too_late": 0}));
        assert_eq!(pending(&system).await, [Value::Null; 0]);
    }
    let again = post(&system, "", &later).await;
    assert_eq!((again.status, &again.body["errors"][0]["field"]), (StatusCode::CONFLICT, &"uuid".into()));
    system.advance(IN_SECONDS + 60).await;
    system.until_idle().await;
    for phone in phones(30) {
        assert!(system.handset(&phone).await.is_empty(), "{phone}");
    }
}

/// A request that was interrupted stored the batch and only some of its messages.
#[tokio::test]
async fn cancellation_waits_for_messages_that_may_still_come() {
    let system = System::start().await;
    let (later, _) = scheduled(&system, batch(&phones(3))).await;
    let path = accepted(&system, &later).await;
    let report = system.get(DEMO, &path).await.body;
    let key = json!({"TableName": "MessagesTable", "Key": {"id": {"S": report["details"][1]["messageuuid"]}}});
    system.aws("DynamoDB_20120810.DeleteItem", &key).await;
    assert_eq!(counts(&system, &path).await["total"], 2);
    let early = system.delete(DEMO, &path).await;
    assert_eq!((early.status, pending(&system).await.len()), (StatusCode::SERVICE_UNAVAILABLE, 1));
    system.advance(61).await;
    let late = system.delete(DEMO, &path).await;
    assert_eq!((late.status, &late.body["cancelled"]), (StatusCode::OK, &json!(2)));
    assert_eq!(pending(&system).await, [Value::Null; 0]);
}

#[tokio::test]
async fn sent_batch_can_no_longer_be_cancelled() {
    let system = System::start().await;
    let path = accepted(&system, &with(batch(&phones(2)), "callback", system.sink("receipts"))).await;
    system.until_callbacks("receipts", 2).await;
    let answer = system.delete(DEMO, &path).await;
    assert_eq!((answer.status, &answer.body["type"]), (StatusCode::CONFLICT, &"urn:problem:too-late".into()));
    assert_eq!(counts(&system, &path).await["delivered"], 2);
}

#[tokio::test]
async fn repeated_batch_is_sent_once_under_id_or_key() {
    let system = System::start().await;
    let named = with(batch(&phones(2)), "id", Uuid::from_u128(8).to_string());
    let key = "batch-8";
    let keyed = async |batch: &Value| {
        let request = system.request(Method::POST, "/batch").bearer_auth(DEMO).header("idempotency-key", key);
        answer(request.json(batch)).await
    };
    let (first, second) = (post(&system, "", &named).await, post(&system, "", &named).await);
    assert_eq!((first.status, &first.body), (StatusCode::OK, &second.body));
    let plain = batch(&phones(2));
    let (first, second) = (keyed(&plain).await, keyed(&plain).await);
    assert_eq!((first.status, &first.body), (StatusCode::OK, &second.body));
    for phone in phones(2) {
        system.until_handset(&phone, 2).await;
    }
    // A repeat's job that met the first one's claim comes again after the queue's visibility timeout.
    system.advance_and_settle(100).await;
    assert_eq!(system.handset(&phones(1)[0]).await.len(), 2, "one by ID, one by key");

    for changed in [
        with(named.clone(), "message", "Other"),
        with(named.clone(), "destinations", phones(3)),
        with(named.clone(), "destinations", phones(1)),
    ] {
        let answer = post(&system, "", &changed).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (StatusCode::CONFLICT, &"id".into()));
    }
    let answer = keyed(&batch(&phones(3))).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body["errors"][0]["field"], "Idempotency-Key");
    assert_eq!(counts(&system, &format!("/batch/{}", Uuid::from_u128(8))).await["total"], 2);
}

#[tokio::test]
async fn message_sent_alone_is_a_batch_of_its_own() {
    let system = System::start().await;
    let phone = Phone::delivers();
    let at = system.now().await + SignedDuration::from_hours(HOURS);
    let message = system.send_one(DEMO, with(owned(&phone, "Later"), "send_at", at.to_string())).await;
    let path = format!("/batch/{}", message["batchUuid"].as_str().unwrap());
    assert_eq!(counts(&system, &path).await, json!({"total": 1, "delivered": 0, "failed": 0}));
    assert_eq!(system.get(OTHER, &path).await.status, StatusCode::NOT_FOUND);
    let cancelled = system.delete(DEMO, &path).await.body;
    assert_eq!(cancelled, json!({"identifier": message["batchUuid"], "cancelled": 1, "too_late": 0}));
    assert_eq!(system.message(&message).await.state(), "cancelled");
}

#[tokio::test]
async fn refused_or_dry_batch_leaves_nothing() {
    let system = System::start().await;
    let (valid, _) = scheduled(&system, batch(&phones(2))).await;
    let two_errors = json!({"from": "", "destinations": ["441111111111", "x"], "fallback_channels": "sms"});
    let errors = post(&system, "", &two_errors).await;
    assert_eq!(errors.status, StatusCode::BAD_REQUEST);
    let fields: Vec<_> = errors.body["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!(fields, ["destinations", "from", "message", "fallback_channels"]);
    assert_eq!(errors.body["errors"][0]["index"], 1);
    let foreign = post(&system, "", &with(valid.clone(), "from", "449999999999")).await;
    let errors = foreign.body["errors"].as_array().unwrap();
    assert_eq!((foreign.status, errors.len(), &errors[0]["field"]), (StatusCode::FORBIDDEN, 1, &"from".into()));
    let late = (system.now().await + SignedDuration::from_hours(24 * 367)).to_string();
    let late = post(&system, "", &with(batch(&phones(2)), "at", late)).await;
    let errors = late.body["errors"].as_array().unwrap();
    assert_eq!((late.status, errors.len(), &errors[0]["field"]), (StatusCode::UNPROCESSABLE_ENTITY, 1, &"at".into()));
    let flag = post(&system, "?allowMulti=perhaps", &valid).await;
    assert_eq!((flag.status, &flag.body["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &"allowMulti".into()));
    let dry = post(&system, "?isDryrun=true", &valid).await;
    assert_eq!((dry.status, &dry.body["segments"]), (StatusCode::OK, &json!(1)));
    assert_eq!(pending(&system).await, [Value::Null; 0]);
    assert_eq!(system.get(DEMO, "/messages").await.body["messages"], json!([]));
    for id in ["7", "x", &Uuid::from_u128(7).to_string()] {
        for method in [Method::GET, Method::DELETE] {
            let answer = answer(system.request(method, &format!("/batch/{id}")).bearer_auth(DEMO)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        }
    }
    assert_eq!(system.get("wrong-key", "/batch").await.status, StatusCode::UNAUTHORIZED);
}
