//! `admin carrier`: named connections of vendors, their settings and secrets, and the guard of `--local`.

use serde_json::{Value, json};
use tests::{Phone, carrier_configs, route_positions};

use super::{PHONE, admin, admin_with_input, forget, printed, read, refused, stored_secrets};
use crate::system::{DEMO, OWN_SENDER, System, owned};

const REAL: &str = "https://gw.messaging.cm.com/";
const ADD_CM: [&str; 5] = ["carrier", "add", "cm-nl", "--vendor", "cm"];
const ADD_LOOPBACK: [&str; 5] = ["carrier", "add", "net", "--vendor", "loopback"];

/// Adds a carrier, and a route for the demo account's messages to it.
async fn add_with_route(system: &System, words: &[&str]) -> Value {
    let added = read(system, words).await;
    printed(system, &["route", "add", "--carriers", words[2], "--account", "demo", "--at", "1"]).await;
    // The functions cache routes for 30 seconds.
    system.advance(31).await;
    added
}

/// Runs a command with a text on standard input, and expects success.
async fn entered(system: &System, input: &str, words: &[&str]) -> String {
    let done = admin_with_input(system, input, words).await;
    assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    done.out + &done.err
}

async fn deliver(system: &System, phone: &Phone) -> String {
    let message = system.send_one(DEMO, owned(phone, "Hello")).await;
    system.until_state(&message, "delivered").await.carrier().to_owned()
}

/// Returns how many submits the simulated vendor accepted for each carrier.
async fn accepted(system: &System, name: &str) -> u64 {
    let url = system.emulator.url().join("carriers").unwrap();
    let listed: Value = system.client.get(url).send().await.unwrap().json().await.unwrap();
    let carrier = listed["carriers"].as_array().unwrap().iter().find(|carrier| carrier["name"] == name);
    carrier.unwrap()["accepted"].as_u64().unwrap()
}

#[tokio::test]
async fn carriers_are_listed_with_vendor_credentials_and_routes() {
    let system = System::start().await;
    let listed = read(&system, &["carrier", "list"]).await["carriers"].as_array().unwrap().clone();
    let configured = carrier_configs();
    assert_eq!(listed.len(), configured.len());
    for (listed, (name, carrier)) in listed.iter().zip(&configured) {
        let endpoint = system.emulator.url().join(&format!("{}/", carrier.vendor)).unwrap();
        let expected = json!({
            "carrier": name, "vendor": carrier.vendor, "endpoint": endpoint, "timeout_ms": 3000, "lookup": false,
            "receipts_by_id": false, "country_code": null, "sender_ids": carrier.sender_ids,
            "webhook_url": carrier.vendor.profile().takes_webhook_url.then(|| system.url("/")),
            "credentials_set": carrier.key.is_some() || carrier.login.is_some(),
            "signing_secret_set": carrier.signing_secret.is_some(),
            "signing_secrets": carrier.signing_secret.iter().len(), "routes": route_positions(name.as_str()),
        });
        assert_eq!(*listed, expected);
    }
    let text = printed(&system, &["carrier", "list"]).await;
    assert!(
        text.starts_with("NAME") && text.contains("not needed") && text.lines().count() == 1 + configured.len(),
        "{text}"
    );
}

#[tokio::test]
async fn local_carrier_leaves_the_machine_only_on_request() {
    let system = System::start().await;
    let simulated = read(&system, &["carrier", "show", "cm"]).await["endpoint"].clone();
    for command in [&["carrier", "set", "cm"][..], &ADD_CM] {
        let guarded = refused(&system, &[command, &["--endpoint", REAL]].concat()).await;
        assert!(guarded.contains(REAL) && guarded.contains("--allow-external"), "{guarded}");
    }
    let changed = read(&system, &["carrier", "set", "cm", "--timeout-ms", "5000"]).await;
    assert_eq!((&changed["endpoint"], &changed["timeout_ms"]), (&simulated, &json!(5000)));
    for here in ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/"] {
        assert_eq!(read(&system, &["carrier", "set", "cm", "--endpoint", here]).await["endpoint"], here);
    }
    let without_slash = REAL.trim_end_matches('/');
    let words = ["carrier", "set", "cm", "--endpoint", without_slash, "--allow-external"];
    let allowed = read(&system, &words).await;
    assert_eq!((&allowed["endpoint"], &allowed["timeout_ms"]), (&json!(REAL), &json!(5000)));
    let listed = printed(&system, &["carrier", "list"]).await;
    assert!(!listed.contains("cm-nl"), "a refused carrier is not added: {listed}");
}

#[tokio::test]
async fn existing_carrier_is_not_added_again() {
    let system = System::start().await;
    let before = (read(&system, &["carrier", "show", "cm"]).await, stored_secrets(&system).await);
    let again = refused(&system, &["carrier", "add", "cm", "--vendor", "loopback", "--timeout-ms", "1"]).await;
    assert!(again.contains("there is a carrier cm already") && again.contains("carrier set cm"), "{again}");
    assert_eq!((read(&system, &["carrier", "show", "cm"]).await, stored_secrets(&system).await), before);
    // Credentials that are left over may be another vendor's.
    forget(&system, "carrier#cm").await;
    let anew = read(&system, &["carrier", "add", "cm", "--vendor", "loopback"]).await;
    assert_eq!((&anew["credentials_set"], &anew["receipts_path"]), (&json!(false), &before.0["receipts_path"]));
}

#[tokio::test]
async fn foreign_setting_is_refused_by_its_name() {
    let system = System::start().await;
    let secrets = stored_secrets(&system).await;
    let settings = async || read(&system, &["carrier", "show", "cm-uk"]).await;
    let before = settings().await;
    for (field, option) in [
        ("lookup", &["--lookup"][..]),
        ("receipts_by_id", &["--receipts-by-id"]),
        ("country_code", &["--country-code", "31"]),
        ("sender_ids", &["--sender-id", "Acme=1"]),
    ] {
        for command in [&["carrier", "set", "cm-uk"][..], &ADD_CM] {
            let error = refused(&system, &[command, option].concat()).await;
            let expected = format!("'{field}' is not supported: CM.com ");
            assert!(error.contains(&expected) && error.contains("Nothing was changed"), "{error}");
        }
    }
    let done = admin_with_input(&system, "secret", &["carrier", "signing-secret", "cm"]).await;
    assert!(done.code == 1 && done.err.contains("'signing_secret' is not supported"), "{}", done.err);
    assert_eq!((settings().await, stored_secrets(&system).await), (before, secrets));
    assert!(refused(&system, &["carrier", "show", "cm-nl"]).await.contains("cm-nl is not set up"));
    for words in [
        &["carrier", "add", "cm-nl", "--vendor", "pigeon"][..],
        &["carrier", "add", "cm-nl"],
        &["carrier", "add", "CM", "--vendor", "cm"],
        &["carrier", "set", "loopback", "--country-code", "NL"],
        &["carrier", "set", "loopback", "--country-code", "39"],
        &["carrier", "key", "loopback", "--parts", "key", "--remove"],
        &["carrier", "set", "loopback", "--sender-id", "Acme"],
        &["carrier", "set", "loopback", "--sender-id", "Acme=1", "--sender-id", "Acme=2"],
        &["carrier", "key", "loopback", "--parts", "login,pin"],
        &["carrier", "set", "cm", "--endpoint", "gw.example"],
    ] {
        let done = admin(&system, words).await;
        assert!(done.code == 2 && !done.err.is_empty(), "{words:?}: {done:?}");
    }
}

#[tokio::test]
async fn second_connection_has_its_own_credentials_and_webhooks() {
    let system = System::start().await;
    let done = admin(&system, &ADD_CM).await;
    assert!(done.code == 0 && done.err.contains("without its credentials (key)"), "{}", done.err);
    assert!(done.err.contains("No route leads to cm-nl"), "{}", done.err);
    printed(&system, &["route", "add", "--carriers", "cm-nl", "--account", "demo", "--at", "1"]).await;
    let shown = entered(&system, "nl-token\n", &["carrier", "key", "cm-nl"]).await;
    assert!(shown.contains("cm (CM.com)") && shown.contains("set: key") && !shown.contains("nl-token"), "{shown}");
    system.advance(31).await;

    assert_eq!(deliver(&system, &PHONE).await, "cm-nl");
    let counts = [accepted(&system, "cm-nl").await, accepted(&system, "cm").await, accepted(&system, "cm-uk").await];
    assert_eq!(counts, [1, 0, 0], "the product token tells the connections apart");
    let of_carrier = read(&system, &["message", "list", "--carrier", "cm-nl"]).await;
    assert_eq!(of_carrier["messages"].as_array().unwrap().len(), 1);
    let of_another = read(&system, &["message", "list", "--carrier", "cm"]).await;
    assert_eq!(of_another["messages"], json!([]));

    // After the rotation the simulated vendor posts to the new address.
    let old = read(&system, &["carrier", "show", "cm-nl"]).await["receipts_path"].clone();
    let new = read(&system, &["carrier", "rotate", "cm-nl"]).await["receipts_path"].clone();
    read(&system, &["carrier", "retire", "cm-nl"]).await;
    system.advance(301).await;
    let status = async |path: &Value| {
        let answer = system.post_webhook(path.as_str().unwrap(), &json!({"messages": {"msg": []}})).await;
        answer.status.as_u16()
    };
    assert_eq!((status(&old).await, status(&new).await), (404, 200));
    assert_eq!(deliver(&system, &PHONE).await, "cm-nl");
}

#[tokio::test]
async fn all_parts_of_the_credentials_are_replaced_at_once() {
    let system = System::start().await;
    add_with_route(&system, &ADD_LOOPBACK).await;
    let stored = async || stored_secrets(&system).await["net"].clone();
    let which = admin_with_input(&system, "me\n", &["carrier", "key", "net"]).await;
    assert!(which.code == 1 && which.err.contains("--parts key, or --parts login,password"), "{}", which.err);
    let both = ["carrier", "key", "net", "--parts", "password,login"];
    for (input, field) in [
        ("pass", "'login' has no line"),
        ("\nme", "'password' has an"),
        ("a\nb\nc", "'login' is"),
        ("pass\nme:too", "'login' has a colon"),
    ] {
        let done = admin_with_input(&system, input, &both).await;
        assert!(done.code == 1 && done.err.contains(field), "{}", done.err);
    }
    assert!(stored().await["credentials"].is_null());
    entered(&system, "key-1\n", &["carrier", "key", "net", "--parts", "key"]).await;
    assert_eq!(deliver(&system, &PHONE).await, "net");
    let shown = entered(&system, "pass\nme\n", &both).await;
    assert_eq!(stored().await["credentials"], json!({"login": "me", "password": "pass"}));
    assert!(shown.contains("set: login, password") && !shown.contains("pass\n"), "{shown}");
    // The functions cache secrets for five minutes.
    system.advance(301).await;
    assert_eq!(deliver(&system, &PHONE).await, "net");
    assert_eq!(accepted(&system, "net").await, 2);
}

#[tokio::test]
async fn credentials_are_removed_only_if_the_vendor_needs_none() {
    let system = System::start().await;
    let needed = refused(&system, &["carrier", "key", "cm", "--remove"]).await;
    assert!(needed.contains("'key' is not set") && needed.contains("Nothing was changed"), "{needed}");
    assert_eq!(read(&system, &["carrier", "show", "cm"]).await["credentials_set"], true);
    read(&system, &ADD_LOOPBACK).await;
    entered(&system, "key-1\n", &["carrier", "key", "net", "--parts", "key"]).await;
    let removed = printed(&system, &["carrier", "key", "net", "--remove"]).await;
    assert!(removed.contains("credentials     not needed"), "{removed}");
    assert!(stored_secrets(&system).await["net"]["credentials"].is_null());
}

#[tokio::test]
async fn change_of_the_vendors_account_comes_with_a_warning() {
    let system = System::start().await;
    let warning = "A carrier is one account at the vendor";
    read(&system, &ADD_LOOPBACK).await;
    let key = async |text: &str| entered(&system, text, &["carrier", "key", "net", "--parts", "key"]).await;
    assert!(!key("key-1").await.contains(warning) && !key("key-1").await.contains(warning));
    assert!(key("key-2").await.contains(warning));
    let endpoint = read(&system, &["carrier", "show", "net"]).await["endpoint"].as_str().unwrap().to_owned();
    let set = async |url: &str| admin(&system, &["carrier", "set", "net", "--endpoint", url]).await.err;
    assert!(!set(&endpoint).await.contains(warning));
    assert!(set("http://127.0.0.1:1/").await.contains(warning));
}

#[tokio::test]
async fn webhooks_need_a_signature_while_there_is_a_signing_secret() {
    let system = System::start().await;
    let path = add_with_route(&system, &ADD_LOOPBACK).await["receipts_path"].as_str().unwrap().to_owned();
    let unsigned = async || {
        let receipt = json!({"id": "c", "reference": uuid::Uuid::nil(), "status": "delivered"});
        system.post_webhook(&path, &receipt).await.status.as_u16()
    };
    entered(&system, "key-1\n", &["carrier", "key", "net", "--parts", "key"]).await;
    assert_eq!(unsigned().await, 200);
    let shown = entered(&system, "the-secret\n", &["carrier", "signing-secret", "net"]).await;
    assert!(shown.contains("signing secret  set") && !shown.contains("the-secret"), "{shown}");
    let listed = read(&system, &["carrier", "list"]).await["carriers"].as_array().unwrap().clone();
    let listed = listed.iter().find(|carrier| carrier["carrier"] == "net").unwrap();
    assert_eq!(listed["signing_secret_set"], true);
    system.advance(301).await;
    assert_ne!(unsigned().await, 200);
    assert_eq!(deliver(&system, &PHONE).await, "net");
    let removed = printed(&system, &["carrier", "signing-secret", "net", "--remove"]).await;
    assert!(removed.contains("signing secret  not set"), "{removed}");
    system.advance(301).await;
    assert_eq!(unsigned().await, 200);
}

#[tokio::test]
async fn sender_ids_and_country_code_are_kept_and_used() {
    let system = System::start().await;
    let ids = ["--sender-id", "441234567890=own-1", "--sender-id", "+31612345678=nl=1", "--country-code", "+44"];
    let added = add_with_route(&system, &[&ADD_LOOPBACK[..], &ids].concat()).await;
    assert_eq!(added["sender_ids"], json!({"441234567890": "own-1", "31612345678": "nl=1"}));
    assert_eq!(added["country_code"], "44");
    entered(&system, "key-1\n", &["carrier", "key", "net", "--parts", "key"]).await;
    assert_eq!(deliver(&system, &PHONE).await, "net");
    assert_eq!(system.handset(&PHONE).await[0]["from"], OWN_SENDER, "the vendor knows the sender by its ID");
    system.reply_from(&PHONE, OWN_SENDER, "From a national number").await;
    assert_eq!(system.until_sink_requests("replies", 1).await[0]["json"]["from"].to_string(), *PHONE);

    let unknown = refused(&system, &["carrier", "set", "net", "--drop-sender-id", "Acme"]).await;
    assert!(unknown.contains("no ID for the sender Acme"), "{unknown}");
    let change = ["carrier", "set", "net", "--drop-sender-id", "31612345678", "--sender-id", "Acme=a"];
    let changed = read(&system, &change).await;
    assert_eq!(changed["sender_ids"], json!({"441234567890": "own-1", "Acme": "a"}));
    let text = printed(&system, &["carrier", "show", "net"]).await;
    assert!(text.contains("SENDERID") && text.contains("441234567890  own-1"), "{text}");
    let none = ["carrier", "set", "net", "--drop-sender-id", "441234567890", "--drop-sender-id", "Acme"];
    assert_eq!(read(&system, &none).await["sender_ids"], json!({}));
    let again = read(&system, &["carrier", "set", "net", "--sender-id", "Acme=b"]).await;
    assert_eq!(again["sender_ids"], json!({"Acme": "b"}));
    let changed = read(&system, &["carrier", "set", "net", "--no-country-code", "--timeout-ms", "2000"]).await;
    assert_eq!((&changed["country_code"], &changed["timeout_ms"]), (&Value::Null, &json!(2000)));
    let unchanged = read(&system, &["carrier", "set", "net"]).await;
    assert_eq!(unchanged, changed, "omitted options keep their values");
}
