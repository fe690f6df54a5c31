//! The samples on the vendor's page, posted unchanged.
//!
//! Some samples do not fit a gateway for phone numbers (Apple and Twitter users have none), some have words
//! in place of a sender, two are not JSON, and one is not XML. These get the errors in the page's own tables.

use std::path::PathBuf;

use reqwest::Method;
use serde_json::{Value, json};

use tests::Phone;

use super::{line, message, post, post_json, system};
use crate::system::{answer, with};

/// JSON samples, each with its HTTP status, its error code, and its messages' error codes.
const JSON: [(&str, u16, u16, &[u16]); 21] = [
    ("01-viber", 200, 0, &[0]),
    ("02-several-messages", 200, 0, &[0, 0, 0, 0]),
    ("03-reference-and-groupings", 200, 0, &[0]),
    ("04-validity", 200, 0, &[0]),
    ("05-rich-content", 200, 0, &[0]),
    ("06-unicode-auto", 200, 0, &[0]),
    ("07-unicode-dcs", 200, 0, &[0]),
    ("08-multipart", 200, 0, &[0]),
    ("09-whatsapp-rich-content", 200, 0, &[0]),
    ("10-whatsapp-text", 200, 0, &[0]),
    ("11-whatsapp-formatting", 200, 0, &[0]),
    ("12-whatsapp-media-template", 400, 202, &[]),
    ("13-whatsapp-interactive-template", 400, 202, &[]),
    ("14-whatsapp-template", 200, 0, &[0]),
    ("15-apple-text", 400, 201, &[303]),
    ("16-apple-suggestion", 400, 201, &[303]),
    ("17-twitter-text", 400, 201, &[301]),
    ("18-twitter-image", 400, 201, &[301]),
    ("19-twitter-suggestions", 400, 201, &[301]),
    ("20-viber-rich-content", 200, 0, &[0]),
    ("21-push", 400, 201, &[301]),
];

/// XML samples, with their recipients. 08 closes an element that is not open.
const XML: [(&str, &[&str]); 9] = [
    ("01-one", &["447911123456"]),
    ("02-several-messages", &["447911123456", "447911123457", "447911123458", "447911123459"]),
    ("03-reference", &["447911123456"]),
    ("04-unicode-dcs", &["447911123456"]),
    ("05-unicode-auto", &["447911123456"]),
    ("06-multipart", &["447911123456"]),
    ("07-groupings", &["447911123456"]),
    ("08-allowed-channels", &[]),
    ("09-push", &["447911123456"]),
];

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/cm").join(name)
}

fn fixture(path: &str) -> String {
    std::fs::read_to_string(folder(path)).unwrap()
}

/// Fails unless a folder has exactly these samples.
fn assert_complete<'a>(name: &str, samples: impl Iterator<Item = &'a str>) {
    let files = folder(name).read_dir().unwrap().map(|file| file.unwrap().path().file_stem().unwrap().to_owned());
    let mut files: Vec<_> = files.map(|stem| stem.into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, samples.collect::<Vec<_>>());
}

#[tokio::test]
async fn every_json_sample_gets_its_answer_and_is_delivered() {
    let system = system().await;
    assert_complete("json", JSON.iter().map(|(name, ..)| *name));
    for (name, status, error_code, codes) in JSON {
        let answered = answer(post_json(&system, fixture(&format!("json/{name}.json")))).await;
        assert_eq!((answered.status.as_u16(), &answered.body["errorCode"]), (status, &error_code.into()), "{name}");
        let results = answered.body["messages"].as_array().unwrap();
        let given: Vec<_> = results.iter().map(|result| result["messageErrorCode"].as_u64().unwrap()).collect();
        assert_eq!(given, codes.iter().map(|code| u64::from(*code)).collect::<Vec<_>>(), "{name}: {}", answered.body);
        for result in results.iter().filter(|result| result["status"] == "Accepted") {
            // The validity of this sample ended in 2017.
            if name == "04-validity" {
                continue;
            }
            let to = &result["to"].as_str().unwrap()[2..];
            system.until_handset(to, 1).await;
        }
    }
    let parts = |name: &str| {
        let body = fixture(&format!("json/{name}.json"));
        let system = &system;
        async move { answer(post_json(system, body)).await.body["messages"][0]["parts"].clone() }
    };
    assert_eq!(parts("08-multipart").await, 2);
    assert_eq!(parts("07-unicode-dcs").await, 1);
}

#[tokio::test]
async fn every_xml_and_get_sample_is_answered_and_delivered() {
    assert_complete("xml", XML.iter().map(|(name, _)| *name));
    for (name, numbers) in XML {
        let system = system().await;
        let request = system.request(Method::POST, "/gateway.ashx").body(fixture(&format!("xml/{name}.xml")));
        let expected = if numbers.is_empty() { "Error: ERROR Invalid XML" } else { "" };
        assert_eq!(line(request).await, (200, expected.to_owned()), "{name}");
        for number in numbers {
            system.until_handset(number, 1).await;
        }
    }
    let system = system().await;
    let url = fixture("get/01-one.txt");
    let (_, path) = url.trim().split_once("gw.cmtelecom.com").unwrap();
    assert_eq!(line(system.request(Method::GET, path)).await, (200, String::new()));
    assert_eq!(system.until_handset("447911123456", 1).await[0]["text"], "Example message text");
    assert_eq!(system.newest().await["reference"], "your_reference");
}

/// The page shows rich content in parts. The time picker is not JSON even within braces.
#[tokio::test]
async fn every_sample_of_rich_content_is_read_and_kept() {
    let system = system().await;
    let conversation = json!([{"text": "Hi"}]);
    for (name, channel, kept) in [
        ("01-suggestion-open-url", "RCS", "/suggestions/1/url"),
        ("02-suggestion-calendar", "RCS", "/suggestions/0/calendar/title"),
        ("03-suggestion-dial", "RCS", "/suggestions/0/number"),
        ("04-suggestion-location", "RCS", "/suggestions/0/location/point/latitude"),
        ("05-suggestion-reply", "RCS", "/suggestions/0/description"),
        ("06-media", "WhatsApp", "/conversation/0/media/uri"),
        ("07-location", "WhatsApp", "/conversation/0/location/search_query"),
        ("08-contacts", "WhatsApp", "/conversation/0/contacts/0/name/last_name"),
        ("09-apple-media", "Apple Business Chat", "/conversation/0/media/name"),
        ("10-list-picker", "Apple Business Chat", "/conversation/0/list_picker/options/3/label"),
        ("12-oauth2", "Apple Business Chat", "/conversation/0/oauth2/scope/2"),
    ] {
        let text = fixture(&format!("parts/{name}.json"));
        // The last part lacks the outer braces.
        let part: Value =
            serde_json::from_str(&text).or_else(|_| serde_json::from_str(&format!("{{{text}}}"))).unwrap();
        let content = if part["action"].is_string() {
            json!({"conversation": conversation, "suggestions": [part]})
        } else if part["suggestions"].is_array() {
            json!({"conversation": conversation, "suggestions": part["suggestions"]})
        } else {
            part
        };
        let rich = with(
            with(message(&Phone::delivers(), "Plain"), "richContent", content),
            "allowedChannels",
            json!([channel]),
        );
        let answered = post(&system, &[rich]).await;
        assert_eq!(answered.status, 200, "{name}: {}", answered.body);
        let stored = system.newest().await;
        assert!(stored["content"].pointer(kept).is_some_and(Value::is_string), "{name}: {stored:#}");
    }
    let broken = fixture("parts/11-time-picker.json");
    assert!(serde_json::from_str::<Value>(&format!("{{{broken}}}")).is_err());
}
