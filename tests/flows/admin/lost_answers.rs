//! If the answer of AWS to a write is lost, the SDK retries and finds the write done. The tool reports
//! success.

use reqwest::StatusCode;
use tests::{Response, TestServer};

use super::{PHONE, admin_by, read};
use crate::system::{DEMO, System, owned, with};

/// Runs a command through a proxy that loses the first answer to `operation`, expects success, and returns
/// the standard error.
async fn run_despite_lost_response(system: &System, operation: &'static str, words: &[&str]) -> String {
    let emulator = system.emulator.url().clone();
    let mut calls = 0;
    let proxy = TestServer::with(move |request| {
        let is_lost = request.header("x-amz-target").is_some_and(|target| target.ends_with(operation)) && {
            calls += 1;
            calls == 1
        };
        if is_lost { Response::LoseAnswer(emulator.clone()) } else { Response::Forward(emulator.clone()) }
    });
    let proxy = proxy.await;
    let done = admin_by(system, proxy.url(), words).await;
    assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    let calls = proxy.requests();
    let calls =
        calls.iter().filter(|call| call.header("x-amz-target").is_some_and(|target| target.ends_with(operation)));
    assert!(calls.count() > 1, "{words:?}: no answer was lost");
    done.err
}

#[tokio::test]
async fn sender_removal_with_lost_answer_is_reported_as_done() {
    let system = System::start().await;
    let done = run_despite_lost_response(&system, "DeleteItem", &["sender", "remove", "449999999999"]).await;
    assert!(done.contains("no longer the account other's"), "{done}");
}

#[tokio::test]
async fn pool_removal_with_lost_answer_is_reported_as_done() {
    let system = System::start().await;
    let pool = read(&system, &["pool", "list"]).await;
    let sender = pool["pool"][0].as_str().unwrap();
    let done = run_despite_lost_response(&system, "UpdateItem", &["pool", "remove", sender]).await;
    assert!(done.contains("no conversation begins"), "{done}");
}

#[tokio::test]
async fn endpoint_enabled_with_lost_answer_is_reported_as_enabled() {
    let system = System::start().await;
    let gone = format!("{}?status={}", system.sink("gone"), StatusCode::GONE.as_u16());
    system.send_one(DEMO, with(owned(&PHONE, "Hello"), "callback", gone)).await;
    system.until_sink_requests("notices", 1).await;
    let done =
        run_despite_lost_response(&system, "DeleteItem", &["endpoint", "enable", "demo", &system.sink("gone")]).await;
    assert!(done.contains("It was disabled since"), "{done}");
}
