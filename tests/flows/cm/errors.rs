//! The errors in the tables on CM.com's page that a request can cause, over HTTP. The parser's unit tests
//! have the errors for single fields.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::domain::ApiKeyHash;

use tests::System;

use super::{OURS, PHONE, line, message, post, post_json};
use crate::{
    bad_input::assert_nothing_was_done,
    system::{DEMO, answer, with},
};

#[tokio::test]
async fn rejected_json_request_has_its_error() {
    let system = System::start().await;
    let good = json!([message(&PHONE, "Fine")]);
    let body = |token: &Value, msg: &Value| {
        json!({"messages": {"authentication": {"productToken": token}, "msg": msg}}).to_string()
    };
    let demo = json!(DEMO);
    let msg = "A MESSAGES object requires at least one MSG object";
    for (body, code, details) in [
        (body(&json!("wrong"), &good), 101, "No account found for the given authentication"),
        (body(&json!("demo-revoked-key"), &good), 101, "No account found for the given authentication"),
        (body(&json!(""), &good), 103, "Invalid product token."),
        (body(&json!(7), &good), 103, "Invalid product token."),
        (body(&json!("k".repeat(5000)), &good), 103, "Invalid product token."),
        (json!({"messages": {"msg": good}}).to_string(), 103, "Invalid product token."),
        ("{}".to_owned(), 103, "Invalid product token."),
        (String::new(), 202, "Invalid JSON"),
        ("{\"messages\":".to_owned(), 202, "Invalid JSON"),
        ("[]".to_owned(), 202, "Invalid JSON"),
        ("[".repeat(1000), 202, "Invalid JSON"),
        (body(&demo, &json!(null)), 203, msg),
        (body(&demo, &json!([])), 203, msg),
        (body(&demo, &good[0]), 203, "MSG object is an invalid type, must be an array"),
        (body(&demo, &json!(vec![message(&PHONE, "x"); 1001])), 203, "A request may hold at most 1000 messages"),
    ] {
        let answered = answer(post_json(&system, body)).await;
        let expected = json!({"details": details, "errorCode": code, "messages": []});
        assert_eq!((answered.status.as_u16(), answered.body), (400, expected));
    }
    let large = format!("{}{}", body(&demo, &good), " ".repeat(1 << 20));
    let answered = answer(post_json(&system, large)).await;
    assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (413, &202.into()));
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn rejected_json_message_has_its_error() {
    let system = System::start().await;
    let to = |to: Value| with(message(&PHONE, "x"), "to", to);
    let body = |body: Value| with(message(&PHONE, "x"), "body", body);
    let without = |field: &str| with(message(&PHONE, "x"), field, Value::Null);
    let past_parts = with(message(&PHONE, &"x".repeat(161)), "maximumNumberOfMessageParts", 1);
    for (message, code, details) in [
        (without("from"), 301, "No FROM field found in a MSG object."),
        (
            with(message(&PHONE, "x"), "from", "TwelveLetter"),
            301,
            "The FROM field as a name may have at most 11 characters, but has 12.",
        ),
        (with(message(&PHONE, "x"), "from", "Nobodys"), 301, "The FROM field is not a sender ID of this account."),
        (without("to"), 302, "Empty mobilenumber field, MT ignored"),
        (to(json!([])), 302, "Empty mobilenumber field, MT ignored"),
        (to(json!({"number": PHONE.with_00()})), 302, "TO object is an invalid type, must be an array"),
        (to(json!([{}])), 303, "Empty mobilenumber field, MT ignored"),
        (to(json!([{"number": "0044791112345a"}])), 303, "Rejected: Gsm '0044791112345a' is not a number."),
        (without("body"), 304, "No body field was found"),
        (body(json!({})), 304, "A body without content was found"),
        (body(json!({"content": ""})), 304, "A body without content was found"),
        (past_parts, 304, "The BODY field takes 2 parts; the limit is 1."),
        (
            with(message(&PHONE, "x"), "validity", "soon"),
            305,
            "The VALIDITY field is neither a date and time nor a number of hours (H) or minutes (M).",
        ),
        (with(message(&PHONE, "x"), "validity", "73H"), 305, "The VALIDITY field is more than 72 hours ahead."),
        (
            with(message(&PHONE, "x"), "allowedChannels", json!(["Fax"])),
            305,
            "The ALLOWEDCHANNELS field holds an unknown channel.",
        ),
        (
            with(message(&PHONE, "x"), "allowedChannels", "SMS"),
            305,
            "ALLOWEDCHANNELS object is an invalid type, must be an array",
        ),
    ] {
        let answered = post(&system, std::slice::from_ref(&message)).await;
        assert_eq!((answered.status, &answered.body["errorCode"]), (StatusCode::BAD_REQUEST, &201.into()));
        assert_eq!(answered.body["details"], "Created 0 message(s)");
        let result = &answered.body["messages"][0];
        assert_eq!(
            (&result["messageErrorCode"], &result["messageDetails"]),
            (&code.into(), &details.into()),
            "{message}"
        );
        assert_eq!((&result["status"], &result["parts"]), (&"Rejected".into(), &0.into()));
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn rejected_xml_document_has_its_error() {
    let system = System::start().await;
    let document = |token: &str, messages: &str| {
        format!("<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>{token}</PRODUCTTOKEN></AUTHENTICATION>{messages}</MESSAGES>")
    };
    let msg = |from: &str, to: &str| format!("<MSG>{from}{to}<BODY>x</BODY></MSG>");
    let (from, to) = (format!("<FROM>{OURS}</FROM>"), format!("<TO>00{PHONE}</TO>"));
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>";
    for (body, words) in [
        (document("wrong", &msg(&from, &to)), "No account found for the given authentication"),
        (document("", &msg(&from, &to)), "Invalid product token."),
        (format!("<MESSAGES>{}</MESSAGES>", msg(&from, &to)), "Invalid product token."),
        (document(DEMO, ""), "A MESSAGES node requires at least one MSG node"),
        (document(DEMO, &msg("", &to)), "No FROM field found in a MSG node."),
        (document(DEMO, &msg(&from, "")), "No phone numbers found. Message will not be sent."),
        (document(DEMO, &msg(&from, "<TO>12a</TO>")), "Rejected: Gsm '12a' is not a number."),
        (document(DEMO, &msg("<FROM>Nobodys</FROM>", &to)), "The FROM field is not a sender ID of this account."),
        (document(DEMO, &msg(&from, &to).repeat(1001)), "A request may hold at most 1000 messages"),
        (document(DEMO, "<MSG>"), "Invalid XML"),
        (format!("{bomb}{}", document(DEMO, &msg(&from, &to))), "Invalid XML"),
        ("{\"messages\": {}}".to_owned(), "Invalid XML"),
        (" ".repeat((1 << 20) + 1), "The request is too large"),
    ] {
        let request = system.request(Method::POST, "/gateway.ashx").body(body);
        assert_eq!(line(request).await, (200, format!("Error: ERROR {words}")));
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn rejected_get_request_has_its_error() {
    let system = System::start().await;
    let long = format!("producttoken={DEMO}&from={OURS}&to=00{PHONE}&body={}", "x".repeat(161));
    for (query, words) in [
        (format!("from={OURS}&to=00{PHONE}&body=x"), "Parameter 'producttoken' contains an invalid value: ''"),
        (
            format!("producttoken=wrong&from={OURS}&to=00{PHONE}&body=x"),
            "No account found for the given authentication",
        ),
        (format!("producttoken={DEMO}&to=00{PHONE}&body=x"), "No sender name provided"),
        (format!("producttoken={DEMO}&from=&to=00{PHONE}&body=x"), "No sender name provided"),
        (format!("producttoken={DEMO}&from={OURS}&to=1a&body=x"), "Parameter 'to' contains an invalid value: '1a'"),
        (format!("producttoken={DEMO}&from={OURS}&body=x"), "Parameter 'to' contains an invalid value: ''"),
        (format!("producttoken={DEMO}&from={OURS}&to=00{PHONE}"), "Parameter 'body' is required"),
        (long, "The BODY field takes 2 parts; the limit is 1."),
        (
            format!("producttoken={DEMO}&from=Nobodys&to=00{PHONE}&body=x"),
            "The FROM field is not a sender ID of this account.",
        ),
    ] {
        let request = system.request(Method::GET, &format!("/gateway.ashx?{query}"));
        assert_eq!(line(request).await, (200, format!("Error: ERROR {words}")), "{query}");
    }
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn internal_failure_is_an_unknown_error() {
    let system = System::start().await;
    // The record of this API key names an account whose ID is invalid.
    let hash = ApiKeyHash::of("broken");
    let item = json!({"id": {"S": format!("key#{}", hash.as_str())}, "account": {"S": "No Account!"}});
    system.put_item("DirectoryTable", item).await;
    let body = json!({"messages": {"authentication": {"productToken": "broken"}, "msg": [message(&PHONE, "x")]}});
    let answered = answer(post_json(&system, body.to_string())).await;
    let unknown = json!({"details": "Unknown Error", "errorCode": 999, "messages": []});
    assert_eq!((answered.status.as_u16(), answered.body), (500, unknown));
    let query = format!("/gateway.ashx?producttoken=broken&from={OURS}&to=00{PHONE}&body=x");
    let answered = line(system.request(Method::GET, &query)).await;
    assert_eq!(answered, (200, "Error: ERROR Unknown error".to_owned()));
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn other_methods_are_refused_as_each_gateway_does() {
    let system = System::start().await;
    let send = send::Send::new(&system.environment()).unwrap();
    for (path, method, status) in
        [("/v1.0/message", Method::PUT, 405), ("/v1.0/message", Method::GET, 405), ("/gateway.ashx", Method::PUT, 400)]
    {
        let mut request = crate::system::invocation(path, &json!({}));
        *request.method_mut() = method.as_str().parse().unwrap();
        let response = send.handle(request).await;
        assert!(response.status() == status && response.body().is_empty(), "{method} {path}");
    }
}
