//! Secrets at rest: no table shows a client's callback secret, and a function reads only the items of the directory
//! that it needs.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Phone, System, TestConfig,
    system::{DEMO, DEMO_ACCOUNT, OTHER, answer, owned, with},
};

use crate::tool::admin;

const PHONE: Phone = Phone::delivers();
const CONFIGURED: &str = "a secret of local.toml";
const FIRST: &str = "the client's first secret";
const SECOND: &str = "the client's second secret";

/// Runs a command that prints a new secret.
async fn new_secret(system: &System, words: &[&str]) -> String {
    let done = admin(system, "", words).await;
    assert_eq!(done.code, 0, "{}", done.err);
    done.out.trim().to_owned()
}

async fn call(system: &System, method: Method, path: &str, body: &Value) -> Value {
    let answered = answer(system.request(method, path).bearer_auth(OTHER).json(body)).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    answered.body
}

#[tokio::test]
async fn no_table_shows_a_callback_secret() {
    let configured = format!("whsec_{}", STANDARD.encode(CONFIGURED));
    let config = TestConfig::new().account(DEMO_ACCOUNT, |demo| demo.secrets = vec![configured.parse().unwrap()]);
    let system = System::with_config(config).await;
    let created = new_secret(&system, &["account", "create", "acme", "--name", "Acme"]).await;
    let rotated = new_secret(&system, &["secret", "rotate", "acme"]).await;
    let webhook = json!({"event": "delivery-status", "url": "https://a.example/", "secret": FIRST});
    let id = call(&system, Method::POST, "/v3/webhooks", &webhook).await["data"]["id"].clone();
    let before = tables(&system).await;
    call(&system, Method::PATCH, &format!("/v3/webhooks/{id}"), &json!({"secret": SECOND})).await;
    let message = with(owned(&PHONE, "Hello"), "callback", system.sink("signed"));
    system.send_one(DEMO, message).await;
    system.until_callback("signed").await;
    for stored in [before, tables(&system).await] {
        assert!(stored.contains("account#acme") && stored.contains("webhooks#other"), "{stored}");
        for secret in [&configured, &created, &rotated, FIRST, SECOND, CONFIGURED] {
            let bare = secret.trim_start_matches("whsec_");
            for written in [bare, &STANDARD.encode(secret), &hex::encode(secret)] {
                assert!(!stored.contains(written), "{written} is in {stored}");
            }
        }
    }
}

/// Returns all items of all tables.
async fn tables(system: &System) -> String {
    let mut items = Vec::new();
    for table in ["MessagesTable", "RecipientsTable", "DirectoryTable"] {
        items.extend(system.scan(table).await);
    }
    json!(items).to_string()
}

async fn set_secrets(system: &System, account: &str, secrets: &Value) {
    let update = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": format!("account#{account}")}},
        "UpdateExpression": "SET secrets = :secrets", "ExpressionAttributeValues": {":secrets": secrets}});
    system.aws("DynamoDB_20120810.UpdateItem", &update).await;
}

async fn secrets_of(system: &System, account: &str) -> Value {
    let get = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": format!("account#{account}")}}});
    system.aws("DynamoDB_20120810.GetItem", &get).await["Item"]["secrets"].clone()
}

#[tokio::test]
async fn callback_waits_while_its_secret_cannot_be_decrypted() {
    let system = System::start().await;
    let good = secrets_of(&system, DEMO_ACCOUNT).await;
    assert_eq!(admin(&system, "", &["account", "create", "acme", "--name", "Acme"]).await.code, 0);
    let of_another = secrets_of(&system, "acme").await;
    let plain = json!({"L": [{"S": format!("whsec_{}", STANDARD.encode("a plain secret!!"))}]});
    for (name, bad) in [("another", &of_another), ("plain", &plain)] {
        set_secrets(&system, DEMO_ACCOUNT, bad).await;
        // The function's cache.
        system.advance(31).await;
        let sent = system.send_one(DEMO, with(owned(&PHONE, name), "callback", system.sink(name))).await;
        system.until_state(&sent, "delivered").await;
        let failed = async || (system.count_in("CallbacksQueue", &["NotVisible"]).await > 0).then_some(());
        system.until("the job is to be redelivered", failed).await;
        assert_eq!(system.callbacks(name).await.len(), 0, "neither signed nor unsigned");
        set_secrets(&system, DEMO_ACCOUNT, &good).await;
        system.advance(91).await;
        assert!(system.until_callback(name).await.header("webhook-signature").starts_with("v1,"));
    }
}

#[tokio::test]
async fn warm_function_signs_without_reading_the_key_again() {
    let system = System::start().await;
    let message = |index: usize| with(owned(&PHONE, &format!("{index}")), "callback", system.sink("warm"));
    system.send_one(DEMO, message(0)).await;
    let first = system.until_callback("warm").await;
    assert!(first.header("webhook-signature").starts_with("v1,"));
    let meter = |method| answer(system.request(method, "/meter"));
    meter(Method::DELETE).await;
    system.send_all(DEMO, (1..=20).map(message)).await;
    system.until_callbacks("warm", 21).await;
    let used = meter(Method::GET).await.body;
    assert_eq!(used["secretsmanager"], json!({}), "{used}");
}

#[tokio::test]
async fn function_reads_only_what_it_needs() {
    let system = System::start().await;
    let get = |id: &str| json!({"TableName": "DirectoryTable", "Key": {"id": {"S": id}}});
    for (function, id, is_allowed) in [
        ("messages", "key#0", true),
        ("messages", "account#demo", false),
        ("messages", "webhooks#demo", false),
        ("dlr-webhook", "carrier#cm", true),
        ("dlr-webhook", "account#demo", false),
        ("dlr-webhook", "webhooks#demo", false),
        ("dlr-webhook", "key#0", false),
        ("schedule-tick", "routes", false),
        ("dispatch", "webhooks#demo", false),
        ("callback", "webhooks#demo", true),
        ("callback", "key#0", false),
        ("send", "webhooks#demo", false),
        ("mo-webhook", "key#0", false),
        ("mo-webhook", "webhooks#demo", false),
        ("account", "carrier#cm", false),
        ("account", "endpoint#0", false),
    ] {
        let answered = system.aws_as(function, "DynamoDB_20120810.GetItem", &get(id)).await;
        let is_denied = answered.body["__type"] == "AccessDeniedException";
        assert_eq!((answered.status == StatusCode::OK, !is_denied), (is_allowed, is_allowed), "{function} reads {id}");
    }
    let update = |id: &str| {
        json!({"TableName": "DirectoryTable", "Key": {"id": {"S": id}}, "UpdateExpression": "SET x = :x",
            "ExpressionAttributeValues": {":x": {"S": "x"}}})
    };
    for (function, operation, call) in [
        ("account", "UpdateItem", update("account#demo")),
        ("account", "UpdateItem", update("key#0")),
        ("account", "DeleteItem", get("webhooks#other")),
        ("callback", "UpdateItem", update("webhooks#demo")),
        ("send", "UpdateItem", update("key#0")),
    ] {
        let answered = system.aws_as(function, &format!("DynamoDB_20120810.{operation}"), &call).await;
        assert_eq!(answered.body["__type"], "AccessDeniedException", "{function}: {}", answered.body);
    }
    let key = json!({"SecretId": "CallbackSecretsKey"});
    for function in ["send", "schedule-tick", "dispatch", "dlr-webhook", "mo-webhook", "messages"] {
        let answered = system.aws_as(function, "secretsmanager.GetSecretValue", &key).await;
        assert_eq!(answered.body["__type"], "AccessDeniedException", "{function}: {}", answered.body);
    }
    let scan = json!({"TableName": "DirectoryTable"});
    assert_eq!(system.aws_as("callback", "DynamoDB_20120810.Scan", &scan).await.status, StatusCode::BAD_REQUEST);
}
