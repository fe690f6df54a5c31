//! Samples: from the vendors' documents, in `tests/fixtures`, and our own where there is none.

use std::sync::LazyLock;

use serde_json::Value;

/// Includes files below `tests/fixtures`.
macro_rules! files {
    ($($path:literal),* $(,)?) => { &[$(include_str!(concat!("../../fixtures/", $path))),*] };
}

const MPLUS: &[&str] = files![
    "mplus/001-02-all-parameters.json",
    "mplus/001-05-defaults-overridden.json",
    "mplus/001-08-callback-in-misspelt-defaults.json",
    "mplus/001-10-shared-sender-and-channels.json",
];
const CM: &[&str] = files![
    "cm/json/02-several-messages.json",
    "cm/json/03-reference-and-groupings.json",
    "cm/json/04-validity.json",
    "cm/json/07-unicode-dcs.json",
    "cm/json/08-multipart.json",
    "cm/json/05-rich-content.json",
    "cm/json/14-whatsapp-template.json",
    "cm/json/16-apple-suggestion.json",
    "cm/json/19-twitter-suggestions.json",
    "cm/json/20-viber-rich-content.json",
];
const CM_PARTS: &[&str] = files![
    "cm/parts/01-suggestion-open-url.json",
    "cm/parts/02-suggestion-calendar.json",
    "cm/parts/03-suggestion-dial.json",
    "cm/parts/04-suggestion-location.json",
    "cm/parts/05-suggestion-reply.json",
    "cm/parts/06-media.json",
    "cm/parts/07-location.json",
    "cm/parts/08-contacts.json",
    "cm/parts/10-list-picker.json",
];
/// Rich content for which the vendor's page has no sample, or no valid JSON.
const CM_PARTS_MENDED: &[&str] = &[
    r#"{"conversation": [{"text": "When?", "timePicker": {"label": "Pick", "location": {"latitude": "51.6", "longitude": "4.7"},
        "options": [{"startTime": "2027-02-21T09:00:00", "endTime": "2027-02-21T10:00:00"}]}}]}"#,
    r#"{"conversation": [{"oauth2": {"responseType": "token", "state": "s", "scope": ["email", "profile"]}}]}"#,
    r#"{"conversation": [{"interactive": {"type": "button", "header": {"type": "text", "text": "Ten?"}, "body": {"text": "Come?"},
        "footer": {"text": ""}, "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]}}}]}"#,
    r#"{"conversation": [{"interactive": {"type": "list", "body": {"text": "When?"}, "action": {"button": "Choose",
        "sections": [{"title": "Day", "rows": [{"title": "Ten", "id": "10", "description": "In the morning"}]}]}}}]}"#,
];
pub const CM_XML: &[&str] = files![
    "cm/xml/02-several-messages.xml",
    "cm/xml/04-unicode-dcs.xml",
    "cm/xml/06-multipart.xml",
    "cm/xml/07-groupings.xml",
    "cm/xml/08-allowed-channels.xml",
];
pub const CM_QUERY: &str = include_str!("../../fixtures/cm/get/01-one.txt");
pub const CM_REPORT_XML: &str = include_str!("../../fixtures/carriers/cm/status-report.xml");
pub const CM_REPORT_SMPP: &str = include_str!("../../fixtures/carriers/cm/smpp-receipt.txt");

static MPLUS_READ: LazyLock<Vec<Value>> =
    LazyLock::new(|| read(MPLUS).iter().map(|file| file["request"].clone()).collect());
static CM_READ: LazyLock<Vec<Value>> = LazyLock::new(|| read(CM));
static CM_PARTS_READ: LazyLock<Vec<Value>> = LazyLock::new(|| [read(CM_PARTS), read(CM_PARTS_MENDED)].concat());

pub fn mplus() -> &'static [Value] {
    &MPLUS_READ
}

pub fn cm() -> &'static [Value] {
    &CM_READ
}

pub fn cm_parts() -> &'static [Value] {
    &CM_PARTS_READ
}

pub fn cm_report() -> Value {
    one(include_str!("../../fixtures/carriers/cm/status-report.json"))
}

pub fn cm_reply() -> Value {
    one(include_str!("../../fixtures/carriers/cm/reply.json"))
}

pub fn cm_answer() -> Value {
    one(include_str!("../../fixtures/carriers/cm/answer-some.json"))
}

/// Returns a receipt as the local stack's simulated carrier posts it.
pub fn loopback_receipt() -> Value {
    one(r#"{"id": "c1", "reference": "0197a3a0000070008000000000000001", "status": "undelivered", "code": "24",
            "description": "Absent subscriber", "at": "2027-02-21T09:30:00Z"}"#)
}

pub fn loopback_reply() -> Value {
    one(r#"{"id": "r1", "from": "447700900001", "to": "441234567890", "text": "Yes, please", "channel": "sms",
            "at": "2027-02-21T09:30:00Z"}"#)
}

fn read(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| one(text)).collect()
}

#[expect(clippy::expect_used, reason = "a broken sample would test nothing")]
fn one(text: &str) -> Value {
    serde_json::from_str(text).expect("a sample that is JSON")
}
