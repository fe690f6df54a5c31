//! Errors: the status, the code and the field of each, and all of them in one answer.

use http::StatusCode;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use tests::System;

use super::{PHONE, message, post};
use crate::{
    bad_input::assert_nothing_was_done,
    system::{Answer, DEMO, OTHER_SENDER, answer, with},
};

/// Returns the status, and `CODE field` of each error.
fn seen(answer: &Answer) -> (u16, Vec<String>) {
    let body = &answer.body;
    assert!(body["meta"]["timestamp"].is_u64() && body["meta"]["transactionId"].is_string(), "{body}");
    assert_eq!(body["error"], body["errors"][0], "{body}");
    let word = |error: &Value| {
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        let field = error["field"].as_str().map(|field| format!(" {field}"));
        error["code"].as_str().unwrap().to_owned() + &field.unwrap_or_default()
    };
    (answer.status.as_u16(), body["errors"].as_array().unwrap().iter().map(word).collect())
}

fn refused(status: u16, words: &[&str]) -> (u16, Vec<String>) {
    (status, words.iter().map(|&word| word.to_owned()).collect())
}

#[tokio::test]
async fn each_error_has_its_status_code_and_field() {
    let system = System::start().await;
    let full = || message(&PHONE, "Hello");
    let all = json!({"from": "", "text": "x".repeat(1601), "to": "52", "requestDR": 1, "callbacks": "x", "type": "MO"});
    let batch = |text: &str, to: Value| with(with(full(), "text", text), "to", to);
    let all_of_batch =
        json!({"from": 7, "text": "{0}", "to": [7, {"params": ["x"]}, {"to": PHONE, "params": ["x", "y"]}]});
    let long = json!([{"to": PHONE, "params": ["x".repeat(1600)]}]);
    let [single, several] = ["/raven/v2/messages", "/raven/v3/messages/batch"];
    for (path, request, status, words) in [
        (
            single,
            all,
            400,
            &[
                "EMPTY from",
                "SEGMENTS_EXCEEDED text",
                "INVALID_ROUTING to",
                "WRONG_TYPE requestDR",
                "MALFORMED callbacks",
                "UNKNOWN_VALUE type",
            ][..],
        ),
        (single, json!([]), 400, &["WRONG_TYPE (body)"]),
        (single, with(full(), "from", OTHER_SENDER), 403, &["CODE_NOT_ALLOWED from"]),
        (single, with(full(), "connection", "none"), 400, &["INVALID_ROUTING connection"]),
        (
            several,
            all_of_batch,
            400,
            &["WRONG_TYPE from", "WRONG_TYPE to[0]", "MISSING to[1].to", "UNKNOWN_VALUE to[2].params"],
        ),
        (several, batch("x{0}", long), 400, &["SEGMENTS_EXCEEDED to[0].params"]),
        (
            several,
            batch("x", json!([{"to": "52"}, {"to": "0612345678"}])),
            400,
            &["INVALID_ROUTING to[0].to", "INVALID_ROUTING to[1].to"],
        ),
        (
            several,
            with(batch("x", json!([{"to": PHONE}, {"to": PHONE.nth(1)}])), "from", OTHER_SENDER),
            403,
            &["CODE_NOT_ALLOWED from"],
        ),
        (
            several,
            with(batch("x", json!([{"to": PHONE}, {"to": PHONE.nth(1)}])), "connection", "none"),
            400,
            &["INVALID_ROUTING connection"],
        ),
    ] {
        assert_eq!(seen(&post(&system, path, &request).await), refused(status, words), "{request}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn text_that_is_too_long_has_the_documented_words() {
    let system = System::start().await;
    let answer = post(&system, "/raven/v2/messages", &message(&PHONE, &"x".repeat(1601))).await;
    assert_eq!(answer.body["error"]["message"], "Text exceeds the limit of allowed segments");
}

#[tokio::test]
async fn errors_of_http_have_the_format_of_the_dialect() {
    let system = System::start().await;
    let at = |path: &str| system.request(Method::POST, path);
    let valid = |request: RequestBuilder| request.json(&message(&PHONE, "Hello"));
    let path = "/raven/v2/messages";
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(1 << 20));
    for (request, status, words) in [
        (valid(at(path)), 401, "UNAUTHORIZED"),
        (valid(at(path)).bearer_auth("wrong"), 401, "UNAUTHORIZED"),
        (valid(at("/raven/v2/messages?key=demo-key")), 401, "UNAUTHORIZED"),
        (valid(at(path)).basic_auth(DEMO, Some(DEMO)), 401, "UNAUTHORIZED"),
        (at(path).bearer_auth(DEMO).body("{"), 400, "MALFORMED (body)"),
        (at(path).bearer_auth(DEMO).body(large), 413, "TOO_LARGE"),
        (valid(at(path)).bearer_auth(DEMO).header("content-encoding", "gzip"), 415, "CONTENT_ENCODING"),
        (valid(at("/raven/v2/messages?isDryrun=x")).bearer_auth(DEMO), 400, "UNKNOWN_VALUE isDryrun"),
        (valid(at(path)).bearer_auth(DEMO).header("On-Unknown", "x"), 400, "UNKNOWN_VALUE On-Unknown"),
        (valid(at(path)).bearer_auth(DEMO).header("Idempotency-Key", "a,b"), 400, "MALFORMED Idempotency-Key"),
    ] {
        assert_eq!(seen(&answer(request).await), refused(status, &[words]));
    }
    let unauthorized = valid(at(path)).send().await.unwrap();
    assert_eq!(unauthorized.headers()["www-authenticate"], "Bearer");
    assert_eq!(system.request(Method::GET, path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_nothing_was_done(&system).await;
}
