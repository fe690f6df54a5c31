//! Cymba's errors.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{KEY, PHONE};
use crate::emulator::tests::{Tester, answer};

fn error(text: &str) -> Value {
    json!({ "error": text })
}

#[tokio::test]
async fn unknown_key_is_unauthorized() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.register("cm", "cm", json!({ "credentials": { "key": "key-of-cm" } })).await;
    let login = json!({ "credentials": { "login": "me", "password": "pass:word" } });
    tester.register("login", "cymba", login).await;
    let body = json!({ "messages": [tester.cymba_message(PHONE)] }).to_string();
    let post = async |query: &str, authorization: Option<&str>| {
        let posted = tester.client.post(tester.url(&format!("/cymba/message{query}"))).body(body.clone());
        answer(match authorization {
            Some(authorization) => posted.header("Authorization", authorization),
            None => posted,
        })
        .await
    };
    let (bearer, ours) = (format!("Bearer {KEY}"), format!("?key={KEY}"));
    for (query, authorization) in [
        ("", None),
        ("?key=", None),
        ("?key=another", None),
        ("?key=key-of-cm", None),
        ("?KEY=cymba-key", None),
        ("", Some("Bearer another")),
        ("", Some(KEY)),
        ("?key=another", Some(bearer.as_str())),
        // The pages know no logins. This is me:pass:word.
        ("", Some("Basic bWU6cGFzczp3b3Jk")),
    ] {
        let refused = (StatusCode::UNAUTHORIZED, error("unknown API key"));
        assert_eq!(post(query, authorization).await, refused, "{query} {authorization:?}");
    }
    assert!(tester.texts(PHONE).await.is_empty());
    assert_eq!(post(&ours, None).await.0, StatusCode::OK);
    assert_eq!(post("", Some(&bearer)).await.0, StatusCode::OK);
    assert_eq!(post(&ours, Some("Bearer another")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn account_that_is_down_is_unavailable() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    tester.set_outage("cymba", true).await;
    assert_eq!(tester.post_cymba(&[]).await, (StatusCode::SERVICE_UNAVAILABLE, Value::Null));
}

#[tokio::test]
async fn invalid_request_is_rejected() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let post = async |query: &str, body: &str| {
        let path = tester.url(&format!("/cymba/message?key={KEY}{query}"));
        let (status, mut answered) = answer(tester.client.post(path).body(body.to_owned())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        answered["error"].take().as_str().unwrap().to_owned()
    };
    let message = tester.cymba_message(PHONE);
    let good = json!({ "messages": [message] }).to_string();
    let object = json!({ "messages": message }).to_string();
    let nulls = json!({ "messages": [message, null] }).to_string();
    let defaults = json!({ "messages": [message], "defaults": [] }).to_string();
    for (query, body, expected) in [
        ("", "{", "body is not JSON"),
        ("", "[]", "body must be a JSON object"),
        ("", "{}", "messages must have a message"),
        ("", r#"{"messages":[]}"#, "messages must have a message"),
        ("", &object, "messages must be a list"),
        ("", &nulls, "messages[1] invalid type"),
        ("", &defaults, "defaults must be an object"),
        ("&isDryrun=", &good, "isDryrun must be true or false"),
        ("&dryRun=1", &good, "isDryrun must be true or false"),
    ] {
        let found = post(query, body).await;
        assert!(found.starts_with(expected), "{found}");
    }
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn invalid_message_rejects_its_whole_request() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let number = "to must be a number in E.164 format: 7 to 15 digits, with or without +";
    let callback = "callback must be an http or https URL on this machine, with the host localhost, 127.0.0.1 or [::1]";
    let shared = "from.type is shared, but the account has no shared sender IDs";
    let time = "send_at must be an ISO 8601 time with a zone";
    for (field, value, expected) in [
        ("to", Value::Null, "to is required"),
        ("to", json!(447_700_900_001_u64), "to must be a string"),
        ("to", json!(""), "to must not be empty"),
        ("to", json!("nobody"), number),
        ("to", json!("00447700900001"), number),
        ("from", Value::Null, "from is required"),
        ("from", json!("441234567890"), "from must be an object"),
        ("from", json!({ "value": "Acme" }), "from.type is required"),
        ("from", json!({ "type": "own", "value": "Acme" }), "from.type must be custom or shared"),
        ("from", json!({ "type": "shared" }), shared),
        ("from", json!({ "type": "custom" }), "from.value is required"),
        ("from", json!({ "type": "custom", "value": "" }), "from.value must not be empty"),
        ("body", Value::Null, "body is required"),
        ("body", json!(""), "body must not be empty"),
        ("body", json!(5), "body must be a string"),
        ("callback", json!(5), "callback must be a string"),
        ("callback", json!(""), callback),
        ("callback", json!("https://client.example/receipts"), callback),
        ("channels", json!("sms"), "channels must be a list"),
        ("channels", json!(["SMS"]), "channels must be of sms and rcs"),
        ("channels", json!(["sms", "whatsapp"]), "channels must be of sms and rcs"),
        ("id", json!("1"), "id must be a UUID"),
        ("send_at", json!("2026-01-01"), time),
        ("send_at", json!(1_767_258_000), "send_at must be a string"),
    ] {
        let mut wrong = tester.cymba_message(PHONE);
        wrong[field] = value.clone();
        let refused = (StatusCode::BAD_REQUEST, error(&format!("messages[1].{expected}")));
        assert_eq!(tester.post_cymba(&[tester.cymba_message(PHONE), wrong]).await, refused, "{field} {value}");
    }
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn refused_number_rejects_its_whole_request() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let messages = [tester.cymba_message(PHONE), tester.cymba_message("447700900200")];
    let refused = (StatusCode::BAD_REQUEST, error("messages[1].to cannot receive messages"));
    assert_eq!(tester.post_cymba(&messages).await, refused);
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn time_must_be_at_most_five_minutes_ahead() {
    let tester = Tester::start().await;
    tester.register_cymba().await;
    let post = async |seconds: i64| {
        let mut message = tester.cymba_message(PHONE);
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        message["send_at"] = json!(time.to_string());
        tester.post_cymba(&[message]).await
    };
    let far = "messages[0].send_at is more than 5 minutes ahead, and the emulator schedules nothing";
    assert_eq!(post(330).await, (StatusCode::BAD_REQUEST, error(far)));
    for seconds in [-60, 270] {
        assert_eq!(post(seconds).await.0, StatusCode::OK, "{seconds}");
    }
    tester.advance(60).await;
    assert_eq!(post(330).await.0, StatusCode::OK);
}
