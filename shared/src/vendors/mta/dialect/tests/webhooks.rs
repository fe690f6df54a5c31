//! Webhooks: requests with the webhook or the errors, and webhooks with the answers.

use serde_json::{Value, json};

use super::{Named, all_named, json, parameter};
use crate::{
    domain::{ClientSecret, EncryptedSecret, FieldErrorCode as Code, Timestamp, Webhook, Webhooks},
    vendors::mta::dialect::{
        paging::Paging,
        webhooks::{changed, created, list, parse_id, read, read_change, removed},
    },
};

const SECRET: &str = "a-secret-of-the-client";

fn valid() -> Value {
    json!({"event": "message-reply", "url": "https://a.example/hook?token=t", "secret": SECRET})
}

fn full() -> Value {
    json!({"event": "delivery-status", "url": "https://a.example/hook?token=t", "secret": SECRET,
        "alertEmail": "ops@a.example", "sendAlertEmail": false, "skipErrors": true, "skipErrorCodes": ["30003", "x"],
        "retryOnError": false, "maxThroughputPerMinute": 600})
}

fn with(field: &str, value: impl Into<Value>) -> Value {
    let mut webhook = valid();
    webhook[field] = value.into();
    webhook
}

fn at() -> Timestamp {
    "2026-11-30T09:00:00.5Z".parse().unwrap()
}

fn webhook(request: &Value) -> Webhook {
    read(request.to_string().as_bytes()).unwrap().with(EncryptedSecret("encrypted".to_owned()), at())
}

fn errors(request: &Value) -> Vec<Named> {
    all_named(&read(request.to_string().as_bytes()).err().unwrap_or_default())
}

/// Returns the answers' data for a webhook with all fields.
fn shown(id: u32) -> Value {
    json!({"id": id, "event": "delivery-status", "url": "https://a.example/hook?token=t", "alertEmail": "ops@a.example",
        "sendAlertEmail": false, "skipErrors": true, "skipErrorCodes": ["30003", "x"], "retryOnError": false,
        "maxThroughputPerMinute": 600, "createdAt": "2026-11-30T09:00:00.500Z"})
}

#[test]
fn webhook_is_read_and_shown_without_its_secret() {
    let webhook = webhook(&full());
    assert_eq!(read(full().to_string().as_bytes()).unwrap().secret.bytes(), SECRET.as_bytes());
    let answer = created(7, &webhook);
    assert_eq!(json(&answer), json!({"message": "Webhook 7 created successfully.", "data": shown(7)}));
    let answer = changed(7, &webhook);
    assert_eq!(json(&answer), json!({"message": "Webhook 7 updated successfully.", "data": shown(7)}));
    assert_eq!(json(&removed(7)), json!({"message": "Webhook 7 deleted successfully."}));
}

#[test]
fn absent_options_are_null() {
    let none = json!({"id": 1, "event": "message-reply", "url": "https://a.example/hook?token=t", "alertEmail": null,
        "sendAlertEmail": false, "skipErrors": null, "skipErrorCodes": [], "retryOnError": null,
        "maxThroughputPerMinute": null, "createdAt": "2026-11-30T09:00:00.500Z"});
    let mut nulls = valid();
    for field in
        ["alertEmail", "sendAlertEmail", "skipErrors", "skipErrorCodes", "retryOnError", "maxThroughputPerMinute"]
    {
        nulls[field] = Value::Null;
    }
    for request in [valid(), nulls, with("alertEmail", ""), with("unknown", "field")] {
        assert_eq!(json(&created(1, &webhook(&request)))["data"], none, "{request}");
    }
}

#[test]
fn each_invalid_field_is_named() {
    for (field, value, code) in [
        ("event", Value::Null, Code::Missing),
        ("event", json!("message-lost"), Code::UnknownValue),
        ("event", json!(""), Code::UnknownValue),
        ("event", json!(7), Code::WrongType),
        ("url", Value::Null, Code::Missing),
        ("url", json!(["https://a.example"]), Code::WrongType),
        ("url", json!(""), Code::Malformed),
        ("url", json!("a.example"), Code::Malformed),
        ("url", json!("ftp://a.example"), Code::Malformed),
        ("url", json!("https://user:pass@a.example"), Code::Malformed),
        ("url", json!(format!("https://a.example/{}", "x".repeat(2048))), Code::Malformed),
        ("secret", Value::Null, Code::Missing),
        ("secret", json!(""), Code::Empty),
        ("secret", json!("s".repeat(256)), Code::TooLong),
        ("secret", json!(7), Code::WrongType),
        ("alertEmail", json!("ops"), Code::Malformed),
        ("alertEmail", json!("a@b\n"), Code::Malformed),
        ("alertEmail", json!(format!("{}@b", "a".repeat(253))), Code::TooLong),
        ("alertEmail", json!(7), Code::WrongType),
        ("sendAlertEmail", json!(true), Code::UnknownValue),
        ("sendAlertEmail", json!("false"), Code::WrongType),
        ("skipErrors", json!("yes"), Code::WrongType),
        ("skipErrorCodes", json!("30003"), Code::WrongType),
        ("skipErrorCodes", json!(vec!["1"; 21]), Code::TooMany),
        ("retryOnError", json!(1), Code::WrongType),
        ("maxThroughputPerMinute", json!(0), Code::Malformed),
        ("maxThroughputPerMinute", json!(-1), Code::Malformed),
        ("maxThroughputPerMinute", json!(1.5), Code::Malformed),
        ("maxThroughputPerMinute", json!(4_294_967_296_u64), Code::Malformed),
        ("maxThroughputPerMinute", json!("600"), Code::WrongType),
    ] {
        let request = with(field, value);
        assert_eq!(errors(&request), [(field.to_owned(), code)], "{request}");
        // A change may leave fields out, but each field has the same rules.
        let change = json!({field: request[field]}).to_string();
        let change = read_change(change.as_bytes()).err().unwrap_or_default();
        let expected = if code == Code::Missing { Vec::new() } else { vec![(field.to_owned(), code)] };
        assert_eq!(all_named(&change), expected, "{request}");
    }
    for (codes, code) in [(json!(["1", 2]), Code::WrongType), (json!(["1", "2".repeat(51)]), Code::TooLong)] {
        assert_eq!(errors(&with("skipErrorCodes", codes)), [("skipErrorCodes[1]".to_owned(), code)]);
    }
    let missing = ["event", "url", "secret"].map(|field| (field.to_owned(), Code::Missing));
    assert_eq!(errors(&json!({})), missing);
    for (body, code) in [("", Code::Malformed), ("[]", Code::WrongType), (r#"{"url":"","url":""}"#, Code::Duplicate)] {
        for read in [read(body.as_bytes()).err(), read_change(body.as_bytes()).err()] {
            assert_eq!(all_named(&read.unwrap()), [("(body)".to_owned(), code)], "{body}");
        }
    }
}

#[test]
fn no_error_repeats_a_secret_or_url() {
    let mut request = full();
    request["secret"] = json!(SECRET.repeat(20));
    request["url"] = json!("https://user:token-in-a-url@a.example/");
    request["alertEmail"] = json!("token-in-a-url");
    request["skipErrorCodes"] = json!("token-in-a-url");
    let errors = read(request.to_string().as_bytes()).err().unwrap();
    let written = format!("{errors:?}");
    assert!(errors.len() == 4 && !written.contains(SECRET) && !written.contains("token-in-a-url"), "{written}");
}

#[test]
fn change_replaces_only_the_fields_that_it_names() {
    let before = webhook(&full());
    let change = |change: Value| read_change(change.to_string().as_bytes()).unwrap().apply(before.clone(), None);
    assert_eq!(change(json!({})), before);
    let nulls = json!({"event": null, "url": null, "secret": null, "alertEmail": null, "skipErrorCodes": null});
    assert_eq!(change(nulls), before);
    for (field, value) in [
        ("event", json!("number-opt-in")),
        ("url", json!("https://b.example/")),
        ("alertEmail", json!("b@b.example")),
        ("skipErrors", json!(false)),
        ("skipErrorCodes", json!([])),
        ("retryOnError", json!(true)),
        ("maxThroughputPerMinute", json!(1)),
    ] {
        let mut expected = shown(7);
        expected[field] = value.clone();
        let after = change(json!({ field: value }));
        assert_eq!((&json(&changed(7, &after))["data"], &after.secret), (&expected, &before.secret));
    }
    let renewed = read_change(json!({"secret": "new"}).to_string().as_bytes()).unwrap();
    assert_eq!(renewed.secret.as_ref().map(ClientSecret::as_str), Some("new"));
    let encrypted = EncryptedSecret("other".to_owned());
    assert_eq!(renewed.apply(before.clone(), Some(encrypted.clone())), Webhook { secret: encrypted, ..before.clone() });
    assert_eq!(change(json!({"alertEmail": ""})).options.alert_email, None);
}

#[test]
fn list_has_pages_from_0() {
    let webhooks: Webhooks = (1..=30).map(|id| (id, webhook(&full()))).collect();
    for (query, page, size, ids) in [
        ("", 0, 25, 1..=25),
        ("page=1", 1, 25, 26..=30),
        ("page=0&pageSize=1", 0, 1, 1..=1),
        ("page=29&pageSize=1", 29, 1, 30..=30),
        ("pageSize=100", 0, 100, 1..=30),
    ] {
        let paging = Paging::read(&|name| parameter(query, name)).unwrap();
        let rows: Vec<_> = ids.map(shown).collect();
        let expected = json!({"success": true, "message": "Webhooks retrieved successfully.",
            "data": {"rows": rows, "page": page, "pageSize": size, "total": 30}});
        assert_eq!(json(&list(&webhooks, paging)), expected, "{query}");
    }
    let paging = Paging::read(&|name| parameter("page=2", name)).unwrap();
    assert_eq!(json(&list(&webhooks, paging))["data"]["rows"], json!([]));
}

#[test]
fn invalid_page_is_named() {
    for (query, names) in [
        ("page=-1", &["page"][..]),
        ("page=%2B1", &["page"]),
        ("page=one", &["page"]),
        ("page=1000001", &["page"]),
        ("page=%FF", &["page"]),
        ("pageSize=0", &["pageSize"]),
        ("pageSize=101", &["pageSize"]),
        ("page=x&pageSize=x", &["page", "pageSize"]),
    ] {
        let errors = Paging::read(&|name| parameter(query, name)).unwrap_err();
        let expected: Vec<_> = names.iter().map(|name| ((*name).to_owned(), Code::Malformed)).collect();
        assert_eq!(all_named(&errors), expected, "{query}");
    }
    assert!(Paging::read(&|name| parameter("page=&pageSize=", name)).is_ok(), "an empty parameter counts as absent");
}

#[test]
fn only_a_canonical_number_is_an_id() {
    assert_eq!((parse_id("7"), parse_id("4294967295")), (Some(7), Some(u32::MAX)));
    for text in ["", "+7", "07", "-7", "7 ", "4294967296", "x"] {
        assert_eq!(parse_id(text), None, "{text}");
    }
}
