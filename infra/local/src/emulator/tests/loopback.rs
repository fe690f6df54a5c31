//! Loopback's abilities: credentials, sender IDs, signatures and national numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Tester, answer};

const PHONE: &str = "447700900001";
const BEARER: Option<&str> = Some("Bearer key-1");

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

fn message(reference: &str, sender: (&str, &str)) -> Value {
    json!({ "reference": reference, sender.0: sender.1, "to": PHONE, "text": "hello", "channel": "sms" })
}

impl Tester {
    async fn submit_as(&self, authorization: Option<&str>, message: &Value) -> (StatusCode, Value) {
        let submit = self.client.post(self.url("/loopback/messages")).body(message.to_string());
        answer(match authorization {
            Some(authorization) => submit.header("Authorization", authorization),
            None => submit,
        })
        .await
    }

    async fn look_up_as(&self, authorization: Option<&str>, reference: &str) -> (StatusCode, Value) {
        let lookup = self.client.get(self.url(&format!("/loopback/messages/{reference}")));
        answer(match authorization {
            Some(authorization) => lookup.header("Authorization", authorization),
            None => lookup,
        })
        .await
    }
}

#[tokio::test]
async fn authorization_chooses_the_connection_of_a_submit() {
    let tester = Tester::start().await;
    let login = json!({ "credentials": { "login": "me", "password": "pass:word" } });
    tester.register("key", "loopback", json!({ "credentials": { "key": "key-1" } })).await;
    tester.register("login", "loopback", login).await;
    let unauthorized = json!({ "code": "unauthorized", "message": "No connection has these credentials." });
    let unauthorized = (StatusCode::UNAUTHORIZED, unauthorized);
    let (right, wrong) = (basic("me:pass:word"), basic("me:password"));
    for none in [None, Some("Bearer key-2"), Some("key-1"), Some(wrong.as_str())] {
        assert_eq!(tester.submit_as(none, &message("ref", ("from", "Sender"))).await, unauthorized, "{none:?}");
        assert_eq!(tester.look_up_as(none, "ref").await, unauthorized, "{none:?}");
    }
    tester.register("none", "loopback", json!({})).await;
    for (name, authorization) in [("key", BEARER), ("login", Some(right.as_str())), ("none", None)] {
        let (status, _) = tester.submit_as(authorization, &message(name, ("from", "Sender"))).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{name}");
        assert_eq!(tester.sink_requests(&format!("{name}-receipts"), 1).await[0]["reference"], name);
    }
    let accepted = tester.get("/carriers").await["carriers"].as_array().unwrap().clone();
    assert!(accepted.iter().all(|connection| connection["accepted"] == 1), "{accepted:?}");
}

#[tokio::test]
async fn lookup_finds_submits_of_its_own_connection_only() {
    let tester = Tester::start().await;
    tester.register("key", "loopback", json!({ "credentials": { "key": "key-1" } })).await;
    tester.register("none", "loopback", json!({})).await;
    let (_, accepted) = tester.submit_as(BEARER, &message("ref", ("from", "Sender"))).await;
    assert_eq!(tester.look_up_as(BEARER, "ref").await, (StatusCode::OK, accepted));
    let (status, refusal) = tester.look_up_as(None, "ref").await;
    assert_eq!((status, &refusal["code"]), (StatusCode::NOT_FOUND, &json!("unknown-message")));
}

#[tokio::test]
async fn submit_without_any_connection_is_accepted_unless_authorized() {
    let tester = Tester::start().await;
    tester.register("cm", "cm", json!({ "credentials": { "key": "key-1" } })).await;
    assert_eq!(tester.submit_as(BEARER, &message("ref", ("from", "S"))).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(tester.submit_as(None, &message("ref", ("from", "S"))).await.0, StatusCode::ACCEPTED);
    assert_eq!(tester.look_up_as(None, "ref").await.0, StatusCode::OK);
    // The receipt waits for a connection of the vendor.
    tester.register("lo", "loopback", json!({})).await;
    assert_eq!(tester.sink_requests("lo-receipts", 1).await[0]["reference"], "ref");
}

#[tokio::test]
async fn sender_with_an_id_is_named_by_it() {
    let tester = Tester::start().await;
    let table = json!({ "+441234567890": "id-1", "Acme": "id-2" });
    tester.register("ids", "loopback", json!({ "sender_ids": table })).await;
    for (sender, expected) in [
        (("senderId", "id-1"), Ok("441234567890")),
        (("senderId", "id-2"), Ok("Acme")),
        (("from", "Another"), Ok("Another")),
        (("senderId", "id-3"), Err((StatusCode::UNPROCESSABLE_ENTITY, json!("unknown-sender"), Value::Null))),
        (("senderId", "Acme"), Err((StatusCode::UNPROCESSABLE_ENTITY, json!("unknown-sender"), Value::Null))),
        (("from", "Acme"), Err((StatusCode::BAD_REQUEST, Value::Null, json!("from")))),
        (("from", "00441234567890"), Err((StatusCode::BAD_REQUEST, Value::Null, json!("from")))),
        (("senderId", ""), Err((StatusCode::BAD_REQUEST, Value::Null, json!("senderId")))),
    ] {
        let shown = tester.texts(PHONE).await.len();
        let (status, answer) = tester.submit_as(None, &message("ref", sender)).await;
        match expected {
            Ok(from) => {
                assert_eq!(status, StatusCode::ACCEPTED, "{sender:?}");
                assert_eq!(tester.texts(PHONE).await[shown]["from"], from);
            }
            Err(expected) => {
                assert_eq!((status, answer["code"].clone(), answer["errors"][0]["field"].clone()), expected);
                assert_eq!(tester.texts(PHONE).await.len(), shown, "{sender:?}");
            }
        }
    }
    let mut both = message("ref", ("from", "Acme"));
    both["senderId"] = json!("id-2");
    assert_eq!(tester.submit_as(None, &both).await.1["errors"][0]["field"], "from");

    tester.register("ids", "loopback", json!({})).await;
    assert_eq!(tester.submit_as(None, &message("ref", ("senderId", "id-2"))).await.1["code"], "unknown-sender");
    assert_eq!(tester.submit_as(None, &message("ref", ("from", "Acme"))).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn webhooks_are_signed_with_the_secret() {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    let tester = Tester::start().await;
    tester.register("signed", "loopback", json!({ "signing_secret": "s3cret" })).await;
    tester.submit_as(None, &message("ref", ("from", "441234567890"))).await;
    tester.reply("441234567890", "grüß dich").await;
    for sink in ["signed-receipts", "signed-replies"] {
        tester.sink_requests(sink, 1).await;
        let request = &tester.get(&format!("/sinks/{sink}")).await["requests"][0];
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s3cret").unwrap();
        mac.update(request["body"].as_str().unwrap().as_bytes());
        let expected = hex::encode(mac.finalize().into_bytes());
        assert_eq!(request["headers"]["x-loopback-signature"], expected, "{sink}");
    }

    tester.register("unsigned", "loopback", json!({})).await;
    tester.submit_as(None, &message("ref", ("from", "441234567890"))).await;
    tester.sink_requests("unsigned-receipts", 1).await;
    let request = &tester.get("/sinks/unsigned-receipts").await["requests"][0];
    assert!(request["headers"]["x-loopback-signature"].is_null());
}

#[tokio::test]
async fn reply_has_the_national_number_of_its_connections_country() {
    let tester = Tester::start().await;
    tester.register("uk", "loopback", json!({ "country_code": "44" })).await;
    for phone in [PHONE, "31612345678"] {
        let reply = json!({ "to": "441234567890", "text": phone });
        tester.post(&format!("/handsets/{phone}/replies"), reply).await;
    }
    let replies = tester.sink_requests("uk-replies", 2).await;
    let from = |phone: &str| replies.iter().find(|reply| reply["text"] == phone).map(|reply| &reply["from"]);
    assert_eq!(from(PHONE), Some(&json!("07700900001")));
    assert_eq!(from("31612345678"), Some(&json!("+31612345678")));
}
