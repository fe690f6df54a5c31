//! Tenants: a client learns from no answer whom other accounts write to, and cannot keep a shared sender from them
//! without sending.

use std::collections::BTreeMap;

use futures_util::{StreamExt, future::join_all, stream};
use local::config::AccountConfig;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Phone, System, TestConfig,
    system::{DEMO, OTHER, POOL_SENDER, answer, shared, with},
};

const PHONE: Phone = Phone::delivers();
const CONTACT: Phone = Phone::delivers().nth(1);
/// Six degrees of freedom, so that the p-value has a closed form.
const POOL: [&str; 7] =
    ["448888888801", "448888888802", "448888888803", "448888888804", "448888888805", "448888888806", "448888888807"];

/// Returns the sender that a dry run names.
async fn dry_run(system: &System, key: &str, to: &Phone) -> String {
    let request = system.request(Method::POST, "/message?isDryrun=true").bearer_auth(key);
    let answered = answer(request.json(&json!({"messages": [shared(to, "Try")]}))).await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    answered.body["messages"][0]["from"]["value"].as_str().unwrap().to_owned()
}

async fn dry_runs(system: &System, to: &Phone, count: usize) -> BTreeMap<String, f64> {
    let senders = stream::iter(0..count).map(|_| dry_run(system, DEMO, to)).buffer_unordered(16);
    let senders: Vec<_> = senders.collect().await;
    let mut counted: BTreeMap<_, _> = POOL.map(|sender| (sender.to_owned(), 0.0)).into();
    for sender in senders {
        *counted.entry(sender).or_default() += 1.0;
    }
    counted
}

/// Returns the probability of so different counts if both are drawn from one distribution, by a chi-square test.
fn p_value(one: &BTreeMap<String, f64>, other: &BTreeMap<String, f64>) -> f64 {
    assert_eq!((one.len(), other.len()), (POOL.len(), POOL.len()));
    let total = |counts: &BTreeMap<String, f64>| counts.values().sum::<f64>();
    let (all_of_one, all_of_other) = (total(one), total(other));
    let chi_square: f64 = POOL
        .iter()
        .map(|sender| {
            let (of_one, of_other) = (one[*sender], other[*sender]);
            let share = (of_one + of_other) / (all_of_one + all_of_other);
            let deviation = |count: f64, all: f64| (count - share * all).powi(2) / (share * all);
            deviation(of_one, all_of_one) + deviation(of_other, all_of_other)
        })
        .sum();
    let half = chi_square / 2.0;
    (-half).exp() * (1.0 + half + half * half / 2.0)
}

#[tokio::test]
async fn dry_runs_do_not_show_whom_others_write_to() {
    let system = System::with_config(TestConfig::new().pool(&POOL)).await;
    system.send_one(OTHER, shared(&CONTACT, "Hello")).await;
    let (contact, stranger) = (dry_runs(&system, &CONTACT, 5_000).await, dry_runs(&system, &PHONE, 5_000).await);
    let p = p_value(&contact, &stranger);
    println!("p = {p:.3}: {contact:?} for a contact of another account, {stranger:?} for nobody's");
    assert!(p > 1e-6, "p = {p:e}: {contact:?} {stranger:?}");
}

#[tokio::test]
async fn dry_run_does_not_show_that_others_exhausted_the_pool() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    system.send_one(OTHER, shared(&CONTACT, "Hello")).await;
    assert_eq!(dry_run(&system, DEMO, &CONTACT).await, dry_run(&system, DEMO, &PHONE).await);
}

async fn schedule(system: &System, key: &str, to: &Phone) -> (String, String) {
    let later = system.now().await.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let scheduled = system.send_one(key, with(shared(to, "Later"), "send_at", later.to_string())).await;
    (scheduled.id.clone(), scheduled.sender)
}

#[tokio::test]
async fn cancelling_does_not_draw_another_sender() {
    let system = System::with_config(TestConfig::new().pool(&POOL)).await;
    let mut senders = Vec::new();
    for _ in 0..100 {
        let (id, sender) = schedule(&system, DEMO, &PHONE).await;
        assert_eq!(system.delete(DEMO, &format!("/messages/{id}")).await.status, StatusCode::OK);
        senders.push(sender);
    }
    senders.dedup();
    assert_eq!(senders.len(), 1, "{senders:?}");
}

/// Adds accounts `tenant-0` and so on, with keys of these names.
fn with_tenants(config: TestConfig, count: usize) -> TestConfig {
    config.accounts((0..count).map(|index| {
        let id = format!("tenant-{index}");
        AccountConfig { keys: vec![id.clone()], ..AccountConfig::new(id.parse().unwrap()) }
    }))
}

async fn try_shared(system: &System, key: &str, to: &Phone) -> StatusCode {
    system.post(key, &json!({"messages": [shared(to, "Mine now")]})).await.status
}

#[tokio::test]
async fn unused_sender_passes_to_one_of_64_accounts() {
    let system = System::with_config(with_tenants(TestConfig::new().pool(&[POOL_SENDER]), 64)).await;
    let (cancelled, _) = schedule(&system, DEMO, &PHONE).await;
    assert_eq!(system.delete(DEMO, &format!("/messages/{cancelled}")).await.status, StatusCode::OK);
    let (waiting, sender) = schedule(&system, DEMO, &PHONE).await;
    assert_eq!(sender, POOL_SENDER);
    let keys: Vec<_> = (0..64).map(|index| format!("tenant-{index}")).collect();
    let statuses = join_all(keys.iter().map(|key| try_shared(&system, key, &PHONE))).await;
    let winners: Vec<_> = keys.iter().zip(&statuses).filter(|(_, status)| **status == StatusCode::OK).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert!(statuses.iter().all(|status| [200, 422].contains(&status.as_u16())), "{statuses:?}");
    system.until_idle().await;
    assert_eq!(system.texts(&PHONE).await, ["Mine now"]);

    // The first account has lost the sender, and its message says so.
    system.advance_and_settle(3_700).await;
    let rejected = system.message(waiting.as_str()).await;
    assert_eq!(rejected.state(), "rejected");
    assert!(rejected.last_reason().contains("passed to another account"), "{}", rejected.last_reason());
    assert_eq!(system.texts(&PHONE).await, ["Mine now"]);
    assert_eq!(try_shared(&system, DEMO, &PHONE).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn free_sender_is_preferred_to_an_unused_one() {
    let system = System::with_config(TestConfig::new().pool(&POOL[..2])).await;
    let (waiting, first) = schedule(&system, DEMO, &PHONE).await;
    let theirs = system.send_one(OTHER, shared(&PHONE, "Theirs")).await;
    assert_ne!(theirs.sender, first);
    system.advance_and_settle(3_700).await;
    system.until_state(waiting.as_str(), "delivered").await;
}

#[tokio::test]
async fn used_sender_stays_with_its_account() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let message = system.send_one(DEMO, shared(&PHONE, "Ours")).await;
    system.until_state(&message, "delivered").await;
    schedule(&system, DEMO, &PHONE).await;
    system.advance_and_settle(24 * 3_600).await;
    assert_eq!(try_shared(&system, OTHER, &PHONE).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn sender_of_a_message_on_its_way_is_not_taken_over() {
    // The message waits for its send slot, so the lock stays unused for a while.
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER]).rate(POOL_SENDER, 1)).await;
    system.hold_send_slots(POOL_SENDER).await;
    let message = system.send_one(DEMO, shared(&PHONE, "Ours")).await;
    assert_eq!(try_shared(&system, OTHER, &PHONE).await, StatusCode::UNPROCESSABLE_ENTITY);
    system.free_send_slots(POOL_SENDER).await;
    system.until_state(&message, "delivered").await;
}

#[tokio::test]
async fn reply_without_a_conversation_reaches_no_account() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    schedule(&system, DEMO, &PHONE).await;
    system.reply_from(&PHONE, POOL_SENDER, "Hello, whoever you are").await;
    system.until_idle().await;
    let replies = system.get(DEMO, "/messages").await.body["messages"].as_array().unwrap().clone();
    assert!(replies.iter().all(|entry| entry["direction"] == "out"), "{replies:?}");
}

async fn release(system: &System, words: &[&str]) -> Value {
    let local = format!("--local={}", system.url("/"));
    let words = [&["admin", &local, "--json", "pool", "release"], words].concat();
    let done = ::admin::run(words.iter().map(ToString::to_string), &system.environment(), || Ok(String::new())).await;
    assert_eq!(done.code, 0, "{}", done.err);
    serde_json::from_str::<Value>(&done.out).unwrap()["released"].clone()
}

#[tokio::test]
async fn operator_frees_a_sender_for_a_number() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await;
    let ours = json!([{"sender": POOL_SENDER, "account": "demo"}]);
    schedule(&system, DEMO, &PHONE).await;
    assert_eq!(release(&system, &[&PHONE]).await, ours);
    assert_eq!(release(&system, &[&PHONE]).await, json!([]));
    system.send_one(OTHER, shared(&PHONE, "Theirs")).await;
    system.until_handset(&PHONE, 1).await;
    // A conversation ends only if its sender is named.
    assert_eq!(release(&system, &[&PHONE]).await, json!([]));
    assert_eq!(try_shared(&system, DEMO, &PHONE).await, StatusCode::UNPROCESSABLE_ENTITY);
    let released = release(&system, &[&PHONE, "--sender", POOL_SENDER]).await;
    assert_eq!(released, json!([{"sender": POOL_SENDER, "account": "other"}]));
    assert_eq!(try_shared(&system, DEMO, &PHONE).await, StatusCode::OK);
}
