//! A client adds, lists, changes and removes webhooks, and events go to them.

use futures_util::future::{join, join_all};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use tests::{Phone, System};

use super::{CACHE_SECONDS, call, data, failure, post, read, send_numbered};
use crate::{
    admin::{printed, read as admin_json},
    system::{DEMO, OTHER},
};

const PHONE: Phone = Phone::delivers();
const PATH: &str = "/v3/webhooks";
const SECRET: &str = "a-secret-of-the-client";

fn webhook(event: &str, url: &str) -> Value {
    json!({"event": event, "url": url, "secret": SECRET})
}

/// Adds a webhook as the demo account, and returns its ID.
async fn add(system: &System, event: &str, url: &str) -> u64 {
    data(post(system, PATH, &webhook(event, url)).await)["id"].as_u64().unwrap()
}

async fn ids(system: &System) -> Vec<u64> {
    let listed = read(system, &format!("{PATH}?pageSize=100")).await;
    let rows = listed["rows"].as_array().unwrap();
    assert_eq!(listed["total"], rows.len());
    rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

async fn patch(system: &System, key: &str, id: u64, change: &Value) -> crate::system::Answer {
    call(system, key, Method::PATCH, &format!("{PATH}/{id}"), change).await
}

/// Returns the signature that the vendor's page describes.
fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn webhook_is_added_changed_and_removed() {
    let system = System::start().await;
    let now = format!("{:.3}", system.now().await)[..16].to_owned();
    let mut full = webhook("delivery-status", "https://a.example/hook?token=t");
    full["alertEmail"] = json!("ops@a.example");
    full["skipErrorCodes"] = json!(["30003"]);
    full["maxThroughputPerMinute"] = json!(600);
    let added = post(&system, PATH, &full).await;
    assert_eq!((added.status, &added.body["message"]), (StatusCode::OK, &json!("Webhook 1 created successfully.")));
    assert!(added.body["success"].is_null(), "{}", added.body);
    let mut shown = added.body["data"].clone();
    assert!(shown["createdAt"].as_str().unwrap().starts_with(&now), "{shown}");
    let expected = json!({"id": 1, "event": "delivery-status", "url": "https://a.example/hook?token=t",
        "alertEmail": "ops@a.example", "sendAlertEmail": false, "skipErrors": null, "skipErrorCodes": ["30003"],
        "retryOnError": null, "maxThroughputPerMinute": 600, "createdAt": shown["createdAt"]});
    assert_eq!(shown, expected);
    assert_eq!(add(&system, "message-reply", "https://a.example/replies").await, 2);

    let changed = patch(&system, DEMO, 1, &json!({"url": "https://b.example/", "skipErrors": true})).await;
    assert_eq!(changed.body["message"], "Webhook 1 updated successfully.");
    (shown["url"], shown["skipErrors"]) = (json!("https://b.example/"), json!(true));
    assert_eq!(data(changed), shown);
    let listed = read(&system, PATH).await;
    assert_eq!((&listed["rows"][0], &listed["rows"][1]["id"]), (&shown, &json!(2)));
    assert_eq!((&listed["page"], &listed["pageSize"], &listed["total"]), (&json!(0), &json!(25), &json!(2)));
    let second = read(&system, &format!("{PATH}?page=1&pageSize=1")).await;
    assert_eq!((second["rows"].as_array().unwrap().len(), &second["rows"][0]["id"]), (1, &json!(2)));

    let removed = system.delete(DEMO, &format!("{PATH}/2")).await;
    assert_eq!((removed.status, removed.body), (StatusCode::OK, json!({"message": "Webhook 2 deleted successfully."})));
    assert_eq!(ids(&system).await, [1]);
    failure(system.delete(DEMO, &format!("{PATH}/2")).await, 404);
    failure(patch(&system, DEMO, 2, &json!({})).await, 404);
    assert_eq!(add(&system, "message-reply", "https://a.example/again").await, 3, "an ID is not used again");
}

#[tokio::test]
async fn invalid_webhook_changes_nothing() {
    let system = System::start().await;
    add(&system, "message-reply", "https://a.example/replies?token=t").await;
    let before = read(&system, PATH).await;
    let bad = json!({"event": "lost", "url": "https://user:token@a.example", "secret": "", "sendAlertEmail": true});
    for answer in [post(&system, PATH, &bad).await, patch(&system, DEMO, 1, &bad).await] {
        let errors = answer.body["errors"].clone();
        let words = failure(answer, 400);
        let named: Vec<_> = errors.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(named, ["sendAlertEmail", "event", "url", "secret"], "{words}");
        assert!(words.contains("the gateway sends no e-mail") && !words.contains("token@"), "{words}");
    }
    failure(post(&system, PATH, &json!([])).await, 400);
    for query in ["page=x", "pageSize=101", "page=0&page=1"] {
        failure(system.get(DEMO, &format!("{PATH}?{query}")).await, 400);
    }
    assert_eq!(read(&system, PATH).await, before);
}

#[tokio::test]
async fn account_has_its_own_webhooks_and_50_at_most() {
    let system = System::start().await;
    assert_eq!(add(&system, "message-reply", "https://a.example/replies").await, 1);
    assert_eq!(data(system.get(OTHER, PATH).await), json!({"rows": [], "page": 0, "pageSize": 25, "total": 0}));
    failure(patch(&system, OTHER, 1, &json!({"url": "https://evil.example/"})).await, 404);
    failure(system.delete(OTHER, &format!("{PATH}/1")).await, 404);
    let others = call(&system, OTHER, Method::POST, PATH, &webhook("message-reply", "https://other.example/")).await;
    assert_eq!(data(others)["id"], 1, "IDs count for each account");
    assert_eq!(read(&system, PATH).await["rows"][0]["url"], "https://a.example/replies");

    for id in 2..=50 {
        assert_eq!(add(&system, "message-reply", "https://a.example/replies").await, id);
    }
    let words = failure(post(&system, PATH, &webhook("message-reply", "https://a.example/")).await, 409);
    assert!(words.contains("50 webhooks"), "{words}");
    assert_eq!(ids(&system).await, (1..=50).collect::<Vec<_>>());
    assert_eq!(system.delete(DEMO, &format!("{PATH}/7")).await.status, StatusCode::OK);
    assert_eq!(add(&system, "message-reply", "https://a.example/replies").await, 51);
}

#[tokio::test]
async fn concurrent_additions_and_changes_are_all_kept() {
    let system = System::start().await;
    let first = add(&system, "message-reply", "https://a.example/0").await;
    let urls: Vec<_> = (1..=4).map(|index| format!("https://a.example/{index}")).collect();
    let adding = join_all(urls.iter().map(|url| add(&system, "message-reply", url)));
    let changing = join_all([json!({"retryOnError": true}), json!({"skipErrors": true})].map(|change| {
        let system = &system;
        async move { patch(system, DEMO, first, &change).await.status }
    }));
    let (mut added, changed) = join(adding, changing).await;
    assert_eq!(changed, [StatusCode::OK, StatusCode::OK]);
    added.sort_unstable();
    assert_eq!(added, [2, 3, 4, 5]);
    let rows = read(&system, PATH).await["rows"].clone();
    assert_eq!((&rows[0]["retryOnError"], &rows[0]["skipErrors"]), (&json!(true), &json!(true)), "no change is lost");
    let mut kept: Vec<_> = rows.as_array().unwrap()[1..].iter().map(|row| row["url"].as_str().unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, urls);
}

#[tokio::test]
async fn webhook_removed_twice_at_once_is_gone_and_stays_gone() {
    let system = System::start().await;
    add(&system, "message-reply", "https://a.example/0").await;
    let kept = add(&system, "message-reply", "https://a.example/1").await;
    let path = format!("{PATH}/1");
    let removing = join_all([system.delete(DEMO, &path), system.delete(DEMO, &path)]);
    let (removed, changed) = join(removing, patch(&system, DEMO, 1, &json!({"skipErrors": true}))).await;
    let statuses: Vec<_> = removed.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    assert!([200, 404].contains(&changed.status.as_u16()), "{}", changed.body);
    assert_eq!(ids(&system).await, [kept], "a change does not bring a removed webhook back");
}

#[tokio::test]
async fn events_go_to_the_webhooks_signed_with_their_secrets() {
    let system = System::start().await;
    let id = add(&system, "delivery-status", &system.sink("first")).await;
    add(&system, "message-reply", &system.sink("mta-replies")).await;
    let number = send_numbered(&system, &[&PHONE], |_| {}).await;
    let delivered = system.until_callback_that("first", "a delivery", |one| one.json()["status"] == "delivered").await;
    assert_eq!(
        (&delivered.json()["type"], &delivered.json()["messageId"]),
        (&json!("delivery-status"), &json!(number))
    );
    let signature = sign(SECRET, delivered.body());
    assert_eq!(delivered.header("x-signature"), signature);
    assert!(system.callbacks("mta-replies").await.is_empty());

    let change = json!({"url": system.sink("second"), "secret": "another"});
    assert_eq!(patch(&system, DEMO, id, &change).await.status, StatusCode::OK);
    system.advance_and_settle(CACHE_SECONDS).await;
    let before = system.callbacks("first").await.len();
    send_numbered(&system, &[&PHONE], |_| {}).await;
    let moved = system.until_callback_that("second", "a delivery", |one| one.json()["status"] == "delivered").await;
    let signature = sign("another", moved.body());
    assert_eq!(moved.header("x-signature"), signature);
    assert_eq!(system.callbacks("first").await.len(), before);
}

#[tokio::test]
async fn operator_sees_webhooks_without_their_secrets_and_tokens() {
    let system = System::start().await;
    assert!(printed(&system, &["account", "show", "demo"]).await.contains("webhooks"));
    add(&system, "delivery-status", "https://a.example/hook?token=t").await;
    for (words, url) in [
        (&["account", "show", "demo"][..], "https://a.example/…"),
        (&["account", "show", "demo", "--reveal"], "https://a.example/hook?token=t"),
    ] {
        let shown = &admin_json(&system, words).await["webhooks"];
        assert_eq!(*shown, json!([{"id": 1, "event": "delivery-status", "url": url}]));
        let text = printed(&system, words).await;
        assert!(text.contains(&format!("1 delivery-status {url}\n")), "{text}");
        assert!(!text.contains(SECRET) && !shown.to_string().contains(SECRET));
    }
}
