//! `admin account set --on-unknown` and `admin carrier set --lookup`.

use serde_json::json;
use tests::Phone;

use super::{admin, printed, read, refused};
use crate::system::{DEMO, System, owned};

#[tokio::test]
async fn unknown_outcomes_are_handled_as_the_account_chose() {
    let system = System::start().await;
    assert!(printed(&system, &["account", "show", "demo"]).await.contains("wait"));
    let changed = read(&system, &["account", "set", "demo", "--on-unknown", "resend"]).await;
    assert_eq!(changed["account"]["on_unknown"], "resend");
    let renamed = read(&system, &["account", "set", "demo", "--name", "Renamed"]).await;
    assert_eq!(renamed["account"]["on_unknown"], "resend");
    assert_eq!(admin(&system, &["account", "set", "demo", "--on-unknown", "guess"]).await.code, 2);
    let other = &read(&system, &["account", "show", "other"]).await["account"];
    assert_eq!(other["on_unknown"], "wait");
    let back = read(&system, &["account", "set", "demo", "--on-unknown", "wait"]).await;
    assert_eq!(back["account"]["on_unknown"], "wait");
}

#[tokio::test]
async fn lookup_can_be_enabled_only_for_carriers_that_support_it() {
    let system = System::start().await;
    let endpoint = system.emulator.url().join("loopback/").unwrap().to_string();
    let set = async |more: &[&str]| {
        let words = [&["carrier", "set", "loopback", "--endpoint", &endpoint], more].concat();
        read(&system, &words).await["lookup"].clone()
    };
    assert_eq!(set(&[]).await, json!(false));
    assert_eq!(set(&["--lookup"]).await, json!(true));
    assert_eq!(set(&[]).await, json!(true), "omitted options keep their values");
    let message = system.send_one(DEMO, owned(&Phone::unanswered(), "Hello")).await;
    let id = message["messageUuid"].clone();
    system.until_state(&id, "unknown").await;
    system.advance(125).await;
    system.until_state(&id, "submitted").await;
    assert_eq!(set(&["--no-lookup"]).await, json!(false));
    let words = ["carrier", "set", "cm", "--endpoint", &endpoint, "--lookup"];
    let foreign = refused(&system, &words).await;
    assert!(foreign.contains("'lookup' is not supported: CM.com has no API"), "{foreign}");
}
