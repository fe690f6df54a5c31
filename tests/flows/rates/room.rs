//! The bound of an account's lines: as many messages as the sender sends in a day.

use reqwest::{Method, StatusCode};
use tests::{
    Phone, System, TestConfig,
    clients::{Ability, ClientMessage, formats},
};

use super::{DEMO, PHONE, answer};
use crate::system::{OTHER, OWN_SENDER, POOL_SENDER, shared};

const DAY: i64 = 86_400;

#[tokio::test]
async fn request_without_room_is_a_429_in_every_format() {
    let system = System::with_config(TestConfig::new().rate(OWN_SENDER, 1)).await;
    system.hold_send_slots(OWN_SENDER).await;
    for format in formats() {
        system.set_waiting(OWN_SENDER, "normal#demo", 0).await;
        // All lanes of the account count.
        system.set_waiting(OWN_SENDER, "bulk#demo", DAY - 10).await;
        system.set_waiting(OWN_SENDER, "urgent#demo", 10).await;
        let stored = system.scan("MessagesTable").await.len();
        let message = ClientMessage::new(OWN_SENDER, &PHONE, "Hello", "https://client.example/status");
        let request = (format.request)(DEMO, &[message]);
        let mut posted = system.request(request.method.clone(), &request.path).body(request.body.clone());
        for (name, value) in &request.headers {
            posted = posted.header(*name, value);
        }
        let refused = posted.send().await.unwrap();
        let name = format.name;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_eq!(refused.headers()["retry-after"], "60", "{name}");
        let body = refused.text().await.unwrap();
        assert!(
            body.contains("messages are waiting for a sender with a rate limit, and 86400 may wait"),
            "{name}: {body}"
        );
        assert_eq!(system.scan("MessagesTable").await.len(), stored, "{name}: nothing is stored");

        system.set_waiting(OWN_SENDER, "urgent#demo", 9).await;
        let message = ClientMessage::new(OWN_SENDER, &PHONE, "Hello", "https://client.example/status");
        let (status, body) = system.send_request(&(format.request)(DEMO, &[message])).await;
        assert_eq!(status, StatusCode::OK, "{name}: {body}");
        assert!(format.has(Ability::MessageId) || !body.contains("waiting"));
    }
}

#[tokio::test]
async fn line_of_one_account_refuses_no_other() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER]).rate(POOL_SENDER, 1)).await;
    system.set_waiting(POOL_SENDER, "bulk#demo", DAY).await;
    let posted = |key: &str, path: &str, phone: Phone| {
        let request = system.request(Method::POST, path).bearer_auth(key);
        answer(request.json(&serde_json::json!({"messages": [shared(&phone, "Hello")]})))
    };
    assert_eq!(posted(DEMO, "/message", PHONE).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(posted(DEMO, "/message?isDryrun=true", PHONE).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(posted(OTHER, "/message", PHONE.nth(1)).await.status, StatusCode::OK);
}
