//! The samples on Messaging Plus's pages, posted unchanged: each gets the documented answer, apart from our additions,
//! and its messages arrive.

use std::{collections::HashSet, path::PathBuf};

use local::config::Config;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::SenderId;
use uuid::Uuid;

use tests::System;

use crate::system::DEMO;

#[derive(Deserialize)]
struct Sample {
    source: String,
    request: Value,
    answer: Value,
}

fn samples() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/mplus");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
}

/// Returns whether an answer is as expected. In `expected`, `<uuid>` is any UUID and `<shared>` any sender
/// ID in the pool.
fn fits(expected: &Value, answer: &Value, pool: &[SenderId]) -> bool {
    match (expected, answer) {
        (Value::String(expected), Value::String(answer)) => match expected.as_str() {
            "<uuid>" => Uuid::try_parse(answer).is_ok(),
            "<shared>" => pool.iter().any(|sender| sender.as_str() == answer),
            expected => expected == answer,
        },
        (Value::Array(expected), Value::Array(answer)) => {
            expected.len() == answer.len() && expected.iter().zip(answer).all(|(e, a)| fits(e, a, pool))
        }
        (Value::Object(expected), Value::Object(answer)) => {
            expected.len() == answer.len()
                && expected.iter().all(|(key, e)| answer.get(key).is_some_and(|a| fits(e, a, pool)))
        }
        (expected, answer) => expected == answer,
    }
}

/// Returns the answer without our additions to the vendor's fields.
fn documented(mut answer: Value) -> Value {
    for message in answer["messages"].as_array_mut().unwrap() {
        let message = message.as_object_mut().unwrap();
        let added = ["segments", "encoding"].map(|field| message.remove(field).unwrap());
        assert_eq!(added, [json!(1), json!("gsm7")]);
    }
    answer
}

/// Keeps receipts from the gateway, because the gateway would post callbacks to the samples' addresses, which
/// are real.
async fn withhold_receipts(system: &System) {
    let sink = system.sink("withheld");
    let register = system.client.request(Method::PUT, system.emulator.url().join("carriers/loopback").unwrap());
    let connection = json!({"vendor": "loopback", "receipts": sink, "replies": sink});
    let registered = register.json(&connection).send().await.unwrap();
    assert!(registered.status().is_success());
}

#[tokio::test]
async fn every_documented_sample_is_answered_and_delivered() {
    let pool = Config::parse(Config::DEFAULT).unwrap().pool;
    let samples = samples();
    assert!(samples.len() >= 12);
    for Sample { source, request, answer } in samples {
        let system = System::start().await;
        withhold_receipts(&system).await;
        let given = system.post(DEMO, &request).await;
        let answered = documented(given.body.clone());
        assert!(given.status == 200 && fits(&answer, &answered, &pool), "{source}: {}", given.body);

        let messages = given.body["messages"].as_array().unwrap();
        let ids = messages.iter().flat_map(|message| [&message["messageUuid"], &message["batchUuid"]]);
        assert_eq!(ids.collect::<HashSet<_>>().len(), 2 * messages.len(), "{source}");
        for message in messages {
            // No sample has two messages to one number.
            let shown = system.until_handset(message["to"].as_str().unwrap(), 1).await;
            let shown: Vec<_> = shown.iter().map(|shown| (&shown["from"], &shown["text"])).collect();
            assert_eq!(shown, [(&message["from"]["value"], &message["body"])], "{source}");
        }
    }
}
