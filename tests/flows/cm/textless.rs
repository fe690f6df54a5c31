//! Rich content without a text: templates and interactive messages, as CM.com's own clients write them.

use reqwest::Method;
use serde_json::{Value, json};

use tests::{MessageView, System};

use super::{OURS, PHONE, line, message, post};
use crate::{
    bad_input::assert_nothing_was_done,
    system::{DEMO, with},
};

/// A message with rich content and an empty body.
fn showing(part: &str, value: Value, channels: &[&str]) -> Value {
    let content = json!({"conversation": [{part: value}]});
    with(with(message(&PHONE, ""), "richContent", content), "allowedChannels", channels)
}

fn template(channels: &[&str]) -> Value {
    let language = json!({"policy": "deterministic", "code": "en"});
    let template = json!({"namespace": "n", "element_name": "welcome", "language": language, "components": []});
    showing("template", json!({"whatsapp": template}), channels)
}

fn list(header: &Value, footer: &str) -> Value {
    let row = |id: &str, description: &str| json!({"id": id, "title": "Ten", "description": description});
    let sections = json!([{"title": "Times", "rows": [row("10", "In the morning"), row("22", "")]}]);
    json!({"type": "list", "header": header, "body": {"text": "When?"}, "footer": {"text": footer},
        "action": {"button": "Choose", "sections": sections}})
}

/// Waits until the newest message is delivered.
async fn delivered(system: &System) -> MessageView {
    let id = system.newest().await.id().to_owned();
    system.until_state(&id, "delivered").await
}

#[tokio::test]
async fn template_without_a_text_arrives_as_one_part() {
    let system = System::start().await;
    let answered = post(&system, &[template(&["Whatsapp"])]).await;
    let accepted = json!({"to": PHONE.with_00(), "status": "Accepted", "reference": null, "parts": 1,
        "messageDetails": null, "messageErrorCode": 0});
    assert_eq!(answered.body, json!({"details": "Created 1 message(s)", "errorCode": 0, "messages": [accepted]}));
    let shown = system.until_handset(&PHONE, 1).await[0].clone();
    assert_eq!((&shown["text"], &shown["channel"]), (&"".into(), &"whatsapp".into()));
    assert_eq!(shown["content"]["conversation"][0]["template"]["whatsapp"]["element_name"], "welcome");
    let message = delivered(&system).await;
    assert_eq!((&message["body"], &message["segments"]), (&"".into(), &0.into()));
    assert_eq!((message.channel(), message.state()), ("whatsapp", "delivered"));
    assert_eq!(message["content"]["conversation"][0]["template"]["element_name"], "welcome");
}

#[tokio::test]
async fn channels_without_rich_content_are_skipped() {
    let system = System::start().await;
    let answered = post(&system, &[template(&["SMS", "Viber", "WhatsApp", "MobilePush"])]).await;
    assert_eq!(answered.body["errorCode"], 0, "{}", answered.body);
    let message = delivered(&system).await;
    assert_eq!((message.channel(), message.get("failed_attempts")), ("whatsapp", None));
    system.until_idle().await;
    assert_eq!(system.handset(&PHONE).await.len(), 1);
}

#[tokio::test]
async fn no_failover_to_sms_without_text_and_client_is_notified() {
    for (behavior, code, state) in [("fails", "3", "undelivered"), ("rejects", "1", "rejected")] {
        let system = System::start().await;
        system.set_channels(&PHONE, json!({"whatsapp": behavior})).await;
        let sent = with(template(&["WhatsApp", "SMS"]), "reference", "order-7");
        assert_eq!(post(&system, &[sent]).await.body["errorCode"], 0);
        let id = system.newest().await.id().to_owned();
        let message = system.until_state(&id, state).await;
        system.until_idle().await;
        assert!(system.handset(&PHONE).await.is_empty(), "{behavior}: {message}");
        let reports = system.callbacks("status").await;
        assert_eq!(reports.last().unwrap().cm_code(), code, "{behavior}: {reports:?}");
    }
}

#[tokio::test]
async fn interactive_message_arrives_with_and_without_a_text() {
    let system = System::start().await;
    let button = json!({"type": "reply", "reply": {"id": "yes", "title": "Yes"}});
    let media = json!({"mediaName": "cm", "mediaUri": "https://a.example/x.png", "mimeType": "image/png"});
    let header = json!({"type": "image", "Media": media});
    let buttons = json!({"type": "button", "header": header, "body": {"text": "Come?"}, "footer": {"text": ""},
        "action": {"buttons": [button]}});
    for (text, interactive, kept) in [
        ("", list(&json!({"type": "text", "text": "Your visit"}), "All day"), "/action/sections/0/rows/0/description"),
        ("When?", list(&json!({"type": "", "text": ""}), ""), "/action/sections/0/rows/1/title"),
        ("", buttons, "/header/Media/mediaUri"),
    ] {
        let system = &system;
        let message = with(showing("interactive", interactive, &["Whatsapp"]), "body", json!({"content": text}));
        let answered = post(system, &[message]).await;
        assert_eq!(answered.body["messages"][0]["messageErrorCode"], 0, "{}", answered.body);
        let message = delivered(system).await;
        let shown = &message["content"]["conversation"][0]["interactive"];
        assert!(shown.pointer(kept).is_some_and(Value::is_string), "{shown}");
        assert_eq!(message["body"], text);
    }
    let shown = system.until_handset(&PHONE, 3).await;
    let texts: Vec<_> = shown.iter().map(|shown| shown["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["", "When?", ""]);
    let shown = |index: usize| &shown[index]["content"]["conversation"][0]["interactive"];
    assert_eq!(shown(0)["header"], json!({"type": "text", "text": "Your visit"}));
    assert_eq!(shown(1)["action"]["sections"][0]["rows"][0]["description"], "In the morning");
    assert!(shown(1).get("header").is_none() && shown(1).get("footer").is_none(), "what is empty goes nowhere");
    assert_eq!(
        *shown(2),
        json!({"type": "button", "header": {"type": "image", "Media": media}, "body": {"text": "Come?"},
        "action": {"buttons": [button]}})
    );
}

#[tokio::test]
async fn nothing_is_sent_without_text_or_rich_channel() {
    let system = System::start().await;
    let broken = with(list(&json!(null), ""), "action", json!({"button": "Choose", "sections": []}));
    for (message, code, details) in [
        (template(&[]), 304, "A body without content was found"),
        (template(&["SMS"]), 304, "A body without content was found"),
        (template(&["SMS", "Viber"]), 304, "A body without content was found"),
        (with(template(&["WhatsApp"]), "body", Value::Null), 304, "No body field was found"),
        (with(template(&["WhatsApp"]), "richContent", Value::Null), 304, "A body without content was found"),
        (
            with(showing("interactive", list(&json!(null), ""), &["Viber"]), "body", json!({"content": "When?"})),
            305,
            "The RICHCONTENT field cannot be shown by Viber: it does not support Interactive.",
        ),
        (
            showing("interactive", broken, &["WhatsApp"]),
            305,
            "The RICHCONTENT field has an interactive list without sections.",
        ),
    ] {
        let answered = post(&system, std::slice::from_ref(&message)).await;
        let result = &answered.body["messages"][0];
        assert_eq!(
            (&result["messageErrorCode"], &result["messageDetails"]),
            (&code.into(), &details.into()),
            "{message}"
        );
        assert_eq!((&result["status"], &result["parts"]), (&"Rejected".into(), &0.into()), "{message}");
    }
    let get = format!("/gateway.ashx?ProductToken={DEMO}&body=&to=00{PHONE}&from={OURS}");
    let (_, refused) = line(system.request(Method::GET, &get)).await;
    assert!(refused.starts_with("Error: ERROR "), "{refused}");
    let xml = format!(
        "<MESSAGES><AUTHENTICATION><PRODUCTTOKEN>{DEMO}</PRODUCTTOKEN></AUTHENTICATION>\
         <MSG><FROM>{OURS}</FROM><TO>00{PHONE}</TO><BODY></BODY></MSG></MESSAGES>"
    );
    let (_, refused) = line(system.request(Method::POST, "/gateway.ashx").body(xml)).await;
    assert!(refused.starts_with("Error: ERROR "), "{refused}");
    assert_nothing_was_done(&system).await;
}
