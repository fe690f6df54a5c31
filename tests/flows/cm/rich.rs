//! Rich content and channel names as CM.com's own clients write them, up to the phone.

use serde_json::{Value, json};

use tests::System;

use super::{OURS, PHONE, message, post};
use crate::system::{DEMO, with};

fn rich(content: Value, channel: &str) -> Value {
    with(with(message(&PHONE, "Plain"), "richContent", content), "allowedChannels", json!([channel]))
}

fn beside_text(suggestion: &Value) -> Value {
    json!({"conversation": [{"text": "Hi"}], "suggestions": [suggestion]})
}

/// Sends the content and returns it as the phone shows it.
async fn shown(system: &System, content: Value, channel: &str) -> Value {
    let before = system.handset(&PHONE).await.len();
    let answered = post(system, &[rich(content, channel)]).await;
    assert_eq!(answered.body["errorCode"], 0, "{}", answered.body);
    system.until_handset(&PHONE, before + 1).await.pop().unwrap()["content"].clone()
}

#[tokio::test]
async fn every_field_of_rich_content_reaches_the_phone() {
    let system = System::start().await;
    let media = json!({"mediaUri": "https://a.example/a.png", "mimeType": "image/png"});
    let card = json!({"header": "h", "text": "t", "media": media});
    let reply = json!({"action": "Reply", "label": "No more", "postbackdata": "STOP", "media": media});
    let option = json!({"label": "One", "description": "The first"});
    for (content, channel) in [
        (beside_text(&reply), "RCS"),
        (json!({"conversation": [card]}), "RCS"),
        (json!({"conversation": [{"carousel": {"cards": [card], "cardWidth": "Medium"}}]}), "RCS"),
        (json!({"conversation": [{"location": {"latitude": "51.6", "longitude": "4.7", "radius": 5}}]}), "RCS"),
        (json!({"conversation": [{"text": "Hi", "context": {"message_id": "wamid.1"}}]}), "WhatsApp"),
        (json!({"conversation": [{"text": "Hi", "tag": "HUMAN_AGENT"}]}), "Facebook Messenger"),
        (
            json!({"conversation": [{"listPicker": {"label": "Pick", "options": [option]}}]}),
            "Apple Messages for Business",
        ),
    ] {
        assert_eq!(shown(&system, content.clone(), channel).await, content);
    }
}

#[tokio::test]
async fn zone_of_an_event_reaches_the_phone_as_written() {
    let system = System::start().await;
    let event = |start: &str, end: &str| {
        let calendar = json!({"startTime": start, "endTime": end, "title": "t", "description": "d"});
        beside_text(&json!({"action": "CreateCalendarEvent", "label": "Add", "calendar": calendar}))
    };
    for (start, end) in [
        ("2026-12-05T09:00:00-08:00", "2026-12-05T10:00:00-08:00"),
        ("2026-12-05T09:00:00Z", "2026-12-05T10:00:00Z"),
        ("2026-12-05T09:00:00", "2026-12-05T10:00:00"),
    ] {
        assert_eq!(shown(&system, event(start, end), "RCS").await, event(start, end));
    }
    let slot = json!({"startTime": "2099-12-05T09:00:00+01:00", "endTime": "2099-12-05T10:00:00+01:00"});
    let picker = json!({"conversation": [{"timePicker": {"label": "When?", "options": [slot]}}]});
    assert_eq!(shown(&system, picker.clone(), "Apple Messages for Business").await, picker);
    let backwards = event("2026-12-05T09:00:00+01:00", "2026-12-05T07:30:00Z");
    let answered = post(&system, &[rich(backwards, "RCS")]).await;
    let why = "The RICHCONTENT field has an endTime that is before its startTime.";
    assert_eq!(answered.body["messages"][0]["messageDetails"], why);
}

#[tokio::test]
async fn unknown_field_rejects_the_message_by_name() {
    let system = System::start().await;
    let answered = post(&system, &[rich(json!({"conversation": [{"text": "Hi", "future": 1}]}), "RCS")]).await;
    let why = "The RICHCONTENT field has the field 'future' in a conversation item, which is not supported: it is not \
               known there.";
    let result = &answered.body["messages"][0];
    assert_eq!((&result["messageErrorCode"], &result["messageDetails"]), (&305.into(), &why.into()));
    let empty = json!({"conversation": [{"$type": "TextMessage", "text": "Hi", "tag": null, "suggestions": null,
        "context": null}], "suggestions": null});
    assert_eq!(shown(&system, empty, "RCS").await, json!({"conversation": [{"text": "Hi"}]}));
}

#[tokio::test]
async fn each_name_of_a_channel_works_in_requests_and_replies() {
    let system = System::start().await;
    for (index, (name, channel)) in [
        ("Telegram Messenger", "telegram"),
        ("Apple Messages for Business", "applebusinesschat"),
        ("Apple Business Chat", "applebusinesschat"),
        ("iMessage", "applebusinesschat"),
    ]
    .into_iter()
    .enumerate()
    {
        let sent = with(message(&PHONE, "Hi"), "allowedChannels", json!([name]));
        assert_eq!(post(&system, &[sent]).await.body["errorCode"], 0, "{name}");
        assert_eq!(system.until_handset(&PHONE, index + 1).await[index]["channel"], channel, "{name}");
    }
    system.reply_from(&PHONE, OURS, "Yes").await;
    system.until_callback("replies").await;
    let messages = system.get(DEMO, "/messages").await.body["messages"].as_array().unwrap().clone();
    let reply = messages.iter().find(|message| message["direction"] == "in").unwrap();
    assert_eq!(reply["channel"], "applebusinesschat");
}
