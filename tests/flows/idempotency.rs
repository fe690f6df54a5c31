//! Idempotency: a repeated request is done once, and a dry run has no effect.

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use tests::{Accepted, Phone, System, TestConfig};

use crate::{
    bad_input::{assert_nothing_was_done, assert_problem, items},
    system::{Answer, DEMO, OTHER, POOL_SENDER, answer, owned, shared, with},
};

const PHONE: Phone = Phone::delivers().nth(51);
const CONFLICT: &str = "urn:problem:conflict";

fn with_id(id: Uuid, body: &str) -> Value {
    with(shared(&PHONE, body), "id", id.to_string())
}

fn request(message: Value) -> Value {
    json!({"messages": [message]})
}

fn many(count: usize) -> Value {
    json!({"messages": (0..count).map(|index| owned(&phone(index), &format!("Part {index}"))).collect::<Vec<_>>()})
}

fn phone(index: usize) -> Phone {
    Phone::delivers().nth(index)
}

fn post(system: &System, body: &Value) -> RequestBuilder {
    system.request(Method::POST, "/message").bearer_auth(DEMO).json(body)
}

fn with_key(key: &str, system: &System, body: &Value) -> RequestBuilder {
    post(system, body).header("idempotency-key", key)
}

fn dry_run(system: &System, body: &Value) -> RequestBuilder {
    system.request(Method::POST, "/message?isDryrun=true").bearer_auth(DEMO).json(body)
}

/// Sends a request, fails unless it is accepted, and returns the exact answer.
async fn accepted(request: RequestBuilder) -> String {
    let response = request.send().await.unwrap();
    let (status, body) = (response.status(), response.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

fn assert_conflict(answer: &Answer, field: &str, indexes: impl IntoIterator<Item = u64>) {
    let field_errors: Vec<_> = indexes.into_iter().map(|index| (Some(index), field, "conflict")).collect();
    assert_problem(answer, 409, CONFLICT, &field_errors);
}

/// Waits until the messages in an answer are delivered and all their jobs are done. We move the clock,
/// because a job that found its message claimed is redelivered only after a while.
async fn until_done(system: &System, answer: &str) {
    let answer: Value = serde_json::from_str(answer).unwrap();
    for message in answer["messages"].as_array().unwrap() {
        system.until_state(&message["messageUuid"], "delivered").await;
    }
    system.advance(900).await;
    system.until_idle().await;
}

async fn start_with_a_pool_of_one() -> System {
    System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await
}

#[tokio::test]
async fn repeated_id_gets_the_same_answer_and_is_not_resent() {
    let system = System::start().await;
    let body = request(with(with_id(Uuid::new_v4(), "Once"), "callback", system.sink("receipts")));
    let first = accepted(post(&system, &body)).await;
    assert_eq!(accepted(post(&system, &body)).await, first);
    until_done(&system, &first).await;
    assert_eq!(accepted(post(&system, &body)).await, first, "also when it has been delivered");
    until_done(&system, &first).await;
    assert_eq!(system.callbacks("receipts").await.len(), 1);
    assert_eq!(system.texts(&PHONE).await, ["Once"]);
    assert_eq!(items(&system, "MessagesTable").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_concurrent_requests_with_one_id_send_once() {
    let system = &System::start().await;
    let body = &request(with_id(Uuid::new_v4(), "Once"));
    let mut answers = join_all((0..16).map(|_| accepted(post(system, body)))).await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    until_done(system, &answers[0]).await;
    assert_eq!(system.texts(&PHONE).await, ["Once"]);
}

#[tokio::test]
async fn id_is_the_same_in_any_spelling() {
    let system = System::start().await;
    let id = Uuid::new_v4();
    let first = accepted(post(&system, &request(with_id(id, "Once")))).await;
    for spelt in [id.to_string().to_uppercase(), id.simple().to_string(), id.urn().to_string()] {
        let body = request(with(with_id(id, "Once"), "id", spelt));
        assert_eq!(accepted(post(&system, &body)).await, first);
    }
}

#[tokio::test]
async fn id_with_other_content_is_a_conflict() {
    let system = System::start().await;
    let id = Uuid::new_v4();
    let first = accepted(post(&system, &request(with_id(id, "First")))).await;
    until_done(&system, &first).await;
    let number = &*PHONE.nth(1);
    let later = (system.now().await + SignedDuration::from_hours(1)).to_string();
    for other in [
        with_id(id, "Second"),
        with(with_id(id, "First"), "to", number),
        with(with_id(id, "First"), "from", owned(&PHONE, "")["from"].clone()),
        with(with_id(id, "First"), "callback", "https://my-website.com/dr"),
        with(with_id(id, "First"), "channels", json!(["rcs"])),
        with(with_id(id, "First"), "send_at", later),
    ] {
        assert_conflict(&answer(post(&system, &request(other.clone()))).await, "id", [0]);
        let beside_others = json!({"messages": [shared(number, "New"), other, shared(number, "Newer")]});
        assert_conflict(&answer(post(&system, &beside_others)).await, "id", [1]);
    }
    assert_eq!(accepted(post(&system, &request(with_id(id, "First")))).await, first);
    until_done(&system, &first).await;
    assert_eq!(system.texts(&PHONE).await, ["First"]);
    assert!(system.texts(number).await.is_empty());
    let written = (items(&system, "MessagesTable").await, items(&system, "RecipientsTable").await);
    assert_eq!(written, (1, 1), "no message, and no lock for the other number");
}

#[tokio::test]
async fn same_id_of_two_accounts_names_two_messages() {
    let system = System::start().await;
    let body = with_id(Uuid::new_v4(), "From each");
    let ours = system.send_one(DEMO, body.clone()).await;
    let theirs = system.send_one(OTHER, body.clone()).await;
    assert_ne!(ours.id, theirs.id);
    assert_eq!((&ours["id"], &theirs["id"]), (&body["id"], &body["id"]));
    system.until_handset(&PHONE, 2).await;
    let path = format!("/messages/{}", theirs.id);
    assert_eq!(system.get(DEMO, &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn request_with_ids_may_mix_repeated_and_new_messages() {
    let system = System::start().await;
    let [old, new] = [Uuid::new_v4(), Uuid::new_v4()];
    let first = system.send_one(DEMO, with_id(old, "Old")).await;
    let both = accepted(post(&system, &json!({"messages": [with_id(new, "New"), with_id(old, "Old")]}))).await;
    assert_eq!(serde_json::from_str::<Value>(&both).unwrap()["messages"][1], *first);
    until_done(&system, &both).await;
    let mut texts = system.texts(&PHONE).await;
    texts.sort();
    assert_eq!(texts, ["New", "Old"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn repeated_idempotency_key_is_not_resent() {
    for count in [1, 30] {
        let system = &System::start().await;
        let body = &many(count);
        let first = accepted(with_key("order 4711/1", system, body)).await;
        for repeat in join_all((0..8).map(|_| accepted(with_key("order 4711/1", system, body)))).await {
            assert_eq!(repeat, first);
        }
        until_done(system, &first).await;
        assert_eq!(accepted(with_key("order 4711/1", system, body)).await, first);
        until_done(system, &first).await;
        for index in 0..count {
            assert_eq!(system.texts(&phone(index)).await, [format!("Part {index}")]);
        }
    }
}

#[tokio::test]
async fn idempotency_key_with_another_body_is_a_conflict() {
    const FIELD: &str = "Idempotency-Key";
    let system = System::start().await;
    let one = request(owned(&PHONE, "First"));
    let other = request(owned(&PHONE, "Second"));
    let both = json!({"messages": [owned(&PHONE, "First"), owned(&PHONE, "Second")]});
    let swapped = json!({"messages": [owned(&PHONE, "Second"), owned(&PHONE, "First")]});
    accepted(with_key("one", &system, &one)).await;
    accepted(with_key("both", &system, &both)).await;
    system.until_handset(&PHONE, 3).await;
    for (key, body, indexes) in [
        ("one", &other, &[0][..]),
        // A request with another number of messages is no repeat, so even an equal message is a conflict. The
        // additional message would be new.
        ("one", &both, &[0]),
        ("both", &one, &[0]),
        ("both", &other, &[0]),
        ("both", &swapped, &[0, 1]),
    ] {
        assert_conflict(&answer(with_key(key, &system, body)).await, FIELD, indexes.iter().copied());
    }
    system.until_idle().await;
    assert_eq!((system.texts(&PHONE).await.len(), items(&system, "MessagesTable").await), (3, 3));
    // Keys are separate for each account, and case-sensitive.
    let theirs = json!({"messages": [shared(&PHONE, "Theirs")]});
    let asked = system.request(Method::POST, "/message").bearer_auth(OTHER).header("idempotency-key", "one");
    accepted(asked.json(&theirs)).await;
    accepted(with_key("One", &system, &one)).await;
    system.until_handset(&PHONE, 5).await;
}

#[tokio::test]
async fn malformed_idempotency_key_is_rejected() {
    let system = System::start().await;
    let body = request(owned(&PHONE, "Fine"));
    let long = "k".repeat(256);
    for key in [&b""[..], b"tab\tbed", "Schlüssel".as_bytes(), long.as_bytes()] {
        let refused = answer(post(&system, &body).header("idempotency-key", key)).await;
        assert_problem(&refused, 400, "urn:problem:invalid-request", &[(None, "Idempotency-Key", "malformed")]);
    }
    assert_nothing_was_done(&system).await;
    accepted(with_key(&long[1..], &system, &body)).await;
}

#[tokio::test]
async fn repeat_of_a_scheduled_message_keeps_it_scheduled() {
    let system = System::start().await;
    let at = system.now().await + SignedDuration::from_hours(1);
    let body = request(with(with_id(Uuid::new_v4(), "Later"), "send_at", at.to_string()));
    let first = accepted(post(&system, &body)).await;
    assert_eq!(accepted(post(&system, &body)).await, first);
    let message = Accepted::new(serde_json::from_str::<Value>(&first).unwrap()["messages"][0].clone());
    assert_eq!(message["scheduled"], true);
    assert_eq!(system.message(&message).await.state(), "scheduled");
    system.advance(3500).await;
    // A new message with this time would be sent at once.
    assert_eq!(accepted(post(&system, &body)).await, first);
    assert_eq!(system.message(&message).await.state(), "scheduled");
    assert!(system.texts(&PHONE).await.is_empty());
    system.advance(200).await;
    system.until_state(&message, "delivered").await;
    assert_eq!(accepted(post(&system, &body)).await, first);
    system.until_idle().await;
    assert_eq!(system.texts(&PHONE).await, ["Later"]);
}

#[tokio::test]
async fn repeat_of_a_cancelled_message_does_not_revive_it() {
    let system = System::start().await;
    let at = system.now().await + SignedDuration::from_hours(1);
    let body = with(with_id(Uuid::new_v4(), "Never"), "send_at", at.to_string());
    let message = system.send_one(DEMO, body.clone()).await;
    let path = format!("/messages/{}", message.id);
    assert_eq!(system.delete(DEMO, &path).await.status, StatusCode::OK);
    assert_eq!(system.send_one(DEMO, body).await, message);
    system.advance(4000).await;
    system.until_idle().await;
    assert_eq!(system.message(&message).await.state(), "cancelled");
    assert!(system.texts(&PHONE).await.is_empty());
}

#[tokio::test]
async fn dry_run_answers_like_a_send_without_side_effects() {
    let system = start_with_a_pool_of_one().await;
    let later = (system.now().await + SignedDuration::from_hours(1)).to_string();
    let body = json!({"messages": [
        with(with_id(Uuid::new_v4(), "Now"), "callback", "https://my-website.com/dr"),
        with(with(with_id(Uuid::new_v4(), "Later"), "send_at", later), "channels", json!(["sms"])),
    ]});
    let tried = accepted(dry_run(&system, &body)).await;
    assert_eq!(accepted(dry_run(&system, &body)).await, tried);
    assert_nothing_was_done(&system).await;
    assert!(system.texts(&PHONE).await.is_empty());
    // The answers can be equal: IDs derive from the client's IDs, and the pool has a single sender.
    assert_eq!(accepted(post(&system, &body)).await, tried);
}

#[tokio::test]
async fn dry_run_does_not_lock_the_last_shared_sender() {
    let system = start_with_a_pool_of_one().await;
    let tried: Value =
        serde_json::from_str(&accepted(dry_run(&system, &request(shared(&PHONE, "Try")))).await).unwrap();
    assert_eq!(tried["messages"][0]["from"]["value"], POOL_SENDER);
    let theirs = system.send_one(OTHER, shared(&PHONE, "For real")).await;
    assert_eq!(theirs["from"]["value"], POOL_SENDER);
    // A dry run does not show that another account has the sender.
    accepted(dry_run(&system, &request(shared(&PHONE, "Try")))).await;
    system.until_handset(&PHONE, 1).await;
    system.until_idle().await;
    assert_eq!(system.texts(&PHONE).await, ["For real"]);
}

#[tokio::test]
async fn dry_run_returns_conflicts_and_stored_answers() {
    let system = System::start().await;
    let id = Uuid::new_v4();
    let body = request(with_id(id, "Stored"));
    let stored = accepted(post(&system, &body)).await;
    assert_eq!(accepted(dry_run(&system, &body)).await, stored);
    assert_conflict(&answer(dry_run(&system, &request(with_id(id, "Other")))).await, "id", [0]);

    let numbered = many(2);
    let stored = accepted(with_key("key", &system, &numbered)).await;
    let tried = |body: &Value| dry_run(&system, body).header("idempotency-key", "key");
    assert_eq!(accepted(tried(&numbered)).await, stored);
    assert_conflict(&answer(tried(&many(1))).await, "Idempotency-Key", [0]);
    system.until_handset(&PHONE, 1).await;
    system.until_idle().await;
    assert_eq!(items(&system, "MessagesTable").await, 3);
}

#[tokio::test]
async fn repeat_after_a_crash_before_enqueue_is_enqueued() {
    let system = System::start().await;
    let delete = system.client.post(system.emulator.url().clone()).header("x-amz-target", "AmazonSQS.DeleteQueue");
    let queue = system.emulator.url().join("123456789012/JobsQueue").unwrap();
    assert_eq!(delete.json(&json!({"QueueUrl": queue})).send().await.unwrap().status(), StatusCode::OK);
    let one = request(with_id(Uuid::new_v4(), "Named"));
    let some = many(3);
    for asked in [post(&system, &one), with_key("key", &system, &some)] {
        assert_problem(&answer(asked).await, 503, "urn:problem:unavailable", &[]);
    }
    assert_eq!(items(&system, "MessagesTable").await, 4, "written, and without a job");

    let system = system.without_gateway().await.with_gateway().await;
    until_done(&system, &accepted(post(&system, &one)).await).await;
    until_done(&system, &accepted(with_key("key", &system, &some)).await).await;
    for number in [PHONE, phone(0), phone(1), phone(2)] {
        assert_eq!(system.texts(&number).await.len(), 1, "{number}");
    }
}
