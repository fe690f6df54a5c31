//! Carriers' secrets, which all lie in one text: operators at the same time, lost answers, limits, and the
//! rotation of signing secrets.

use std::{sync::mpsc, time::Duration};

use ::admin::Done;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use shared::{
    domain::CarrierName,
    runtime::{Random, aws},
    store::{SecretsByCarrier, SecretsManager, StoreError},
};
use tests::{Request, Response, TestServer};

use super::{admin, admin_at, admin_by, admin_with_input, printed, read, refused, stored_secrets};
use crate::system::System;

/// In bytes: Secrets Manager refuses more.
const LONGEST_TEXT: usize = 65_536;
const DEADLINE: Duration = Duration::from_secs(30);

fn is_call(request: &Request, operation: &str) -> bool {
    request.header("x-amz-target").is_some_and(|target| target == format!("secretsmanager.{operation}"))
}

/// Replaces the carriers' secrets as another tool would.
async fn store_secrets(system: &System, secrets: &Value) {
    let put = json!({"SecretId": "CarrierSecrets", "SecretString": secrets.to_string(),
        "ClientRequestToken": uuid::Uuid::new_v4()});
    system.aws("secretsmanager.PutSecretValue", &put).await;
}

/// Returns all labels of the versions of the secrets, sorted.
async fn labels(system: &System) -> Vec<String> {
    let listed = system.aws("secretsmanager.ListSecretVersionIds", &json!({"SecretId": "CarrierSecrets"})).await;
    let labels =
        listed["Versions"].as_array().unwrap().iter().filter_map(|version| version["VersionStages"].as_array());
    let mut labels: Vec<_> = labels.flatten().map(|label| label.as_str().unwrap().to_owned()).collect();
    labels.sort();
    labels
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_operators_lose_no_secret() {
    let system = &System::start().await;
    let names: Vec<_> = (0..4).map(|index| format!("net-{index}")).collect();
    let adds = names.iter().map(async |name| {
        let done = admin(system, &["carrier", "add", name, "--vendor", "loopback"]).await;
        assert_eq!(done.code, 0, "{name}: {}", done.err);
    });
    let rotations = (0..3).map(async |_| read(system, &["carrier", "rotate", "loopback"]).await);
    let key = async {
        let done = admin_with_input(system, "new-key", &["carrier", "key", "cm-uk"]).await;
        assert_eq!(done.code, 0, "{}", done.err);
    };
    tokio::join!(join_all(adds), join_all(rotations), key);
    let stored = stored_secrets(system).await;
    for name in &names {
        assert_eq!(stored[name]["webhook_tokens"].as_array().map(Vec::len), Some(1), "{name}");
    }
    assert_eq!(stored["loopback"]["webhook_tokens"].as_array().unwrap().len(), 4);
    assert_eq!(stored["cm-uk"]["credentials"], json!({"key": "new-key"}));
    assert_eq!(labels(system).await, ["AWSCURRENT", "AWSPREVIOUS"], "our labels are removed");
}

#[tokio::test]
async fn change_is_applied_again_after_another_operators_change() {
    let system = System::start().await;
    let client = aws::secrets_manager(&system.environment()).unwrap();
    let manager = SecretsManager::new(client, "CarrierSecrets".to_owned());
    let (removed, mut calls) = ("cm".parse::<CarrierName>().unwrap(), 0);
    let change = async |secrets: &mut SecretsByCarrier| {
        calls += 1;
        if calls < 3 {
            printed(&system, &["carrier", "rotate", "loopback"]).await;
        }
        secrets.remove(&removed);
        Ok::<_, StoreError>(())
    };
    let changed = manager.change(&Random::of_system(), change).await.unwrap();
    let stored = stored_secrets(&system).await;
    assert_eq!(serde_json::to_value(&changed).unwrap(), stored);
    assert_eq!((calls, stored["loopback"]["webhook_tokens"].as_array().unwrap().len()), (3, 3));
    assert!(stored["cm"].is_null());
}

/// Runs a command that is held before its first write of the secrets until `meanwhile` is done.
async fn run_while_held(system: &System, words: &[&str], input: &str, meanwhile: impl AsyncFnOnce()) -> Done {
    let emulator = system.emulator.url().clone();
    let (reached, until_reached) = mpsc::channel();
    let (release, until_released) = mpsc::channel::<()>();
    let mut is_first = true;
    let proxy = TestServer::with(move |request| {
        if is_call(request, "PutSecretValue") && std::mem::take(&mut is_first) {
            reached.send(()).unwrap();
            // Gives this worker's other tasks to another thread.
            tokio::task::block_in_place(|| until_released.recv_timeout(DEADLINE).unwrap());
        }
        Response::Forward(emulator.clone())
    });
    let proxy = proxy.await;
    let others = async {
        tokio::task::spawn_blocking(move || until_reached.recv_timeout(DEADLINE).unwrap()).await.unwrap();
        meanwhile().await;
        release.send(()).unwrap();
    };
    tokio::join!(admin_at(system, proxy.url(), input, words), others).0
}

async fn set_key(system: &System, name: &str) {
    let key = admin_with_input(system, "key-1", &["carrier", "key", name, "--parts", "key"]).await;
    assert_eq!(key.code, 0, "{}", key.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn add_that_loses_the_race_leaves_the_winners_secret() {
    let system = System::start().await;
    let mut before = Value::Null;
    let win = async || {
        read(&system, &["carrier", "add", "net", "--vendor", "loopback"]).await;
        set_key(&system, "net").await;
        before = stored_secrets(&system).await;
    };
    let lost = run_while_held(&system, &["carrier", "add", "net", "--vendor", "cm"], "", win).await;
    assert!(lost.code == 1 && lost.err.contains("there is a carrier net already"), "{}", lost.err);
    assert_eq!(stored_secrets(&system).await, before);
    assert_eq!(before["net"]["credentials"], json!({"key": "key-1"}));
    assert_eq!(labels(&system).await, ["AWSCURRENT", "AWSPREVIOUS"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn secret_of_one_vendor_is_not_given_to_another() {
    let system = System::start().await;
    read(&system, &["carrier", "add", "net", "--vendor", "loopback"]).await;
    let replace = async || {
        read(&system, &["carrier", "remove", "net", "--yes"]).await;
        read(&system, &["carrier", "add", "net", "--vendor", "cm"]).await;
    };
    let words = ["carrier", "key", "net", "--parts", "key"];
    let done = run_while_held(&system, &words, "key-of-loopback", replace).await;
    assert!(done.code == 1 && done.err.contains("another operator replaced or removed"), "{}", done.err);
    assert!(stored_secrets(&system).await["net"]["credentials"].is_null());
}

#[tokio::test]
async fn change_with_lost_answer_is_made_once() {
    let stale = json!({"__type": "InvalidParameterException", "message": "AWSCURRENT is on another version"});
    let stale = Response::json(400, &stale);
    // The SDK calls again: that is answered as usual, or refused because AWSCURRENT has moved.
    for (operation, second) in
        [("PutSecretValue", None), ("UpdateSecretVersionStage", None), ("UpdateSecretVersionStage", Some(stale))]
    {
        let system = System::start().await;
        let emulator = system.emulator.url().clone();
        let mut calls = 0;
        let proxy = TestServer::with(move |request| {
            let forward = Response::Forward(emulator.clone());
            if !is_call(request, operation) {
                return forward;
            }
            calls += 1;
            match calls {
                1 => Response::LoseAnswer(emulator.clone()),
                2 => second.clone().unwrap_or(forward),
                _ => forward,
            }
        });
        let done = admin_by(&system, proxy.await.url(), &["carrier", "rotate", "loopback"]).await;
        assert_eq!(done.code, 0, "{operation}: {}", done.err);
        let stored = stored_secrets(&system).await;
        assert_eq!(stored["loopback"]["webhook_tokens"].as_array().unwrap().len(), 2, "{operation}");
        assert_eq!(labels(&system).await, ["AWSCURRENT", "AWSPREVIOUS"], "{operation}");
    }
}

#[tokio::test]
async fn label_of_a_command_that_died_is_used_again() {
    let system = System::start().await;
    for index in 0..16 {
        let put = json!({"SecretId": "CarrierSecrets", "SecretString": "{}", "VersionStages": [format!("change-{index}")],
            "ClientRequestToken": uuid::Uuid::new_v4()});
        system.aws("secretsmanager.PutSecretValue", &put).await;
    }
    assert_eq!(read(&system, &["carrier", "rotate", "loopback"]).await["tokens"], 2);
    assert_eq!(labels(&system).await.len(), 2 + 15);
}

#[tokio::test]
async fn secrets_longer_than_permitted_are_refused_before_a_write() {
    let system = System::start().await;
    let mut secrets = stored_secrets(&system).await;
    secrets["loopback"]["credentials"] = json!({"key": ""});
    let room = LONGEST_TEXT - secrets.to_string().len();
    // A token and its quotes and comma no longer fit.
    secrets["loopback"]["credentials"]["key"] = "x".repeat(room - 66).into();
    store_secrets(&system, &secrets).await;
    let (before, versions) = (stored_secrets(&system).await, labels(&system).await);
    let error = refused(&system, &["carrier", "rotate", "loopback"]).await;
    assert!(error.contains("65537 bytes") && error.contains("65536 at most"), "{error}");
    assert_eq!((stored_secrets(&system).await, labels(&system).await), (before, versions));
    // One byte less fits.
    secrets["loopback"]["credentials"]["key"] = "x".repeat(room - 67).into();
    store_secrets(&system, &secrets).await;
    printed(&system, &["carrier", "rotate", "loopback"]).await;
    assert_eq!(stored_secrets(&system).await.to_string().len(), LONGEST_TEXT);
}

/// Posts a webhook with this secret's signature, and returns the status.
async fn signed(system: &System, path: &str, secret: &str) -> u16 {
    let body = json!({"id": "c", "reference": uuid::Uuid::nil(), "status": "delivered"}).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let post = system.request(Method::POST, path).header("content-type", "application/json");
    post.header("x-loopback-signature", signature).body(body).send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn old_signing_secret_counts_until_it_is_retired() {
    let system = System::start().await;
    let set = async |secret: &str| {
        let done = admin_with_input(&system, secret, &["carrier", "signing-secret", "loopback"]).await;
        assert_eq!(done.code, 0, "{}", done.err);
        system.advance(301).await;
        done.out + &done.err
    };
    let path = read(&system, &["carrier", "show", "loopback"]).await["receipts_path"].as_str().unwrap().to_owned();
    let statuses = async || {
        let mut statuses = Vec::new();
        for secret in ["first", "second", "third"] {
            system.advance(11).await;
            statuses.push(signed(&system, &path, secret).await);
        }
        statuses
    };
    let once = set("first").await;
    assert!(once.contains("signing secret  set\n") && !once.contains("before it counts"), "{once}");
    assert_eq!(statuses().await, [200, 401, 401]);
    for _ in 0..2 {
        // Set again, it pushes out no other.
        let both = set("second").await;
        assert!(both.contains("set (2, until retire)") && both.contains("until `admin carrier retire"), "{both}");
        assert!(!both.contains("first") && !both.contains("second\n"), "{both}");
        assert_eq!(statuses().await, [200, 200, 401]);
    }
    set("third").await;
    assert_eq!(statuses().await, [401, 200, 200]);
    assert!(printed(&system, &["carrier", "list"]).await.contains("set (2, until retire)"));
    assert_eq!(read(&system, &["carrier", "retire", "loopback"]).await["signing_secrets"], 1);
    system.advance(301).await;
    assert_eq!(statuses().await, [401, 401, 200]);
}

#[tokio::test]
async fn signing_secret_of_another_vendor_can_be_removed() {
    let system = System::start().await;
    let mut secrets = stored_secrets(&system).await;
    secrets["cm"]["signing_secrets"] = json!(["left"]);
    store_secrets(&system, &secrets).await;
    let shown = printed(&system, &["carrier", "show", "cm"]).await;
    assert!(shown.contains("signing secret  set"), "{shown}");
    assert_eq!(read(&system, &["carrier", "signing-secret", "cm", "--remove"]).await["signing_secret_set"], false);
    assert!(stored_secrets(&system).await["cm"]["signing_secrets"].is_null());
    printed(&system, &["carrier", "signing-secret", "cm", "--remove"]).await;
}
