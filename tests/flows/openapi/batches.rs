//! Batches of Cymba Messaging Plus fit their schemas.

use jiff::SignedDuration;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::System;

use super::{PHONE, fits};
use crate::system::{Answer, DEMO, OWN_SENDER, answer, owned};

#[tokio::test]
async fn batches_fit_their_schema() {
    let system = System::start().await;
    let Answer { body: alone, .. } = system.post(DEMO, &json!({"messages": [owned(&PHONE, "Alone")]})).await;
    system.until_state(&alone["messages"][0]["messageUuid"], "delivered").await;
    let at = (system.now().await + SignedDuration::from_hours(1)).to_string();
    let batch = json!({"from": OWN_SENDER, "message": "Hi", "destinations": [PHONE.nth(1), PHONE.nth(2)],
        "channel": "rcs", "fallback_channels": ["sms"], "at": at, "note": 1});
    fits(&batch, "BatchRequest");
    let posted = system.request(Method::POST, "/batch?allowMulti").bearer_auth(DEMO).json(&batch);
    let Answer { body: accepted, .. } = answer(posted).await;
    fits(&accepted, "BatchAnswer");
    fits(&system.get(DEMO, "/batch").await.body, "PendingBatches");
    let path = format!("/batch/{}", accepted["identifier"].as_str().unwrap());
    fits(&system.get(DEMO, &path).await.body, "BatchReport");
    fits(&system.delete(DEMO, &path).await.body, "CancelledBatch");
    let own = format!("/batch/{}", alone["messages"][0]["batchUuid"].as_str().unwrap());
    fits(&system.get(DEMO, &own).await.body, "BatchReport");
    let Answer { status, body: problem } = system.delete(DEMO, &own).await;
    assert_eq!(status, StatusCode::CONFLICT);
    fits(&problem, "Problem");
}
