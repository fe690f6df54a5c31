//! Mobile Text Alerts' dialect apart from sending: webhooks, opt-outs, senders, deliveries and scheduled requests.

mod deliveries;
mod opt_outs;
mod scheduled;
mod webhooks;

use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    domain::{Dialect, Draft, SegmentLimit, SenderChoice, Text},
    flow::accept::{Grouping, Request, accept},
    gateway::{Part, connect_directory, connect_gateway},
    runtime::{Environment, Random},
};
use strum::VariantArray;
use tests::System;
use uuid::Uuid;

use crate::system::{Answer, DEMO, DEMO_ACCOUNT, OTHER, OWN_SENDER, answer};

/// Cached directory entries are read again after this time.
const CACHE_SECONDS: u64 = 31;

async fn call(system: &System, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    answer(system.request(method, path).bearer_auth(key).json(body)).await
}

/// Posts as the demo account.
async fn post(system: &System, path: &str, body: &Value) -> Answer {
    call(system, DEMO, Method::POST, path, body).await
}

/// Reads as the demo account; fails unless the answer is a success.
async fn read(system: &System, path: &str) -> Value {
    data(system.get(DEMO, path).await)
}

#[track_caller]
fn data(answer: Answer) -> Value {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["data"].clone()
}

/// Fails unless the answer is an error in the vendor's format, and returns its message.
#[track_caller]
fn failure(answer: Answer, status: u16) -> String {
    let Answer { status: given, body } = answer;
    assert_eq!((given.as_u16(), &body["httpCode"]), (status, &json!(status)), "{body}");
    let (r#type, name) = match status {
        400 => ("bad_request_error", "MTABadRequestError"),
        401 => ("unauthorized_error", "MTAUnauthorizedError"),
        404 => ("not_found_error", "MTANotFoundError"),
        409 => ("conflict_error", "MTAConflictError"),
        501 => ("not_implemented_error", "MTANotImplementedError"),
        503 => ("service_unavailable_error", "MTAServiceUnavailableError"),
        _ => panic!("{body}"),
    };
    assert_eq!((&body["type"], &body["name"]), (&json!(r#type), &json!(name)), "{body}");
    assert!(Uuid::try_parse(body["requestId"].as_str().unwrap()).is_ok(), "{body}");
    assert!(body["timestamp"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{body}");
    body["message"].as_str().unwrap().to_owned()
}

/// Sends one text to several numbers as a numbered request, and returns the request's number.
async fn send_numbered(system: &System, phones: &[&str], change: impl Fn(&mut Draft)) -> u64 {
    let environment = Environment { random: Random::of_system(), ..system.environment() };
    let gateway = connect_gateway(&environment, Part::VARIANTS).unwrap();
    let directory = connect_directory(&environment).unwrap();
    let from = SenderChoice::Custom(OWN_SENDER.parse().unwrap());
    let text = Text::parse("Hello, all", SegmentLimit::default()).unwrap();
    let draft = |(index, phone): (usize, &&str)| {
        let mut draft = Draft { index, ..Draft::new(phone.parse().unwrap(), from.clone(), text.clone()) };
        change(&mut draft);
        draft
    };
    let request = Request {
        dialect: Dialect::Mta,
        key: None,
        drafts: phones.iter().enumerate().map(draft).collect(),
        posted: phones.len(),
        idempotency_key: None,
        on_unknown: None,
        lane: None,
        dry_run: false,
        grouping: Grouping::Numbered,
    };
    let accepted = accept(&gateway, &directory, &DEMO_ACCOUNT.parse().unwrap(), &request).await;
    accepted.unwrap_or_else(|_| panic!("the request was not accepted"))[0].batch.number()
}

const PATHS: [(Method, &str); 14] = [
    (Method::POST, "/v3/webhooks"),
    (Method::GET, "/v3/webhooks"),
    (Method::PATCH, "/v3/webhooks/1"),
    (Method::DELETE, "/v3/webhooks/1"),
    (Method::POST, "/v3/unsubscribes"),
    (Method::GET, "/v3/unsubscribes"),
    (Method::GET, "/v3/unsubscribes/+12025550123"),
    (Method::POST, "/v3/send/validate-recipients"),
    (Method::GET, "/v3/auth/verify-api-key"),
    (Method::GET, "/v3/dedicated-numbers"),
    (Method::GET, "/v3/deliveries"),
    (Method::GET, "/v3/scheduled"),
    (Method::GET, "/v3/scheduled/7"),
    (Method::POST, "/v3/scheduled/7"),
];

#[tokio::test]
async fn every_path_needs_a_key_and_a_valid_query() {
    let system = System::start().await;
    for (method, path) in PATHS {
        for key in ["no-key", "demo-revoked-key"] {
            let refused = call(&system, key, method.clone(), path, &json!({})).await;
            assert!(failure(refused, 401).starts_with("The API key is missing"), "{path}");
        }
        let in_query = answer(system.request(method.clone(), &format!("{path}?key={DEMO}"))).await;
        failure(in_query, 401);
    }
}

#[tokio::test]
async fn unknown_ids_are_not_found() {
    let system = System::start().await;
    for (method, path) in [
        (Method::PATCH, "/v3/webhooks/1"),
        (Method::PATCH, "/v3/webhooks/x"),
        (Method::DELETE, "/v3/webhooks/1"),
        (Method::DELETE, "/v3/webhooks/+1"),
        (Method::GET, "/v3/scheduled/7"),
        (Method::GET, "/v3/scheduled/x"),
        (Method::POST, "/v3/scheduled/7"),
        (Method::POST, "/v3/scheduled/0197a3a0-0000-7000-8000-000000000001"),
    ] {
        assert_eq!(failure(call(&system, DEMO, method, path, &json!({})).await, 404), "Not found", "{path}");
    }
}

#[tokio::test]
async fn key_and_senders_are_those_of_the_account() {
    let system = System::start().await;
    let verified = system.get(DEMO, "/v3/auth/verify-api-key").await;
    assert_eq!(verified.body["message"], "The API key was verified.");
    assert_eq!(data(verified), json!({"name": "Demo"}));
    assert_eq!(data(system.get(OTHER, "/v3/auth/verify-api-key").await), json!({"name": "Another client"}));

    let other = json!([{"id": 449_999_999_999_u64, "number": "+449999999999"}]);
    assert_eq!(data(system.get(OTHER, "/v3/dedicated-numbers").await), other);
    let numbers = read(&system, "/v3/dedicated-numbers").await;
    let numbers = numbers.as_array().unwrap();
    let shown: Vec<_> = numbers.iter().map(|number| number["number"].as_str().unwrap()).collect();
    let expected = [
        "12345",
        "2222",
        "+441111111110",
        "+441234567890",
        "CM.com",
        "OtherSender",
        "SenderName",
        "TestSender",
        "mplus-test",
        "sender-id",
        "sender-id-1",
        "sender-id-2",
        "specific",
    ];
    assert_eq!(shown, expected);
    assert!(numbers.contains(&json!({"id": 12345, "number": "12345"})), "{numbers:?}");
    assert!(numbers.contains(&json!({"id": 441_234_567_890_u64, "number": "+441234567890"})), "{numbers:?}");
    let names: Vec<_> = numbers.iter().filter(|number| number["id"].as_u64().unwrap() >= 1 << 52).collect();
    assert_eq!(names.len(), 9, "{names:?}");
}
