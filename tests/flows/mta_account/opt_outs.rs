//! A client opts a number out of all messages from its account, and asks which numbers are opted out.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Phone, System, TestConfig};

use super::{call, data, failure, post, read};
use crate::system::{DEMO, DEMO_ACCOUNT, OTHER, OTHER_SENDER, OWN_SENDER, custom, owned, shared};

const PHONE: Phone = Phone::delivers();
const PATH: &str = "/v3/unsubscribes";

async fn unsubscribe(system: &System, key: &str, number: impl Into<Value>) {
    let answer = call(system, key, Method::POST, PATH, &json!({"number": number.into()})).await;
    assert_eq!(answer.body["success"], true, "{}", answer.body);
    assert_eq!(data(answer), Value::Null);
}

async fn is_unsubscribed(system: &System, key: &str, number: &str) -> bool {
    data(system.get(key, &format!("{PATH}/{number}")).await)["unsubscribed"].as_bool().unwrap()
}

/// Sends a message, and returns its final state.
async fn state_after(system: &System, key: &str, message: Value) -> String {
    let sent = system.send_one(key, message).await;
    system
        .until("the message is delivered or blocked", async || {
            let state = system.get(key, &format!("/messages/{}", sent.id)).await.body["state"].clone();
            ["delivered", "blocked"].contains(&state.as_str().unwrap()).then(|| state.as_str().unwrap().to_owned())
        })
        .await
}

#[tokio::test]
async fn unsubscribed_number_gets_nothing_until_it_sends_start() {
    let system = System::start().await;
    let number = format!("+{PHONE}");
    assert!(!is_unsubscribed(&system, DEMO, &number).await);
    unsubscribe(&system, DEMO, number.as_str()).await;
    unsubscribe(&system, DEMO, PHONE.parse::<u64>().unwrap()).await;
    assert!(is_unsubscribed(&system, DEMO, &number).await && is_unsubscribed(&system, DEMO, &PHONE).await);
    assert_eq!(state_after(&system, DEMO, owned(&PHONE, "Hello")).await, "blocked");
    assert_eq!(state_after(&system, DEMO, custom("12345", &PHONE, "Hello")).await, "blocked");
    assert_eq!(state_after(&system, DEMO, shared(&PHONE, "Hello")).await, "blocked");
    let rows = read(&system, "/v3/deliveries").await["rows"].clone();
    let statuses: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["undeliverable"; 3]);

    // Another account learns nothing.
    assert!(!is_unsubscribed(&system, OTHER, &number).await);
    assert_eq!(state_after(&system, OTHER, custom(OTHER_SENDER, &PHONE, "Hello")).await, "delivered");

    system.advance(1).await;
    system.reply_from(&PHONE, OWN_SENDER, "START").await;
    system.until_callbacks("replies", 1).await;
    assert!(!is_unsubscribed(&system, DEMO, &number).await);
    assert_eq!(state_after(&system, DEMO, owned(&PHONE, "Welcome back")).await, "delivered");
    assert_eq!(state_after(&system, DEMO, custom("12345", &PHONE, "Hello")).await, "blocked", "another sender");

    system.advance(1).await;
    unsubscribe(&system, DEMO, number.as_str()).await;
    assert!(is_unsubscribed(&system, DEMO, &number).await);
    assert_eq!(state_after(&system, DEMO, owned(&PHONE, "Hello")).await, "blocked");
}

#[tokio::test]
async fn stop_to_a_sender_of_the_account_counts() {
    let system = System::start().await;
    let [own, locked] = [PHONE, PHONE.nth(1)];
    system.reply_from(&own, OWN_SENDER, "STOP").await;
    let pool_sender = system.send_one(DEMO, shared(&locked, "Hello")).await.sender;
    system.until_handset(&locked, 1).await;
    system.reply_from(&locked, &pool_sender, "STOP").await;
    system.until_callbacks("replies", 2).await;
    for number in [own, locked] {
        assert!(is_unsubscribed(&system, DEMO, &number).await, "{number}");
        assert!(!is_unsubscribed(&system, OTHER, &number).await, "{number}");
    }
    system.reply_from(&own, OWN_SENDER, "START").await;
    system.until_callbacks("replies", 3).await;
    assert!(!is_unsubscribed(&system, DEMO, &own).await && is_unsubscribed(&system, DEMO, &locked).await);
}

#[tokio::test]
async fn recipients_are_validated() {
    let system = System::start().await;
    let [out, foreign, fine] = [0, 1, 2].map(|index| format!("+{}", PHONE.nth(index)));
    unsubscribe(&system, DEMO, out.as_str()).await;
    unsubscribe(&system, OTHER, foreign.as_str()).await;
    let mut request = json!({"recipients": [
        {"number": out, "externalId": "a"}, {"number": foreign}, {"number": fine}, {"number": "0123"}],
        "validateUnsubscribes": true});
    let path = "/v3/send/validate-recipients";
    let no_country = "needs a '+' and its country code, because the account has no default country";
    let invalid = json!([{"number": "0123", "externalId": null, "reason": no_country}]);
    let unsubscribed = json!([{"number": out, "externalId": "a"}]);
    let validated = data(post(&system, path, &request).await);
    assert_eq!(validated, json!({"invalid": invalid, "unsubscribed": unsubscribed}));
    request["validateUnsubscribes"] = json!(false);
    assert_eq!(data(post(&system, path, &request).await), json!({"invalid": invalid, "unsubscribed": []}));

    // More numbers than the store reads at once.
    let mut many: Vec<_> = (0..999_u64).map(|index| json!({"number": 447_711_000_000 + index})).collect();
    many.push(json!({"number": out}));
    let request = json!({"recipients": many, "validateUnsubscribes": true});
    let validated = data(post(&system, path, &request).await);
    assert_eq!(validated, json!({"invalid": [], "unsubscribed": [{"number": out, "externalId": null}]}));
    let words = failure(post(&system, path, &json!({"recipients": [{"number": null}, 7]})).await, 400);
    assert_eq!(words, "recipients[0].number is required; recipients[1] must be an object {\"number\", \"externalId\"}");
}

#[tokio::test]
async fn national_number_is_of_the_accounts_country() {
    let config = TestConfig::new().account(DEMO_ACCOUNT, |account| account.country_code = "44".parse().ok());
    let system = System::with_config(config).await;
    let national = format!("0{}", &PHONE[2..]);
    unsubscribe(&system, DEMO, national.as_str()).await;
    assert!(is_unsubscribed(&system, DEMO, &national).await && is_unsubscribed(&system, DEMO, &PHONE).await);
    assert_eq!(state_after(&system, DEMO, owned(&PHONE, "Hello")).await, "blocked");
    for number in [json!({"number": national}), json!({"number": "me@example.com"}), json!({})] {
        let words = failure(call(&system, OTHER, Method::POST, PATH, &number).await, 400);
        assert!(words.starts_with("number ") && !words.contains(&national), "{words}");
    }
    for number in ["x", "me@example.com", "123"] {
        assert!(failure(system.get(DEMO, &format!("{PATH}/{number}")).await, 400).starts_with("number "));
    }
    let words = failure(system.get(DEMO, PATH).await, 501);
    assert!(words.contains("GET /v3/unsubscribes/{number}"), "{words}");
}
