//! Repeats get a 409 under the same `X-Request-Id`, and the first answer under the same `Idempotency-Key`. No message
//! is sent twice, and none is lost if the first request was interrupted.

use futures_util::future::join_all;
use lambda_http::Request;
use reqwest::{Method, RequestBuilder};
use send::Send;
use serde_json::{Value, json};
use shared::runtime::{Environment, Random};
use tests::{Phone, System, TestConfig};

use super::{PHONE, from_usual, message, number, request};
use crate::{
    admin::read,
    system::{Answer, DEMO_ACCOUNT, OTHER, POOL_SENDER, answer, invocation, with},
};

fn under(system: &System, id: &str, body: &Value) -> RequestBuilder {
    request(system, body).header("X-Request-Id", id)
}

fn assert_repeated(answer: &Answer, number: u64) {
    let words = format!("The request with this X-Request-Id was accepted before, with the messageId {number}.");
    let expected = (409, &json!(words), &json!("MTAConflictError"));
    assert_eq!((answer.status.as_u16(), &answer.body["message"], &answer.body["name"]), expected, "{}", answer.body);
}

/// Returns the texts on each phone, once all work is done.
async fn texts(system: &System, phones: &[Phone]) -> Vec<Vec<String>> {
    system.advance_and_settle(900).await;
    let mut texts = Vec::new();
    for phone in phones {
        texts.push(system.texts(phone).await);
    }
    texts
}

/// Returns a request to several phones.
fn to(phones: &[Phone]) -> Value {
    let numbers: Vec<_> = phones.iter().map(|phone| format!("+{phone}")).collect();
    with(message(&PHONE, "Once"), "subscribers", numbers)
}

#[tokio::test]
async fn repeated_request_id_is_a_conflict_and_sends_nothing() {
    let system = System::start().await;
    let phones = [PHONE, PHONE.nth(1)];
    let first = number(&answer(under(&system, "order7", &to(&phones))).await);
    for _ in 0..2 {
        assert_repeated(&answer(under(&system, "order7", &to(&phones))).await, first);
        assert_eq!(texts(&system, &phones).await, [["Once"], ["Once"]]);
    }
    // Another account's request with the same ID, and a request with another ID.
    let theirs = system.request(Method::POST, "/v3/send").bearer_auth(OTHER).header("X-Request-Id", "order7");
    assert_ne!(number(&answer(theirs.json(&from_usual(&PHONE.nth(2), "Theirs"))).await), first);
    assert_ne!(number(&answer(under(&system, "order8", &to(&phones))).await), first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_concurrent_requests_with_one_id_send_once() {
    let system = System::start().await;
    let phones = [PHONE, PHONE.nth(1), PHONE.nth(2)];
    let answers = join_all((0..16).map(|_| answer(under(&system, "order7", &to(&phones))))).await;
    let mut numbers: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(number).collect();
    numbers.dedup();
    assert_eq!(numbers.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_repeated(answer, numbers[0]);
    }
    assert_eq!(texts(&system, &phones).await, [["Once"], ["Once"], ["Once"]]);
}

#[tokio::test]
async fn request_id_with_other_content_is_a_conflict_that_names_it() {
    let system = System::start().await;
    number(&answer(under(&system, "order7", &to(&[PHONE]))).await);
    for other in [
        to(&[PHONE, PHONE.nth(1)]),
        to(&[PHONE.nth(1)]),
        with(to(&[PHONE]), "message", "Other"),
        with(to(&[PHONE]), "tags", json!({"a": "1"})),
        with(to(&[PHONE]), "longcodeId", 12345),
    ] {
        let answer = answer(under(&system, "order7", &other)).await;
        let expected = (409, &json!("X-Request-Id was already used with different content"));
        assert_eq!((answer.status.as_u16(), &answer.body["message"]), expected, "{other}");
    }
    assert_eq!(texts(&system, &[PHONE, PHONE.nth(1)]).await, [vec!["Once"], vec![]]);
}

#[tokio::test]
async fn repeated_idempotency_key_gets_the_first_answer() {
    let system = System::start().await;
    let ask = |text: &str| request(&system, &message(&PHONE, text)).header("Idempotency-Key", "order7");
    let first = answer(ask("Once")).await;
    let again = answer(ask("Once")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    let other = answer(ask("Other")).await;
    let expected = (409, &json!("Idempotency-Key was already used with different content"));
    assert_eq!((other.status.as_u16(), &other.body["message"]), expected);
    assert_eq!(texts(&system, &[PHONE]).await, [["Once"]]);
}

/// Returns a request in the form in which Lambda passes it to the function.
fn direct(id: &str, body: &Value) -> Request {
    let mut request = invocation("/v3/send", body);
    request.headers_mut().insert("x-request-id", id.parse().unwrap());
    request
}

/// Returns a function that cannot enqueue jobs.
fn send_without_queue(system: &System) -> Send {
    let environment = system.environment();
    let no_queue = [("JOBS_QUEUE_URL".to_owned(), system.queue_url("NoSuchQueue").to_string())];
    let variables = environment.variables.clone().with(no_queue);
    Send::new(&Environment { variables, ..environment }).unwrap()
}

#[tokio::test]
async fn repeat_after_a_crash_is_a_conflict_and_all_is_sent() {
    let phones = [PHONE, PHONE.nth(1), PHONE.nth(2)];
    let system = System::start().await.without_gateway().await;
    let failed = send_without_queue(&system).handle(direct("order7", &to(&phones))).await;
    assert_eq!(failed.status(), 503, "{:?}", failed.body());
    // As after a crash between the messages, only the second is stored.
    let stored = system.scan("MessagesTable").await;
    let is_second = |item: &&Value| item["to"]["S"] == *phones[1];
    assert_eq!((stored.len(), stored.iter().filter(is_second).count()), (3, 1));
    for item in stored.iter().filter(|item| !is_second(item)) {
        let key = json!({"TableName": "MessagesTable", "Key": {"id": item["id"]}});
        system.aws("DynamoDB_20120810.DeleteItem", &key).await;
    }
    let system = system.with_gateway().await;
    let repeated = answer(under(&system, "order7", &to(&phones))).await;
    let first = system.newest().await;
    assert_eq!(repeated.status, 409, "{}", repeated.body);
    assert_eq!(texts(&system, &phones).await, [["Once"], ["Once"], ["Once"]], "{first}");
    assert_eq!(answer(under(&system, "order7", &to(&phones))).await.body["message"], repeated.body["message"]);
    assert_eq!(texts(&system, &phones).await, [["Once"], ["Once"], ["Once"]]);
}

/// An operator changes the account's default sender after a request crashed and before its repeat.
#[tokio::test]
async fn repeat_keeps_the_sender_of_the_first_request() {
    let system = System::with_config(TestConfig::new().pool(&[POOL_SENDER])).await.without_gateway().await;
    let usual = from_usual(&PHONE, "Once");
    let failed = send_without_queue(&system).handle(direct("order7", &usual)).await;
    assert_eq!(failed.status(), 503);
    let system = system.with_gateway().await;
    read(&system, &["account", "set", DEMO_ACCOUNT, "--default-sender", "12345"]).await;
    system.advance(31).await;
    assert_eq!(answer(under(&system, "order7", &usual)).await.status, 409);
    let shown = system.until_handset(&PHONE, 1).await;
    assert!(shown[0]["from"] != "12345", "{}", shown[0]);
    assert_eq!(texts(&system, &[PHONE]).await, [["Once"]]);
    let other = answer(under(&system, "order7", &from_usual(&PHONE, "Other"))).await;
    assert_eq!(other.body["message"], "X-Request-Id was already used with different content");
}

/// Two functions draw the same number, because their random numbers are equal.
#[tokio::test]
async fn taken_number_is_unavailable_and_a_retry_draws_another() {
    let system = System::start().await.without_gateway().await;
    let send = |seed| Send::new(&Environment { random: Random::seeded(seed), ..system.environment() }).unwrap();
    let posted = |phone: &Phone| invocation("/v3/send", &message(phone, "Once"));
    let accepted = async |send: &Send, phone: &Phone| {
        let response = send.handle(posted(phone)).await;
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body["data"]["messageId"].as_u64(), body["name"].clone())
    };
    let (status, first, _) = accepted(&send(7), &PHONE).await;
    assert!(status == 200 && first.is_some());
    let second = send(7);
    let taken = accepted(&second, &PHONE.nth(1)).await;
    assert_eq!(taken, (503, None, json!("MTAServiceUnavailableError")));
    let (status, number, _) = accepted(&second, &PHONE.nth(1)).await;
    assert!(status == 200 && number.is_some() && number != first);
    let system = system.with_gateway().await;
    assert_eq!(texts(&system, &[PHONE, PHONE.nth(1)]).await, [["Once"], ["Once"]]);
}
