//! `admin carrier remove`: refused while something needs the carrier, and completed after a crash.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{Phone, route_positions};

use super::{PHONE, admin, admin_with_input, forget, printed, read, refused, stored_secrets};
use crate::system::{DEMO, System, owned};

const REMOVE: [&str; 3] = ["carrier", "remove", "net"];
const CONFIRMED: [&str; 4] = ["carrier", "remove", "net", "--yes"];
const ABANDONED: [&str; 5] = ["carrier", "remove", "net", "--abandon-messages", "--yes"];

/// Adds the carrier `net` with credentials, and a route to it.
async fn with_carrier() -> (System, Value) {
    let system = System::start().await;
    let added = read(&system, &["carrier", "add", "net", "--vendor", "loopback"]).await;
    assert_eq!(admin_with_input(&system, "key-1", &["carrier", "key", "net", "--parts", "key"]).await.code, 0);
    printed(&system, &["route", "add", "--carriers", "net", "--account", "demo", "--at", "1"]).await;
    system.advance(31).await;
    (system, added)
}

async fn without_route(system: &System) {
    printed(system, &["route", "remove", "1"]).await;
    system.advance(31).await;
}

async fn submit_without_receipt(system: &System) {
    let message = system.send_one(DEMO, owned(&Phone::delivers_without_receipt(), "Hello")).await;
    system.until_state(&message, "submitted").await;
}

#[tokio::test]
async fn carrier_is_removed_once_nothing_needs_it() {
    let (system, added) = with_carrier().await;
    submit_without_receipt(&system).await;
    let needed = refused(&system, &CONFIRMED).await;
    assert!(needed.contains("1 route (rule 1) and 1 unfinished message name the carrier net"), "{needed}");
    assert!(needed.contains("admin route list") && needed.contains("admin message list --carrier net"), "{needed}");
    assert_eq!(read(&system, &["message", "list", "--carrier", "net"]).await["messages"].as_array().unwrap().len(), 1);
    without_route(&system).await;
    let needed = refused(&system, &REMOVE).await;
    assert!(needed.contains("0 routes and 1 unfinished message name"), "{needed}");

    let lost = json!({"id": "c", "reference": uuid::Uuid::new_v4(), "status": "delivered"});
    let webhook = added["receipts_path"].as_str().unwrap();
    system.advance(3 * 86_400).await;
    system.deliver_webhook(webhook, &lost).await;
    let unsure = admin(&system, &[&REMOVE[..], &["--json"]].concat()).await;
    let counts: Value = serde_json::from_str(&unsure.err).unwrap();
    assert_eq!((unsure.code, &counts["messages"], &counts["unmatched"]), (2, &json!(0), &json!(1)), "{counts}");
    assert!(counts["error"].as_str().unwrap().contains("--yes"), "{counts}");
    assert_eq!(read(&system, &["carrier", "show", "net"]).await["tokens"], 1, "nothing is removed without --yes");

    let done = admin(&system, &CONFIRMED).await;
    assert!(done.code == 0 && done.err.contains("1 unmatched receipt or reply"), "{}", done.err);
    assert!(refused(&system, &["carrier", "show", "net"]).await.contains("not set up"));
    assert!(refused(&system, &CONFIRMED).await.contains("not set up"));
    assert!(stored_secrets(&system).await["net"].is_null());
    let url = system.emulator.url().join("carriers/net/outage").unwrap();
    let simulated = system.client.put(url).json(&json!({"down": true})).send().await.unwrap();
    assert_eq!(simulated.status(), StatusCode::NOT_FOUND);
    system.advance(301).await;
    assert_eq!(system.post_webhook(webhook, &lost).await.status, StatusCode::NOT_FOUND);
    // The name is free, for another vendor, too.
    let again = read(&system, &["carrier", "add", "net", "--vendor", "cm"]).await;
    assert_eq!(again["credentials_set"], false);
    assert_ne!(again["receipts_path"], added["receipts_path"]);
}

#[tokio::test]
async fn finished_message_or_another_carrier_blocks_no_removal() {
    let (system, _) = with_carrier().await;
    let message = system.send_one(DEMO, owned(&PHONE, "Delivered")).await;
    system.until_state(&message, "delivered").await;
    without_route(&system).await;
    submit_without_receipt(&system).await;
    assert_eq!(read(&system, &CONFIRMED).await["messages"], 0);
    let other = refused(&system, &["carrier", "remove", "loopback", "--yes"]).await;
    let route = format!("1 route (rule {}) and 1 unfinished message", route_positions("loopback")[0]);
    assert!(other.contains(&route), "{other}");
}

#[tokio::test]
async fn unknown_outcome_blocks_the_removal() {
    let (system, _) = with_carrier().await;
    let message = system.send_one(DEMO, owned(&Phone::unanswered(), "Hello")).await;
    system.until_state(&message, "unknown").await;
    without_route(&system).await;
    assert!(refused(&system, &CONFIRMED).await.contains("1 unfinished message"));
}

#[tokio::test]
async fn removal_completes_after_a_crash() {
    let (system, _) = with_carrier().await;
    submit_without_receipt(&system).await;
    without_route(&system).await;
    // The secret was removed, and then the tool died.
    let mut secrets = stored_secrets(&system).await;
    secrets.as_object_mut().unwrap().remove("net");
    let token = uuid::Uuid::new_v4();
    let put = json!({"SecretId": "CarrierSecrets", "SecretString": secrets.to_string(), "ClientRequestToken": token});
    system.aws("secretsmanager.PutSecretValue", &put).await;
    let listed = admin(&system, &["carrier", "list"]).await.err;
    assert!(listed.contains("net has no webhook addresses"), "{listed}");
    let advice = |text: &str| ["carrier set net", "carrier remove net"].map(|command| text.find(command).unwrap());
    assert!(advice(&listed).is_sorted(), "the command that restores the carrier comes first: {listed}");
    let shown = admin(&system, &["carrier", "show", "net"]).await.err;
    assert!(advice(&shown).is_sorted(), "{shown}");
    // A carrier that is restored can report on its messages again.
    for words in [&REMOVE[..], &CONFIRMED] {
        let needed = refused(&system, words).await;
        assert!(needed.contains("0 routes and 1 unfinished message name"), "{needed}");
        assert!(needed.contains("carrier set net") && needed.contains("--abandon-messages"), "{needed}");
    }
    let unsure = admin(&system, &ABANDONED[..4]).await;
    assert!(unsure.code == 2 && unsure.err.contains("but 1 unfinished message does"), "{}", unsure.err);
    let removed = read(&system, &ABANDONED).await;
    assert_eq!((&removed["removed"], &removed["messages"]), (&json!("net"), &json!(1)));
    assert_eq!(admin(&system, &["carrier", "list"]).await.err, "");

    // The settings were removed, too, but not the name.
    read(&system, &["carrier", "add", "net", "--vendor", "loopback"]).await;
    forget(&system, "carrier#net").await;
    let listed = admin(&system, &["carrier", "list"]).await.err;
    assert!(listed.contains("net has no settings") && listed.contains("carrier add net"), "{listed}");
    read(&system, &ABANDONED).await;
    assert_eq!(admin(&system, &["carrier", "list"]).await.err, "");
    assert!(stored_secrets(&system).await["net"].is_null());
}

#[tokio::test]
async fn settings_without_a_secret_are_healed_by_a_change() {
    let (system, added) = with_carrier().await;
    let mut secrets = stored_secrets(&system).await;
    secrets.as_object_mut().unwrap().remove("net");
    let token = uuid::Uuid::new_v4();
    let put = json!({"SecretId": "CarrierSecrets", "SecretString": secrets.to_string(), "ClientRequestToken": token});
    system.aws("secretsmanager.PutSecretValue", &put).await;
    let healed = read(&system, &["carrier", "set", "net"]).await;
    assert_eq!((&healed["tokens"], &healed["credentials_set"]), (&json!(1), &json!(false)));
    assert_ne!(healed["receipts_path"], added["receipts_path"]);
    assert_eq!(admin(&system, &["carrier", "list"]).await.err, "");
    let receipt = json!({"id": "c", "reference": uuid::Uuid::new_v4(), "status": "delivered"});
    system.deliver_webhook(healed["receipts_path"].as_str().unwrap(), &receipt).await;
}

#[tokio::test]
async fn only_an_incomplete_carrier_abandons_its_messages() {
    let (system, _) = with_carrier().await;
    submit_without_receipt(&system).await;
    without_route(&system).await;
    assert!(refused(&system, &ABANDONED).await.contains("1 unfinished message"));
}

#[tokio::test]
async fn route_to_a_partly_removed_carrier_blocks_the_rest() {
    let (system, _) = with_carrier().await;
    forget(&system, "carrier#net").await;
    let needed = refused(&system, &CONFIRMED).await;
    assert!(needed.contains("1 route (rule 1)"), "{needed}");
    printed(&system, &["route", "remove", "1"]).await;
    read(&system, &CONFIRMED).await;
}
