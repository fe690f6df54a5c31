//! The rules for each field in a message.

use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::{Value, json};

use tests::System;

use super::{INVALID, PHONE, assert_nothing_was_done, assert_problem, dry_run, good, request};
use crate::system::{DEMO, owned, with};

async fn assert_passes_validation(system: &System, message: Value) {
    let answer = dry_run(system, &request(message)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// Posts each message after a good one. Fails unless the only error names the second message and the field,
/// and nothing was done.
async fn assert_each_is_rejected(cases: impl IntoIterator<Item = (Value, &str, &str)>) {
    let system = System::start().await;
    for (message, field, code) in cases {
        let answer = system.post(DEMO, &json!({"messages": [good(), &message]})).await;
        println!("{message}");
        assert_problem(&answer, 400, INVALID, &[(Some(1), field, code)]);
    }
    assert_nothing_was_done(&system).await;
}

/// Posts a good message with each value in `field` (`object.field` if nested). Fails unless each is
/// rejected.
async fn assert_each_value_is_rejected(field: &str, cases: impl IntoIterator<Item = (Value, &str)>) {
    let message = |value| match field.split_once('.') {
        None => with(good(), field, value),
        Some((object, field)) => {
            let mut message = owned(&PHONE, "Fine");
            message[object][field] = value;
            message
        }
    };
    assert_each_is_rejected(cases.into_iter().map(|(value, code)| (message(value), field, code))).await;
}

#[tokio::test]
async fn required_fields_are_reported() {
    let without = |field: &str| {
        let mut message = good();
        message.as_object_mut().unwrap().remove(field);
        message
    };
    let from = |from: Value| with(good(), "from", from);
    assert_each_is_rejected([
        (json!(null), "messages", "wrong_type"),
        (json!("447700900041"), "messages", "wrong_type"),
        (json!([good()]), "messages", "wrong_type"),
        (without("to"), "to", "missing"),
        (with(good(), "to", Value::Null), "to", "missing"),
        (without("body"), "body", "missing"),
        (with(good(), "body", Value::Null), "body", "missing"),
        (without("from"), "from", "missing"),
        (from(json!(null)), "from", "missing"),
        (from(json!("441234567890")), "from", "wrong_type"),
        (from(json!(["shared"])), "from", "wrong_type"),
        (from(json!({})), "from.type", "missing"),
        (from(json!({"value": "441234567890"})), "from.type", "missing"),
        (from(json!({"type": "custom"})), "from.value", "missing"),
        (from(json!({"type": "custom", "value": null})), "from.value", "missing"),
    ])
    .await;
}

#[tokio::test]
async fn number_must_be_international() {
    assert_each_value_is_rejected(
        "to",
        [
            (json!(""), "empty"),
            (json!("+"), "malformed"),
            (json!("44770O900041"), "malformed"),
            (json!("Mum"), "malformed"),
            (json!("44 7700 900041"), "malformed"),
            (json!(" "), "empty"),
            (json!("+00447700900041"), "malformed"),
            (json!("+ 447700900041"), "malformed"),
            (json!("447700-900041"), "malformed"),
            (json!("++447700900041"), "malformed"),
            (json!("٤٤٧٧٠٠٩٠٠٠٤١"), "malformed"),
            (json!("441111"), "malformed"),
            (json!("4411111111111111"), "malformed"),
            (json!("07700900041"), "malformed"),
            (json!("000447700900041"), "malformed"),
            (json!(447_700_900_041.5), "wrong_type"),
            (json!(-447_700_900_041_i64), "wrong_type"),
            (json!(441_111), "malformed"),
            (json!(["447700900041"]), "wrong_type"),
            (json!({"number": "447700900041"}), "wrong_type"),
            (json!(true), "wrong_type"),
        ],
    )
    .await;
}

#[tokio::test]
async fn sender_must_be_showable_by_phones() {
    assert_each_value_is_rejected(
        "from.value",
        [
            (json!(""), "empty"),
            (json!("   "), "empty"),
            (json!("TwelveLetter"), "malformed"),
            (json!("Café"), "malformed"),
            (json!("a#b"), "malformed"),
            (json!("a\nb"), "malformed"),
            (json!("12"), "malformed"),
            (json!("12345678901234567"), "malformed"),
            (json!("+00441234567890"), "malformed"),
            (json!("0000441234567890"), "malformed"),
            (json!(441_234_567_890_u64), "wrong_type"),
            (json!({}), "wrong_type"),
        ],
    )
    .await;
    assert_each_value_is_rejected(
        "from.type",
        [
            (json!("own"), "unknown_value"),
            (json!("Custom"), "unknown_value"),
            (json!(""), "unknown_value"),
            (json!(1), "wrong_type"),
            (json!(["shared"]), "wrong_type"),
        ],
    )
    .await;
}

#[tokio::test]
async fn id_must_be_a_uuid() {
    assert_each_value_is_rejected(
        "id",
        [
            (json!(" "), "malformed"),
            (json!("7"), "malformed"),
            (json!("b2693dfe-0813-427a-bc2f-62b0e929240"), "malformed"),
            (json!("b2693dfe-0813-427a-bc2f-62b0e929240g"), "malformed"),
            (json!(7), "wrong_type"),
            (json!([]), "wrong_type"),
        ],
    )
    .await;
}

#[tokio::test]
async fn send_at_must_be_iso_8601() {
    assert_each_value_is_rejected(
        "send_at",
        [
            (json!(" "), "malformed"),
            (json!("tomorrow"), "malformed"),
            (json!("09:00"), "malformed"),
            (json!("1767258000"), "malformed"),
            (json!("2026-13-01T09:00:00Z"), "malformed"),
            (json!("2026-02-30T09:00:00Z"), "malformed"),
            (json!("2026-01-01T25:00:00Z"), "malformed"),
            (json!("01/02/2026 09:00"), "malformed"),
            (json!("99999-01-01T09:00:00Z"), "malformed"),
            (json!("2027-01-01T09:00:00+25:00"), "malformed"),
            (json!("2027-01-01T09:00:00+24:00"), "malformed"),
            (json!("2027-01-01T09:00:00+02:00:30"), "malformed"),
            (json!(1_767_258_000), "wrong_type"),
            (json!({}), "wrong_type"),
        ],
    )
    .await;
}

#[tokio::test]
async fn send_at_without_a_zone_is_gmt() {
    let system = System::start().await;
    let time = (system.now().await + SignedDuration::from_hours(1)).round(jiff::Unit::Second).unwrap();
    let civil = time.to_string();
    let civil = civil.trim_end_matches('Z');
    for (written, minutes_later) in [
        (format!("{civil}Z"), 0),
        (civil.to_owned(), 0),
        (civil.replace('T', " "), 0),
        (format!("{civil}-02:00"), 120),
        (format!("{civil}+00:30"), -30),
    ] {
        let expected = time + SignedDuration::from_mins(minutes_later);
        let answer = dry_run(&system, &request(with(good(), "send_at", written))).await;
        let message = &answer.body["messages"][0];
        assert_eq!(message["send_at"].as_str().unwrap().parse::<Timestamp>().unwrap(), expected);
        assert_eq!(message["scheduled"], true);
    }
}

#[tokio::test]
async fn send_at_more_than_366_days_ahead_is_rejected() {
    let system = System::start().await;
    let most = system.now().await + SignedDuration::from_hours(24 * 366);
    let minute = SignedDuration::from_mins(1);
    let late = with(good(), "send_at", (most + minute).to_string());
    let far = with(good(), "send_at", "9999-01-01T00:00:00Z");
    let last = with(good(), "send_at", "9999-12-31T23:59:59Z");
    let answer = system.post(DEMO, &json!({"messages": [good(), late, far, last]})).await;
    let errors = [1, 2, 3].map(|index| (Some(index), "send_at", "too_long"));
    assert_problem(&answer, 422, "urn:problem:unacceptable", &errors);
    assert_passes_validation(&system, with(good(), "send_at", (most - minute).to_string())).await;
    assert_nothing_was_done(&system).await;
}

#[tokio::test]
async fn callback_must_be_an_http_url_without_credentials() {
    assert_each_value_is_rejected(
        "callback",
        [
            (json!(" "), "malformed"),
            (json!("/receipts"), "malformed"),
            (json!("my-website.com/receipts"), "malformed"),
            (json!("//my-website.com/receipts"), "malformed"),
            (json!("ftp://my-website.com/receipts"), "malformed"),
            (json!("file:///etc/passwd"), "malformed"),
            (json!("javascript:alert(1)"), "malformed"),
            (json!("https://"), "malformed"),
            (json!("https://me:secret@my-website.com/"), "malformed"),
            (json!("https://me@my-website.com/"), "malformed"),
            (json!("https://my-website.com/\r\nX-Injected: 1"), "malformed"),
            (json!("https://my-website.com/\tdr"), "malformed"),
            (json!("https://my-website.com/dr\u{0}"), "malformed"),
            (json!("https://my-website.com\n"), "malformed"),
            (json!("https://my website.com/"), "malformed"),
            (json!("https://my-website.com:99999/"), "malformed"),
            (json!("https://my-website.com:0/"), "malformed"),
            (json!("https://my..website.com/"), "malformed"),
            (json!("https://-my-website.com/"), "malformed"),
            (json!("https://my-website-.com/"), "malformed"),
            (json!(format!("https://my-website.com/{}", "x".repeat(2048))), "malformed"),
            (json!(7), "wrong_type"),
            (json!(["https://my-website.com/"]), "wrong_type"),
        ],
    )
    .await;
}

#[tokio::test]
async fn channels_must_be_distinct_known_names() {
    assert_each_value_is_rejected(
        "channels",
        [
            (json!("sms"), "wrong_type"),
            (json!({"0": "sms"}), "wrong_type"),
            (json!([1]), "wrong_type"),
            (json!([["sms"]]), "wrong_type"),
            (json!(["sms", null]), "wrong_type"),
            (json!([]), "empty"),
            (json!(["fax"]), "unknown_value"),
            (json!(["sms", ""]), "unknown_value"),
            (json!(["sms", "rcs", "sms"]), "duplicate"),
        ],
    )
    .await;
}

#[tokio::test]
async fn text_must_be_visible_and_fit_into_10_segments() {
    assert_each_value_is_rejected(
        "body",
        [
            (json!(""), "empty"),
            (json!(" \r\n\t "), "empty"),
            (json!("\u{a0}\u{3000}"), "empty"),
            (json!("a\u{0}b"), "malformed"),
            (json!("\u{1b}[31mred"), "malformed"),
            (json!("a".repeat(1531)), "too_long"),
            (json!("€".repeat(761)), "too_long"),
            (json!("ж".repeat(671)), "too_long"),
            (json!(7), "wrong_type"),
            (json!(["Fine"]), "wrong_type"),
            (json!({"text": "Fine"}), "wrong_type"),
        ],
    )
    .await;
    let system = System::start().await;
    for text in ["a".repeat(1530), "€".repeat(760), "ж".repeat(670)] {
        assert_passes_validation(&system, with(good(), "body", text)).await;
    }
}
