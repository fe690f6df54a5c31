//! CM.com's errors, row by row from the tables of its page "Business Messaging API".

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{TOKEN, message, request};
use crate::emulator::tests::{Tester, answer};

const PHONE: &str = "00447700900001";

/// Sends an invalid and a valid message in a request, and returns the invalid one's result.
async fn rejected(tester: &Tester, wrong: Value) -> Value {
    let (status, mut answer) = tester.post_cm(&[wrong, message(PHONE)]).await;
    assert_eq!((status, &answer["errorCode"]), (StatusCode::OK, &json!(201)), "{answer}");
    assert_eq!(answer["details"], "Created 1 message(s)");
    assert_eq!(answer["messages"][1]["status"], "Accepted");
    let result = answer["messages"][0].take();
    assert_eq!((&result["status"], &result["parts"]), (&json!("Rejected"), &json!(0)));
    result
}

fn with(field: &str, value: Value) -> Value {
    let mut message = message(PHONE);
    message[field] = value;
    message
}

#[tokio::test]
async fn invalid_request_is_rejected_with_its_code() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let post = |token: Option<&str>, body: String| {
        let posted = tester.client.post(tester.url("/cm/v1.0/message")).body(body);
        match token {
            Some(token) => answer(posted.header("x-cm-producttoken", token)),
            None => answer(posted),
        }
    };
    let good = request(&[message(PHONE)]);
    let in_body = |token: Value| {
        let mut request = good.clone();
        request["messages"]["authentication"] = json!({ "producttoken": token });
        request.to_string()
    };
    let ours = Some(TOKEN);
    let too_many = vec![message(PHONE); 1001];
    let many_recipients = with("to", vec![json!({ "number": PHONE }); 1001].into());
    let no_account = "No account found for the given authentication";
    let empty = "A MESSAGES object requires at least one MSG object";
    for (token, body, code, details) in [
        (Some("another"), good.to_string(), 101, no_account),
        (None, in_body(json!("another")), 101, no_account),
        (None, good.to_string(), 103, "Invalid product token."),
        (Some(""), good.to_string(), 103, "Invalid product token."),
        (None, in_body(json!("")), 103, "Invalid product token."),
        (None, in_body(json!(5)), 103, "Invalid product token."),
        (ours, "{".to_owned(), 202, "Invalid JSON"),
        (ours, "[]".to_owned(), 202, "Invalid JSON"),
        (ours, json!({ "messages": [] }).to_string(), 202, "Invalid JSON"),
        (ours, json!({}).to_string(), 203, empty),
        (ours, json!({ "messages": {} }).to_string(), 203, empty),
        (ours, request(&[]).to_string(), 203, empty),
        (
            ours,
            json!({ "messages": { "msg": message(PHONE) } }).to_string(),
            203,
            "MSG object is an invalid type, must be an array",
        ),
        (ours, request(&too_many).to_string(), 203, "The request's MSG array is incorrect"),
        (ours, request(&[many_recipients]).to_string(), 203, "The request's MSG array is incorrect"),
    ] {
        let refusal = json!({ "details": details, "errorCode": code, "messages": [] });
        assert_eq!(post(token, body).await, (StatusCode::BAD_REQUEST, refusal));
    }
    assert!(tester.texts(PHONE).await.is_empty());
}

#[tokio::test]
async fn a_thousand_messages_are_accepted() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let (status, answer) = tester.post_cm(&vec![message(PHONE); 1000]).await;
    assert_eq!((status, &answer["details"]), (StatusCode::OK, &json!("Created 1000 message(s)")));
}

#[tokio::test]
async fn other_methods_get_405_without_a_body() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    for method in [Method::GET, Method::PUT] {
        let answered = tester.client.request(method, tester.url("/cm/v1.0/message")).send().await.unwrap();
        assert_eq!(answered.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answered.text().await.unwrap(), "");
    }
}

#[tokio::test]
async fn invalid_message_is_rejected_with_its_code_others_are_sent() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let from = "This MSG has an invalid From field";
    let to = "This MSG has an invalid To field";
    let body = "This MSG has an invalid Body field";
    let empty = "Empty mobilenumber field, MT ignored";
    let no_content = "A body without content was found";
    let to_of = |number: &str| with("to", json!([{ "number": number }]));
    for (wrong, code, details) in [
        (with("from", Value::Null), 301, "No FROM field found in a MSG object."),
        (with("from", json!("")), 301, "No FROM field found in a MSG object."),
        (with("from", json!(5)), 301, from),
        (with("from", json!("twelve chars")), 301, from),
        (with("from", json!("Ünïcode")), 301, from),
        (with("from", json!("12345678901234567")), 301, from),
        (with("to", Value::Null), 302, to),
        (with("to", json!([])), 302, to),
        (with("to", json!({ "number": PHONE })), 302, "TO object is an invalid type, must be an array"),
        (with("to", json!([{}])), 303, empty),
        (to_of(""), 303, empty),
        (to_of("0044791112345a"), 303, "Gsm '0044791112345a' is not a number."),
        (to_of("0031"), 303, "Gsm '0031' is not a number."),
        (with("body", Value::Null), 304, "No body field was found"),
        (with("body", json!({})), 304, no_content),
        (with("body", json!({ "type": "auto", "content": "" })), 304, no_content),
        (with("body", json!("hello")), 304, body),
        (with("allowedChannels", json!("SMS")), 305, "ALLOWEDCHANNELS object is an invalid type, must be an array"),
    ] {
        let result = rejected(&tester, wrong).await;
        assert_eq!((&result["messageErrorCode"], &result["messageDetails"]), (&json!(code), &json!(details)));
        assert_eq!(result["reference"], "ref1");
    }
    assert_eq!(rejected(&tester, to_of("0044791112345a")).await["to"], "0044791112345a");
    assert_eq!(rejected(&tester, json!("hello")).await["messageErrorCode"], 305);
}

#[tokio::test]
async fn invalid_field_is_named() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let item = json!({ "text": "Look" });
    let interactive = |interactive: Value| json!({ "conversation": [{ "interactive": interactive }] });
    let suggestions = |count: usize| {
        json!({
            "conversation": [item], "suggestions": vec![json!({ "action": "Reply", "label": "Yes" }); count],
        })
    };
    let card = json!({ "header": "Hello", "suggestions": [{ "action": "OpenUrl", "label": "Open", "url": "a:b" }] });
    let carousel = |cards: usize, width: &str| json!({ "conversation": [{ "carousel": { "cards": vec![&card; cards], "cardWidth": width } }] });
    let event = |start: &str| {
        let calendar = json!({ "startTime": start, "endTime": "2026-12-05T10:00:00", "title": "Demo" });
        let suggestion = json!({ "action": "CreateCalendarEvent", "label": "Add", "calendar": calendar });
        json!({ "conversation": [item], "suggestions": [suggestion] })
    };
    for (field, value) in [
        ("allowedChannels", json!(["Fax"])),
        ("reference", json!("r".repeat(33))),
        ("reference", json!("0197a3a0-0000")),
        ("reference", json!(7)),
        ("customGrouping", json!("g".repeat(101))),
        ("customGrouping3", json!(["g"])),
        ("validity", json!("tomorrow")),
        ("validity", json!("2017-04-20T11:50:00Z")),
        ("validity", json!("5D")),
        ("dcs", json!("8")),
        ("minimumNumberOfMessageParts", json!(0)),
        ("maximumNumberOfMessageParts", json!("8")),
        ("richContent", json!({})),
        ("richContent", json!({ "conversation": [] })),
        ("richContent", json!({ "conversation": item })),
        ("richContent", json!({ "conversation": [{}] })),
        ("richContent", json!({ "conversation": [item], "suggestions": [{ "action": "Reply" }] })),
        ("richContent", suggestions(12)),
        ("richContent", json!({ "conversation": [{ "text": "Look", "future": 1 }] })),
        ("richContent", json!({ "conversation": [{ "text": "Look", "context": {} }] })),
        ("richContent", json!({ "conversation": [item], "suggestions": [{ "action": "Dial", "label": "Call" }] })),
        ("richContent", carousel(11, "Small")),
        ("richContent", carousel(2, "Huge")),
        ("richContent", event("2026-12-05T09:00")),
        ("richContent", event("2026-12-05T09:00:00+01")),
        ("richContent", event("2026-12-05T09:00:00[Europe/Paris]")),
        (
            "richContent",
            interactive(json!({ "type": "list", "body": { "text": "Come?" }, "action": { "buttons": [{}] } })),
        ),
        ("richContent", interactive(json!({ "type": "button", "body": {}, "action": { "buttons": [{}] } }))),
        (
            "richContent",
            interactive(json!({ "type": "button", "body": { "text": "Come?" }, "action": { "buttons": [] } })),
        ),
    ] {
        let result = rejected(&tester, with(field, value)).await;
        assert_eq!(result["messageErrorCode"], 305, "{field}");
        assert!(result["messageDetails"].as_str().unwrap().contains(field), "{result}");
    }
    for (field, value) in [
        ("allowedChannels", json!(["whatsapp", "SMS"])),
        ("allowedChannels", json!([])),
        ("reference", json!("your_reference")),
        ("validity", json!("2017-04-20 11:50 GMT")),
        ("validity", json!("2017-04-20 11:50:10 +01:00")),
        ("validity", json!("30M")),
        ("maximumNumberOfMessageParts", json!(8)),
        ("richContent", suggestions(11)),
        ("richContent", carousel(10, "Small")),
        ("richContent", event("2026-12-05T09:00:00")),
        ("richContent", event("2026-12-05T09:00:00.1234567Z")),
        ("richContent", event("2026-12-05T09:00:00-08:00")),
        ("richContent", json!({ "conversation": [{ "text": "Look", "context": { "message_id": "wamid.1" } }] })),
        (
            "richContent",
            interactive(json!({ "type": "button", "body": { "text": "Come?" }, "action": { "buttons": [{}] } })),
        ),
    ] {
        let (status, result) = tester.post_cm(&[with(field, value)]).await;
        assert_eq!(status, StatusCode::OK, "{field}: {result}");
    }
}

#[tokio::test]
async fn text_with_more_parts_than_allowed_is_rejected() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let text = |length: usize| {
        let mut message = with("maximumNumberOfMessageParts", json!(2));
        message["body"]["content"] = json!("a".repeat(length));
        message
    };
    assert_eq!(rejected(&tester, text(307)).await["messageErrorCode"], 304);
    let (status, answer) = tester.post_cm(&[text(306)]).await;
    assert_eq!((status, &answer["messages"][0]["parts"]), (StatusCode::OK, &json!(2)));
}

#[tokio::test]
async fn text_may_be_empty_beside_rich_content_except_on_sms() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let mut message = with("body", json!({ "content": "" }));
    message["richContent"] = json!({ "conversation": [{ "text": "Look" }] });
    assert_eq!(rejected(&tester, message.clone()).await["messageErrorCode"], 304);
    message["allowedChannels"] = json!(["WhatsApp"]);
    let (status, answer) = tester.post_cm(&[message.clone()]).await;
    assert_eq!((status, &answer["messages"][0]["parts"]), (StatusCode::OK, &json!(1)));
    message["richContent"] = Value::Null;
    assert_eq!(rejected(&tester, message).await["messageErrorCode"], 304);
}

#[tokio::test]
async fn long_sender_name_is_accepted_except_on_sms() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let mut pushed = with("from", json!("Your channel account"));
    assert_eq!(rejected(&tester, pushed.clone()).await["messageErrorCode"], 301);
    pushed["allowedChannels"] = json!(["MobilePush", "SMS"]);
    assert_eq!(tester.post_cm(&[pushed]).await.0, StatusCode::OK);
}
