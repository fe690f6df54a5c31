//! `admin carrier webhooks` shows the calls, makes them on request, and does not repeat them.

use serde_json::{Value, json};
use tests::carrier_configs;

use super::{admin, admin_with_input, printed, read, refused};
use crate::system::{DEMO, OWN_SENDER, System, owned};

const TOKEN: &str = "mta-webhook-token";
const SECRET: &str = "mta-signing-secret";
const PHONE: &str = "447999300001";
const REGISTER: [&str; 3] = ["carrier", "webhooks", "mta"];

/// Returns the simulated vendor's webhooks.
async fn registered(system: &System) -> Vec<Value> {
    let url = system.emulator.url().join("mta/v3/webhooks").unwrap();
    let listed: Value = system.client.get(url).bearer_auth("mta-key").send().await.unwrap().json().await.unwrap();
    let rows = listed["data"]["rows"].as_array().unwrap();
    rows.iter().map(|row| json!([row["event"], row["url"], row["retryOnError"]])).collect()
}

async fn with_yes(system: &System) -> String {
    printed(system, &[&REGISTER[..], &["--yes"]].concat()).await
}

#[tokio::test]
async fn calls_are_shown_without_secrets_and_not_made() {
    let system = System::start().await;
    let done = admin(&system, &REGISTER).await;
    assert_eq!((done.code, done.out.as_str()), (2, ""));
    let endpoint = system.emulator.url().join("mta/v3/webhooks").unwrap();
    for words in [
        "--yes".to_owned(),
        format!("POST {endpoint}\n"),
        format!(
            r#"{{"event":"delivery-status","retryOnError":true,"secret":"…","url":"{}"}}"#,
            system.url("dlr/mta/…")
        ),
        format!(r#"{{"event":"message-reply","retryOnError":true,"secret":"…","url":"{}"}}"#, system.url("mo/mta/…")),
    ] {
        let words = words.replace("%E2%80%A6", "…");
        assert!(done.err.contains(&words), "{words} is not in {}", done.err);
    }
    assert!(!done.err.contains(TOKEN) && !done.err.contains(SECRET), "{}", done.err);
    assert!(registered(&system).await.is_empty());
}

#[tokio::test]
async fn webhooks_are_registered_once() {
    let system = System::start().await;
    let path = |kind: &str| system.url(&format!("{kind}/mta/{TOKEN}"));
    let expected = [json!(["delivery-status", path("dlr"), true]), json!(["message-reply", path("mo"), true])].to_vec();
    assert_eq!(with_yes(&system).await, "delivery-status: registered\nmessage-reply: registered");
    assert_eq!(registered(&system).await, expected);
    let again = "delivery-status: was registered already\nmessage-reply: was registered already";
    assert_eq!(with_yes(&system).await, again);
    assert_eq!(printed(&system, &REGISTER).await, again, "there is nothing to confirm");
    assert_eq!(registered(&system).await, expected);
    // The vendor posts the receipt to the registered address, signed with the registered secret.
    let sent = system.send_one(DEMO, owned(PHONE, "Hello")).await;
    system.until_state(&sent, "delivered").await;
    system.reply_from(PHONE, OWN_SENDER, "Hi").await;
    assert_eq!(system.until_callback("replies").await.json()["message"], "Hi");

    // After a rotation the new addresses are missing.
    printed(&system, &["carrier", "rotate", "mta"]).await;
    let shown = read(&system, &[&REGISTER[..], &["--yes"]].concat()).await;
    let states: Vec<_> = shown["webhooks"].as_array().unwrap().iter().collect();
    assert!(states.iter().all(|call| call["was_registered"] == false && call["other_addresses"] == 1), "{shown}");
    assert_eq!(registered(&system).await.len(), 4);
    let elsewhere = [&REGISTER[..], &["--url", "https://sms.acme.example/api"]].concat();
    let done = admin(&system, &elsewhere).await;
    assert!(done.code == 2 && done.err.contains("https://sms.acme.example/api/dlr/mta/…"), "{}", done.err);
}

#[tokio::test]
async fn vendor_without_an_api_gets_the_addresses_by_hand() {
    let system = System::start().await;
    for (name, config) in carrier_configs() {
        if config.vendor.profile().webhook_events.is_some() {
            continue;
        }
        let done = admin(&system, &["carrier", "webhooks", name.as_str()]).await;
        assert!(done.code == 0 && done.err.contains("has no API for that; give it these addresses"), "{}", done.err);
        let address = |kind: &str| system.url(&format!("{kind}/{name}/{}", config.webhook_token)).to_string();
        assert!(done.out.contains(&address("mo")), "{}", done.out);
        assert_eq!(done.out.contains(&address("dlr")), !config.vendor.profile().takes_webhook_url, "{}", done.out);
    }
    let shown = admin(&system, &["carrier", "show", "mta"]).await;
    let by_hand = "the receipts address for the event delivery-status, and the replies address for message-reply";
    assert!(shown.err.contains(by_hand) && shown.out.contains(TOKEN), "{} {}", shown.out, shown.err);
}

#[tokio::test]
async fn missing_secret_or_refusal_is_explained() {
    let system = System::start().await;
    printed(&system, &["carrier", "signing-secret", "mta", "--remove"]).await;
    let error = refused(&system, &REGISTER).await;
    assert!(error.contains("no signing secret") && error.contains("`admin carrier signing-secret mta`"), "{error}");
    let done = admin_with_input(&system, "another\n", &["carrier", "signing-secret", "mta"]).await;
    assert_eq!(done.code, 0, "{}", done.err);
    let url = system.emulator.url().join("carriers/mta").unwrap();
    assert!(system.client.delete(url).send().await.unwrap().status().is_success());
    let error = refused(&system, &REGISTER).await;
    assert!(error.contains("the vendor refused: status 401: Unauthorized. Nothing was registered"), "{error}");
    printed(&system, &["carrier", "set", "mta", "--endpoint", "http://127.0.0.1:1/"]).await;
    let error = refused(&system, &REGISTER).await;
    assert!(error.contains("the vendor did not answer: no connection to the carrier"), "{error}");
}

#[tokio::test]
async fn sender_id_that_is_no_number_is_refused() {
    let system = System::start().await;
    let before = read(&system, &["carrier", "show", "mta"]).await["sender_ids"].clone();
    assert_eq!(before[OWN_SENDER], "1001");
    for id in ["abc", "1.5", "-1", "007", "+7", "99999999999999999999"] {
        let error = refused(&system, &["carrier", "set", "mta", "--sender-id", &format!("Acme={id}")]).await;
        assert!(
            error.contains("'sender_ids' has an ID that is not a whole number") && error.contains("longcodeId"),
            "{error}"
        );
    }
    let changed = read(&system, &["carrier", "set", "mta", "--sender-id", "Acme=7"]).await;
    assert_eq!(changed["sender_ids"]["Acme"], "7");
}
