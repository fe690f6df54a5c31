//! Messangi's errors.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{KEY, PHONE};
use crate::emulator::tests::{Tester, answer};

/// Returns the answer's status and error, and checks its `meta`.
fn error((status, mut answer): (StatusCode, Value)) -> (u16, Value) {
    assert!(answer["meta"]["timestamp"].is_i64() && answer["meta"]["transactionId"].is_string(), "{answer}");
    (status.as_u16(), answer["error"].take())
}

#[tokio::test]
async fn unknown_key_is_unauthorized() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.register_messangi_login("pass").await;
    tester.register("cm", "cm", json!({ "credentials": { "key": "key-of-cm" } })).await;
    let unauthorized = json!({ "code": "UNAUTHORIZED", "message": "Unknown or expired key", "field": null });
    let key = tester.log_in("pass").await.unwrap();
    let (expiry, mac) = key.strip_prefix("Bearer ").unwrap().split_once('.').unwrap();
    let later = expiry.parse::<i64>().unwrap() + 1;
    for authorization in [
        "Bearer another",
        "Bearer key-of-cm",
        "Bearer pass",
        KEY,
        "Basic bWVAY2xpZW50LmV4YW1wbGU6cGFzcw==",
        &format!("Bearer {later}.{mac}"),
        &format!("Bearer {expiry}."),
        &format!("Bearer +{expiry}.{mac}"),
    ] {
        let answered = answer(tester.messangi(authorization, &tester.messangi_message(PHONE))).await;
        assert_eq!(error(answered), (401, unauthorized.clone()), "{authorization}");
    }
    let message = tester.messangi_message(PHONE).to_string();
    let without = tester.client.post(tester.url("/messangi/raven/v2/messages")).body(message);
    assert_eq!(error(answer(without).await), (401, unauthorized));
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn wrong_login_is_forbidden_and_malformed_one_names_the_field() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    tester.register_messangi_login("pass").await;
    let forbidden = json!({ "code": "WRONG_LOGIN", "message": "Wrong username or password", "field": null });
    for password in ["Pass", KEY] {
        assert_eq!(error(tester.log_in(password).await.unwrap_err()), (403, forbidden.clone()), "{password}");
    }
    for (body, field) in [
        ("{", "body"),
        (r#"{"password":"pass"}"#, "username"),
        (r#"{"username":"me@client.example"}"#, "password"),
        (r#"{"username":"me@client.example","password":5}"#, "password"),
    ] {
        let posted = tester.client.post(tester.url("/messangi/kingslanding/login")).body(body);
        let (status, error) = error(answer(posted).await);
        assert_eq!((status, &error["code"], &error["field"]), (400, &json!("INVALID_FIELD"), &json!(field)), "{body}");
    }
}

#[tokio::test]
async fn invalid_field_is_named() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let here = tester.url("/sinks/mt");
    for (field, value) in [
        ("from", Value::Null),
        ("from", json!("")),
        ("from", json!(12345)),
        ("text", Value::Null),
        ("text", json!("")),
        ("text", json!(5)),
        ("to", Value::Null),
        ("to", json!("")),
        ("to", json!(447_700_900_001_u64)),
        ("requestDR", json!("true")),
        ("requestDR", json!(1)),
        ("type", json!("MO")),
        ("type", json!(5)),
        ("externalId", json!("ref-1")),
        ("externalId", json!(5)),
        ("callbacks", json!("")),
        ("callbacks", json!([here])),
        ("callbacks", json!("https://client.example/receipts")),
        ("callbacks", json!(format!("{here},https://client.example/receipts"))),
        ("callbacks", json!(format!("{here},"))),
        ("connection", json!(5)),
        ("email", json!(5)),
        ("clientId", json!(5)),
    ] {
        let mut message = tester.messangi_message(PHONE);
        message[field] = value.clone();
        let (status, error) = error(tester.post_messangi(&message).await);
        let found = (status, &error["code"], &error["field"]);
        assert_eq!(found, (400, &json!("INVALID_FIELD"), &json!(field)), "{field} {value}");
        assert!(error["message"].as_str().unwrap().starts_with(field), "{error}");
    }
    let malformed = tester.messangi(&format!("Bearer {KEY}"), &Value::Null).body("[]");
    assert_eq!(error(answer(malformed).await).1["field"], "body");
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn rejection_has_the_code_of_the_status_that_fits() {
    let tester = Tester::start().await;
    tester.register_messangi().await;
    let with = |field: &str, value: &str| {
        let mut message = tester.messangi_message(PHONE);
        message[field] = json!(value);
        message
    };
    let [longest, too_long] = [1600, 1601].map(|count| "я".repeat(count));
    let segments = ("SEGMENTS_EXCEEDED", "Text exceeds the limit of allowed segments", "text");
    let routing = ("INVALID_ROUTING", "Phone number is not valid", "to");
    for (message, (code, text, field)) in [
        (with("text", &too_long), segments),
        (with("to", "nobody"), routing),
        (with("to", "00447700900001"), routing),
        (with("to", "+12345"), routing),
        (with("to", "447700900200"), ("BLACKLISTED", "Recipient is blacklisted", "to")),
    ] {
        let expected = json!({ "code": code, "message": text, "field": field });
        assert_eq!(error(tester.post_messangi(&message).await), (400, expected));
    }
    assert!(tester.texts(PHONE).await.is_empty() && tester.texts("447700900200").await.is_empty());
    assert_eq!(tester.post_messangi(&with("text", &longest)).await.0, StatusCode::OK);
}
