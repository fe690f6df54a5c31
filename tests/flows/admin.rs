//! The operator's tool: created records work, existing records are kept, and scripts can read the output.

mod carrier_secrets;
mod carriers;
mod connection;
mod defaults;
mod endpoints;
mod lanes;
mod lost_answers;
mod messages;
mod rates;
mod removal;
mod repair;
mod routes;
mod secrets;
mod unknown;
mod unmatched;
mod webhooks;

use admin::Done;
use futures_util::future::join_all;
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};
use shared::runtime::{Environment, Random, Variables};
use standardwebhooks::Webhook;
use tests::{Phone, Response, TestServer};

use crate::{
    carrier::{receipts_path, replies_path},
    system::{DEMO, System, owned, shared},
};

const PHONE: Phone = Phone::delivers().nth(10);

/// Runs the tool against the system.
pub(crate) async fn admin(system: &System, words: &[&str]) -> Done {
    admin_by(system, &system.url("/"), words).await
}

/// Runs the tool against the system at another address.
async fn admin_by(system: &System, local: &Url, words: &[&str]) -> Done {
    admin_at(system, local, "", words).await
}

/// Runs the tool against the system with a text on standard input.
async fn admin_with_input(system: &System, input: &str, words: &[&str]) -> Done {
    admin_at(system, &system.url("/"), input, words).await
}

async fn admin_at(system: &System, local: &Url, input: &str, words: &[&str]) -> Done {
    let local = format!("--local={local}");
    // Random, so keys and secrets differ between runs.
    let environment = Environment { random: Random::of_system(), ..system.environment() };
    run_with_input(input, &[&["admin", &local], words].concat(), &environment).await
}

/// Returns the carriers' secrets as stored.
async fn stored_secrets(system: &System) -> Value {
    let answer = system.aws("secretsmanager.GetSecretValue", &json!({"SecretId": "CarrierSecrets"})).await;
    serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap()
}

/// Deletes an entry of the directory.
async fn forget(system: &System, id: &str) {
    let gone = json!({"TableName": "DirectoryTable", "Key": {"id": {"S": id}}});
    system.aws("DynamoDB_20120810.DeleteItem", &gone).await;
}

async fn run(words: &[&str], environment: &Environment) -> Done {
    run_with_input("", words, environment).await
}

/// Runs the tool with a text on standard input.
async fn run_with_input(input: &str, words: &[&str], environment: &Environment) -> Done {
    ::admin::run(words.iter().map(ToString::to_string), environment, || Ok(input.to_owned())).await
}

/// Runs a command, expects success, and returns the output for people.
pub(crate) async fn printed(system: &System, words: &[&str]) -> String {
    let done = admin(system, words).await;
    assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    done.out.trim_end().to_owned()
}

/// Runs a command with `--json`, expects success, and returns the output.
pub(crate) async fn read(system: &System, words: &[&str]) -> Value {
    let words = [words, &["--json"]].concat();
    serde_json::from_str(&printed(system, &words).await).unwrap()
}

/// Runs a command, expects a refusal, and returns the reason.
pub(crate) async fn refused(system: &System, words: &[&str]) -> String {
    let done = admin(system, words).await;
    assert_eq!((done.code, done.out.as_str()), (1, ""), "{words:?}: {}", done.err);
    done.err
}

/// Returns whether a signature of the callback verifies with the secret. The age does not count, because
/// these tests move the clock.
fn verifies(secret: &str, request: &Value) -> bool {
    let header = |name: &str| request["headers"][name].as_str().unwrap();
    let (timestamp, body) = (header("webhook-timestamp").parse().unwrap(), request["body"].as_str().unwrap());
    let signature = Webhook::new(secret).unwrap().sign(header("webhook-id"), timestamp, body.as_bytes()).unwrap();
    header("webhook-signature").split(' ').any(|theirs| theirs == signature)
}

#[tokio::test]
async fn account_created_by_the_tool_sends_and_gets_signed_replies() {
    let system = System::start().await;
    let sink = system.sink("acme");
    let secret = printed(&system, &["account", "create", "acme", "--name", "Acme Ltd", "--reply-url", &sink]).await;
    let key = printed(&system, &["key", "issue", "acme"]).await;
    assert!(key.starts_with("gw_") && key.len() == 46, "{key}");
    printed(&system, &["sender", "add", "+441110000001", "--account", "acme"]).await;

    let message = json!({"from": {"type": "custom", "value": "441110000001"}, "to": &PHONE, "body": "Hello"});
    system.send_one(&key, message).await;
    system.until_handset(&PHONE, 1).await;
    system.reply(&PHONE, &"441110000001".into(), "Hello back").await;
    let callback = &system.until_sink_requests("acme", 1).await[0];
    assert_eq!(callback["json"]["message"], "Hello back");
    assert!(verifies(&secret, callback));

    let stored = system.aws("DynamoDB_20120810.Scan", &json!({"TableName": "DirectoryTable"})).await;
    assert!(!stored.to_string().contains(&key), "a key is stored as its hash only");
    let shown = read(&system, &["account", "show", "acme", "--reveal"]).await;
    assert_eq!(
        shown["account"],
        json!({"id": "acme", "name": "Acme Ltd", "reply_url": sink, "status_url": null, "notice_url": null, "secrets": 1,
            "on_unknown": "wait", "default_sender": null, "country": null, "suspended_at": null})
    );
    assert_eq!(shown["senders"], json!(["441110000001"]));
    assert!(!shown.to_string().contains(&key) && !shown.to_string().contains(&secret));
}

/// Returns how a sink's URL is shown without `--reveal`.
pub(crate) fn hidden(system: &System) -> String {
    format!("{}…", system.emulator.url())
}

#[tokio::test]
async fn account_change_keeps_other_settings() {
    let system = System::start().await;
    printed(&system, &["account", "set", "demo", "--name", "Renamed"]).await;
    let account = &read(&system, &["account", "show", "demo"]).await["account"];
    assert_eq!((&account["name"], account["reply_url"].is_string()), (&json!("Renamed"), true));
    let both = ["account", "set", "demo", "--no-reply-url", "--status-url", "https://a.example/"];
    let changed = read(&system, &both).await;
    let expected = json!({"id": "demo", "name": "Renamed", "reply_url": null, "status_url": "https://a.example/…",
        "notice_url": hidden(&system), "secrets": 1, "on_unknown": "wait", "default_sender": null, "country": null,
        "suspended_at": null});
    assert_eq!(changed["account"], expected);
    let changed = read(&system, &["account", "set", "demo", "--no-status-url"]).await;
    assert!(changed["account"]["status_url"].is_null());
    assert!(refused(&system, &["account", "set", "nobody", "--name", "x"]).await.contains("no account nobody"));
    assert_eq!(admin(&system, &["account", "set", "demo"]).await.code, 2, "nothing to change");
    let list = printed(&system, &["account", "list"]).await;
    assert_eq!(list.lines().count(), 3, "{list}");
    system.send_one(DEMO, owned(&PHONE, "Still there")).await;
}

#[tokio::test]
async fn revoked_key_stops_within_half_a_minute() {
    let system = System::start().await;
    let issued = read(&system, &["key", "issue", "demo"]).await;
    let (key, id) = (issued["key"].as_str().unwrap(), issued["key_id"].as_str().unwrap());
    system.send_one(key, owned(&PHONE, "It works")).await;
    assert!(refused(&system, &["key", "revoke", "other", id]).await.contains("has no key"));
    assert!(refused(&system, &["key", "revoke", "demo", "00000000"]).await.contains("has no key"));
    printed(&system, &["key", "revoke", "demo", id]).await;
    system.advance(31).await;
    let answer = system.post(key, &json!({"messages": [owned(&PHONE, "Too late")]})).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    system.send_one(DEMO, owned(&PHONE, "With the other key")).await;

    let keys = read(&system, &["key", "list", "demo"]).await["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 3, "two configured keys and the issued one: {keys:?}");
    let shown = keys.iter().find(|key| key["id"] == id).unwrap();
    assert!(shown["revoked"] == true && shown["created_at"].is_string() && shown["revoked_at"].is_string());
}

#[tokio::test]
async fn existing_records_are_not_overwritten() {
    let system = System::start().await;
    let again = refused(&system, &["account", "create", "demo", "--name", "Mine now"]).await;
    assert!(again.contains("there is an account demo already"), "{again}");
    assert_eq!(read(&system, &["account", "show", "demo"]).await["account"]["name"], "Demo");
    let taken = refused(&system, &["sender", "add", "449999999999", "--account", "demo"]).await;
    assert!(taken.contains("is the account other's"), "{taken}");
    let shared = refused(&system, &["sender", "add", "448888888801", "--account", "demo"]).await;
    assert!(shared.contains("is or was shared"), "{shared}");
    let owned = refused(&system, &["pool", "add", "448888888899", "449999999999"]).await;
    assert!(owned.contains("448888888899 was added"), "{owned}");
    assert!(refused(&system, &["sender", "remove", "448888888801"]).await.contains("admin pool remove"));
    assert!(refused(&system, &["sender", "add", "12399", "--account", "nobody"]).await.contains("account create"));
    // Adding an owned sender again succeeds, and a removed sender is free.
    printed(&system, &["sender", "add", "449999999999", "--account", "other"]).await;
    printed(&system, &["sender", "remove", "449999999999"]).await;
    printed(&system, &["sender", "add", "449999999999", "--account", "demo"]).await;
    assert!(refused(&system, &["sender", "remove", "12399"]).await.contains("no account has"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_operators_lose_no_update() {
    let system = &System::start().await;
    let created = join_all((0..8).map(async |index| {
        let name = format!("Operator {index}");
        admin(system, &["account", "create", "raced", "--name", &name]).await.code == 0
    }));
    assert_eq!(created.await.iter().filter(|made| **made).count(), 1);
    let senders: Vec<_> = (0..4).map(|index| format!("44777000000{index}")).collect();
    join_all(senders.iter().map(async |sender| printed(system, &["pool", "add", sender]).await)).await;
    let pool = read(system, &["pool", "list"]).await["pool"].as_array().unwrap().clone();
    assert!(senders.iter().all(|sender| pool.contains(&json!(sender))), "{pool:?}");
    join_all((0..3).map(async |_| printed(system, &["secret", "rotate", "raced"]).await)).await;
    assert_eq!(read(system, &["account", "show", "raced"]).await["account"]["secrets"], 4);
}

#[tokio::test]
async fn conversation_stays_on_sender_removed_from_pool() {
    let system = System::start().await;
    let first = system.send_one(DEMO, shared(&PHONE, "First")).await;
    let sender = first["from"]["value"].as_str().unwrap();
    let done = admin(&system, &["pool", "remove", sender]).await;
    assert!(done.code == 0 && done.err.contains("stay locked"), "{}", done.err);
    assert!(refused(&system, &["pool", "remove", sender]).await.contains("not in the pool"));
    system.advance(31).await;
    assert_eq!(system.send_one(DEMO, shared(&PHONE, "Second")).await["from"]["value"], sender);
    system.until_handset(&PHONE, 2).await;
    system.reply(&PHONE, &sender.into(), "I hear you").await;
    system.until_sink_requests("replies", 1).await;
    for index in 0..20 {
        let other = system.send_one(DEMO, shared(&format!("44771190{index:04}"), "Anew")).await;
        assert_ne!(other["from"]["value"], sender);
    }
    let pool = read(&system, &["pool", "add", sender]).await;
    assert!(pool["pool"].as_array().unwrap().contains(&json!(sender)), "{pool}");
}

#[tokio::test]
async fn carrier_keeps_its_webhook_token() {
    let system = System::start().await;
    let endpoint = system.emulator.url().join("loopback/").unwrap().to_string();
    let set = read(&system, &["carrier", "set", "loopback", "--endpoint", &endpoint, "--timeout-ms", "2500"]).await;
    assert_eq!(set["receipts_path"], "/dlr/loopback/…", "only commands for the addresses show the token");
    assert_eq!((&set["timeout_ms"], &set["endpoint"]), (&json!(2500), &json!(endpoint)));
    let shown = read(&system, &["carrier", "show", "loopback"]).await;
    assert_eq!(shown["receipts_path"], receipts_path());
    assert_eq!((&shown["timeout_ms"], &shown["endpoint"]), (&json!(2500), &json!(endpoint)));
    system.advance(31).await;
    let message = system.send_one(DEMO, owned(&PHONE, "Over it")).await;
    system.until_state(&message["messageUuid"], "delivered").await;

    forget(&system, "carrier#loopback").await;
    assert!(refused(&system, &["carrier", "show", "loopback"]).await.contains("carrier add loopback"));
    let anew = read(&system, &["carrier", "add", "loopback", "--vendor", "loopback"]).await;
    assert_eq!(anew["receipts_path"], shown["receipts_path"]);
}

/// Posts an unmatched receipt to each path, and returns the statuses.
async fn statuses(system: &System, paths: &[&str]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for path in paths {
        let receipt = json!({"id": "c", "reference": uuid::Uuid::nil(), "status": "delivered"});
        statuses.push(system.post_webhook(path, &receipt).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn old_webhook_token_is_valid_until_it_is_retired() {
    let system = System::start().await;
    let old = &receipts_path();
    assert_eq!(statuses(&system, &[old, "/dlr/loopback/wrong"]).await, [200, 404]);
    system.advance(11).await;
    let rotated = read(&system, &["carrier", "rotate", "loopback"]).await;
    let new = rotated["receipts_path"].as_str().unwrap();
    assert_eq!((new.len(), &rotated["tokens"]), ("/dlr/loopback/".len() + 64, &json!(2)));
    assert_eq!(statuses(&system, &[new, old]).await, [200, 200]);
    for _ in 0..3 {
        read(&system, &["carrier", "rotate", "loopback"]).await;
    }
    assert!(refused(&system, &["carrier", "rotate", "loopback"]).await.contains("carrier retire"));
    assert_eq!(read(&system, &["carrier", "retire", "loopback"]).await["tokens"], 1);
    let newest = read(&system, &["carrier", "show", "loopback"]).await;
    let new = newest["receipts_path"].as_str().unwrap();
    system.advance(301).await;
    assert_eq!(statuses(&system, &[new, old]).await, [200, 404]);
}

#[tokio::test]
async fn errors_are_reported_to_people_and_to_scripts() {
    let system = System::start().await;
    for words in [
        &["account", "create", "Not Valid", "--name", "x"][..],
        &["account", "create", "fine"],
        &["account", "set", "demo", "--reply-url", "ftp://a.example/"],
        &["key", "revoke", "demo", "xyz"],
        &["carrier", "show", "Pigeon"],
        &["nonsense"],
        &[],
    ] {
        let done = admin(&system, words).await;
        assert!(done.code == 2 && !done.err.is_empty(), "{words:?}: {done:?}");
    }
    let done = admin(&system, &["--json", "account", "show", "nobody"]).await;
    let error: Value = serde_json::from_str(&done.err).unwrap();
    assert!(done.code == 1 && error["error"].as_str().unwrap().contains("nobody"), "{error}");
    let help = admin(&system, &["--help"]).await;
    assert!(help.code == 0 && help.out.contains("admin key issue acme"), "{}", help.out);

    let nowhere = run(&["admin", "--local=http://127.0.0.1:1", "pool", "list"], &system.environment()).await;
    assert!(nowhere.code == 1 && nowhere.err.contains("cargo run -p local"), "{}", nowhere.err);
}

#[tokio::test]
async fn json_is_one_line_with_a_newline() {
    let system = System::start().await;
    let listed = admin(&system, &["--json", "pool", "list"]).await.out;
    let error = admin(&system, &["--json", "account", "show", "nobody"]).await.err;
    for json in [listed, error] {
        assert!(json.ends_with("}\n") && json.lines().count() == 1, "{json:?}");
    }
}

#[tokio::test]
async fn senders_are_listed_with_owner_rate_and_exemption() {
    let system = System::start().await;
    printed(&system, &["sender", "exempt", "12345"]).await;
    printed(&system, &["pool", "remove", "448888888802"]).await;
    let all = read(&system, &["sender", "list"]).await["senders"].as_array().unwrap().clone();
    let sender = |id: &str| all.iter().find(|shown| shown["sender"] == id).unwrap();
    let expected = |sender: &str, account: Value, shared: bool, rate: Value, exempt: bool| json!({"sender": sender, "account": account, "shared": shared, "per_second": rate, "lane": null, "exempt": exempt});
    assert_eq!(*sender("441111111110"), expected("441111111110", json!("demo"), false, json!(10), false));
    assert_eq!(*sender("12345"), expected("12345", json!("demo"), false, Value::Null, true));
    assert_eq!(*sender("448888888801"), expected("448888888801", Value::Null, true, Value::Null, false));
    assert_eq!(*sender("448888888802"), expected("448888888802", Value::Null, false, Value::Null, false));
    let text = printed(&system, &["sender", "list"]).await;
    assert!(text.starts_with("SENDER") && text.contains("(shared)") && text.contains("(no longer shared)"), "{text}");
    let other = printed(&system, &["sender", "list", "--account", "other"]).await;
    assert!(other.lines().count() == 2 && other.contains("449999999999"), "{other}");
    assert!(refused(&system, &["sender", "list", "--account", "nobody"]).await.contains("no account nobody"));
}

#[tokio::test]
async fn tables_are_found_by_the_outputs_of_the_stack() {
    let system = System::start().await;
    let namespace = "xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"";
    let outputs = [
        ("DirectoryTableName", "DirectoryTable"),
        ("CarrierSecretsArn", "CarrierSecrets"),
        ("ApiUrl", "https://api.example"),
    ];
    let outputs = outputs
        .map(|(key, value)| format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"));
    let found = Response::xml(
        200,
        format!(
            "<DescribeStacksResponse {namespace}><DescribeStacksResult><Stacks><member><StackName>ours</StackName>\
             <CreationTime>2026-01-01T00:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
             <Outputs>{}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
            outputs.join("")
        ),
    );
    let missing = Response::xml(
        400,
        format!(
            "<ErrorResponse {namespace}><Error><Type>Sender</Type><Code>ValidationError</Code>\
             <Message>Stack with id theirs does not exist</Message></Error></ErrorResponse>"
        ),
    );
    let (found, missing) = (TestServer::responding(found).await, TestServer::responding(missing).await);
    let environment = |cloudformation: &TestServer| {
        let mut environment = system.environment();
        let variables = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_ENDPOINT_URL", system.emulator.url().as_str()),
            ("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation.url().as_str()),
        ];
        environment.variables =
            Variables::from_iter(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        environment
    };
    let shown = run(&["admin", "--json", "carrier", "show", "loopback"], &environment(&found)).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["replies_url"], format!("https://api.example{}", replies_path()));
    let lacking = run(&["admin", "requeue", "--yes"], &environment(&found)).await;
    assert!(lacking.code == 1 && lacking.err.contains("--urgent-jobs-queue-url"), "{}", lacking.err);
    let gone = run(&["admin", "--stack", "theirs", "pool", "list"], &environment(&missing)).await;
    assert!(gone.code == 1 && gone.err.contains("there is no stack theirs"), "{}", gone.err);
    // If the table is named, no stack is needed.
    let listed = run(&["admin", "--directory-table", "DirectoryTable", "pool", "list"], &environment(&missing)).await;
    assert_eq!((listed.code, listed.out.lines().count()), (0, 6), "{}", listed.err);
}
