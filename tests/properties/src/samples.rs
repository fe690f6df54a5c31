//! Samples: from the vendors' documents, in `tests/fixtures`, and our own where there is none.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::Value;
use shared::domain::{CarrierSettings, SenderTable, Vendor};
use strum::IntoEnumIterator;

use crate::mutate::{self, Choices};

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
const MESSANGI: &[&str] = files!["messangi/01-message.json", "messangi/02-curl.json", "messangi/04-everything.json"];
const MESSANGI_BATCH: &[&str] = files!["messangi/03-batch.json", "messangi/05-welcome.json"];
const MTA: &[&str] = files![
    "mta/01-external-id.json",
    "mta/02-tags.json",
    "mta/03-longcode.json",
    "mta/04-everything.json",
    "mta/05-image.json",
];
/// Rich content for which the vendor's page has no sample, or no valid JSON.
const CM_PARTS_MENDED: &[&str] = &[
    r#"{"conversation": [{"text": "When?", "timePicker": {"label": "Pick", "location": {"latitude": "51.6", "longitude": "4.7"},
        "options": [{"startTime": "2027-02-21T09:00:00", "endTime": "2027-02-21T10:00:00"}]}}]}"#,
    r#"{"conversation": [{"header": "Hi", "text": "Card", "cardOrientation": "HORIZONTAL", "thumbnailAlignment": "LEFT",
        "media": {"mediaUri": "https://a.example/a.png", "mediaHeight": "tall"}, "tag": null, "context": {}}]}"#,
    r#"{"conversation": [{"$type": "CarouselMessage", "carousel": {"cardWidth": "Medium", "cards": [{"header": "One", "text": "1",
        "media": {"mediaUri": "https://a.example/a.png"}, "suggestions": [{"action": "Reply", "label": "Yes", "postbackdata": "y"}]},
        {"text": "2"}]}}]}"#,
    r#"{"conversation": [{"text": "Quote", "context": {"message_id": "wamid.1"}, "tag": "HUMAN_AGENT"}]}"#,
    r#"{"suggestions": [{"action": "CreateCalendarEvent", "label": "Add", "postbackdata": "added", "calendar": {"title": "T",
        "startTime": "2027-02-21T09:00:00-08:00", "endTime": "2027-02-21T18:00:00Z"}},
        {"action": "ViewLocation", "label": "Map", "location": {"latitude": 51.6, "longitude": 4.7, "radius": 5}},
        {"action": "ShareLocation", "label": "Where?", "shareLocation": {"requestLocation": true}}]}"#,
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

static MPLUS_READ: LazyLock<Vec<Value>> = LazyLock::new(|| requests(MPLUS));
static MESSANGI_READ: LazyLock<Vec<Value>> = LazyLock::new(|| requests(MESSANGI));
static MESSANGI_BATCH_READ: LazyLock<Vec<Value>> = LazyLock::new(|| requests(MESSANGI_BATCH));
static MTA_READ: LazyLock<Vec<Value>> = LazyLock::new(|| requests(MTA));
static CM_READ: LazyLock<Vec<Value>> = LazyLock::new(|| read(CM));
static CM_PARTS_READ: LazyLock<Vec<Value>> = LazyLock::new(|| [read(CM_PARTS), read(CM_PARTS_MENDED)].concat());

pub fn mplus() -> &'static [Value] {
    &MPLUS_READ
}

pub fn messangi() -> &'static [Value] {
    &MESSANGI_READ
}

pub fn messangi_batch() -> &'static [Value] {
    &MESSANGI_BATCH_READ
}

pub fn mta() -> &'static [Value] {
    &MTA_READ
}

pub fn cm() -> &'static [Value] {
    &CM_READ
}

pub fn cm_parts() -> &'static [Value] {
    &CM_PARTS_READ
}

/// A sample of a carrier's body, from `tests/fixtures/carriers/VENDOR/KIND*`.
pub struct CarrierSample {
    pub text: String,
    /// The parsed text of a `.json` file.
    pub json: Option<Value>,
}

impl CarrierSample {
    /// Returns the sample with changes: of values in JSON, else of pieces.
    pub fn mutated(&self, choices: &mut Choices<'_>) -> String {
        match &self.json {
            Some(json) => mutate::json(json, choices).to_string(),
            None => mutate::pieces(&self.text, |c| "<> :".contains(c), &PIECES, choices),
        }
    }
}

/// Pieces of XML and of SMPP receipts.
const PIECES: [&str; 28] = [
    "<MSG>",
    "</MSG>",
    "<STATUS>",
    "</STATUS>",
    "<CODE>2",
    "</CODE>",
    "<ERRORCODE>8",
    "<a/>",
    "<!DOCTYPE m [<!ENTITY a 'b'>]>",
    "<![CDATA[<b>]]>",
    "<?xml version='1.0'?>",
    "&#x85;",
    "&b;",
    "\u{a0}",
    " ",
    ":",
    "id:",
    "stat:",
    "stat:DELIVRD",
    "stat:ACCEPTD",
    "STAT: EXPIRED",
    "err:008",
    "text:",
    "submit ",
    "done ",
    "date:",
    "\u{3000}",
    "0197a3a0-0000-7000-8000-000000000001",
];

/// Returns the settings of a carrier without options.
#[expect(clippy::expect_used, reason = "the URLs are valid")]
pub fn settings(vendor: Vendor, endpoint: &str) -> CarrierSettings {
    CarrierSettings {
        vendor,
        endpoint: endpoint.parse().expect("a URL"),
        timeout_ms: 30_000,
        lookup: false,
        receipts_by_id: false,
        country_code: None,
        webhook_url: vendor.profile().takes_webhook_url.then(|| "https://gateway.example".parse().expect("a URL")),
        sender_ids: SenderTable::default(),
    }
}

/// Returns a vendor's samples: `receipt`, `reply`, or `answer` for answers to a submit. In an answer
/// `your_reference_A` stands for our reference.
///
/// # Panics
/// If there are none: nothing else would notice a vendor without samples.
pub fn of_carrier(vendor: Vendor, kind: &'static str) -> &'static [CarrierSample] {
    static READ: LazyLock<BTreeMap<(Vendor, &str), Vec<CarrierSample>>> = LazyLock::new(|| {
        let kinds = ["receipt", "reply", "answer"];
        let all = Vendor::iter().flat_map(|vendor| kinds.map(|kind| ((vendor, kind), read_samples(vendor, kind))));
        all.collect()
    });
    READ.get(&(vendor, kind)).map(Vec::as_slice).unwrap_or_default()
}

#[expect(clippy::expect_used, reason = "a missing sample would test nothing")]
fn read_samples(vendor: Vendor, kind: &str) -> Vec<CarrierSample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/carriers").join(vendor.into_str());
    let entries = fs::read_dir(&folder).expect("tests/fixtures/carriers has a folder for each vendor");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let is_of_kind = |path: &&PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(kind));
    let samples: Vec<_> = paths.iter().filter(is_of_kind).map(|path| sample(path)).collect();
    assert!(!samples.is_empty(), "{} has no {kind}*", folder.display());
    samples
}

#[expect(clippy::expect_used, reason = "a broken sample would test nothing")]
fn sample(path: &Path) -> CarrierSample {
    let text = fs::read_to_string(path).expect("a sample");
    let json = path.extension().is_some_and(|extension| extension == "json").then(|| one(&text));
    CarrierSample { text, json }
}

/// Returns the requests of files that have an answer too.
fn requests(texts: &[&str]) -> Vec<Value> {
    read(texts).iter().map(|file| file["request"].clone()).collect()
}

fn read(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| one(text)).collect()
}

#[expect(clippy::expect_used, reason = "a broken sample would test nothing")]
fn one(text: &str) -> Value {
    serde_json::from_str(text).expect("a sample that is JSON")
}
