//! A phone's channels: settings, how both carriers follow them, and a reply's carrier and channel.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Tester;
use super::cm::message;

const PHONE: &str = "447700900001";

impl Tester {
    async fn set(&self, phone: &str, channels: Value) -> (StatusCode, Value) {
        self.request(Method::PUT, &format!("/handsets/{phone}/channels"), channels).await
    }

    async fn submit_over(&self, channel: &str, to: &str) -> StatusCode {
        let submit = json!({
            "reference": channel, "from": "441234567890", "to": to, "text": "hello", "channel": channel,
        });
        self.post("/loopback/messages", submit).await.0
    }

    pub(super) async fn reply(&self, to: &str, text: &str) -> (StatusCode, Value) {
        self.post(&format!("/handsets/{PHONE}/replies"), json!({ "to": to, "text": text })).await
    }
}

fn over(channel: &str) -> Value {
    let mut message = message(&format!("00{PHONE}"));
    message["allowedChannels"] = json!([channel]);
    message["reference"] = json!(channel.replace(' ', ""));
    message
}

#[tokio::test]
async fn channel_behaviors_are_shown_until_they_are_reset() {
    let tester = Tester::start().await;
    let path = format!("/handsets/{PHONE}/channels");
    assert_eq!(tester.get(&path).await, json!({}));
    let set = json!({ "whatsapp": "rejects", "rcs": "silent", "viber": "fails", "sms": "delivers" });
    assert_eq!(tester.set(&format!("+{PHONE}"), set.clone()).await, (StatusCode::OK, set.clone()));
    assert_eq!(tester.get(&path).await, set);
    assert_eq!(tester.get("/handsets/447700900002/channels").await, json!({}));

    assert_eq!(tester.set(PHONE, json!({})).await.0, StatusCode::OK);
    assert_eq!(tester.get(&path).await, json!({}));
}

#[tokio::test]
async fn handsets_are_listed_once_they_were_used() {
    let tester = Tester::start().await;
    assert_eq!(tester.get("/handsets").await, json!({ "handsets": [] }));
    tester.get("/handsets/447700900009").await;
    tester.submit_over("sms", "447700900002").await;
    tester.submit_over("sms", "447700900002").await;
    tester.submit_over("sms", "447700900200").await;
    tester.reply("12345", "hello").await;
    tester.set("447700900003", json!({ "rcs": "silent" })).await;
    let handset = |number: &str, messages: u64, replies: u64, channels: Value| {
        json!({
            "number": number, "messages": messages, "replies": replies, "channels": channels,
        })
    };
    let listed = [
        handset(PHONE, 0, 1, json!({})),
        handset("447700900002", 2, 0, json!({})),
        handset("447700900003", 0, 0, json!({ "rcs": "silent" })),
    ];
    assert_eq!(tester.get("/handsets").await, json!({ "handsets": listed }));
}

#[tokio::test]
async fn unknown_channel_or_value_is_named_and_changes_nothing() {
    let tester = Tester::start().await;
    tester.set(PHONE, json!({ "rcs": "silent" })).await;
    for (wrong, field) in [
        (json!({ "viber": "fails", "fax": "delivers" }), "fax"),
        (json!({ "whatsapp": "sings" }), "whatsapp"),
        (json!({ "whatsapp": 1 }), "whatsapp"),
        (json!(["rcs"]), "body"),
    ] {
        let (status, problem) = tester.set(PHONE, wrong).await;
        assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!(field)));
    }
    assert_eq!(tester.set("nobody", json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(tester.get(&format!("/handsets/{PHONE}/channels")).await, json!({ "rcs": "silent" }));
}

#[tokio::test]
async fn loopback_carrier_follows_the_channel_behaviors_of_a_phone() {
    let tester = Tester::start().await;
    tester.register_loopback().await;
    let set = json!({ "whatsapp": "rejects", "rcs": "silent", "viber": "fails" });
    tester.set(PHONE, set).await;
    let mut answered = Vec::new();
    for channel in ["whatsapp", "rcs", "viber", "telegram", "sms"] {
        answered.push(tester.submit_over(channel, PHONE).await.as_u16());
    }
    assert_eq!(answered, [422, 202, 202, 202, 202]);
    assert_eq!(tester.submit_over("fax", PHONE).await, StatusCode::BAD_REQUEST);

    let mut receipts: Vec<_> = tester.sink_requests("receipts", 3).await;
    receipts.sort_by_key(|receipt| receipt["reference"].to_string());
    let reported: Vec<_> = receipts.iter().map(|receipt| (&receipt["reference"], &receipt["status"])).collect();
    let expected = ["sms delivered", "telegram delivered", "viber undelivered"].map(|report| {
        let (reference, status) = report.split_once(' ').unwrap();
        (json!(reference), json!(status))
    });
    assert!(
        reported.iter().copied().eq(expected.iter().map(|(reference, status)| (reference, status))),
        "{reported:?}"
    );
    let channels: Vec<_> = tester.texts(PHONE).await.iter().map(|message| message["channel"].clone()).collect();
    assert_eq!(channels, [json!("telegram"), Value::Null]);
}

#[tokio::test]
async fn cm_follows_the_channel_behaviors_of_a_phone() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let set = json!({ "whatsapp": "rejects", "applebusinesschat": "silent", "viber": "fails" });
    tester.set(PHONE, set).await;
    let messages = [over("WhatsApp"), over("Apple Business Chat"), over("Viber"), over("RCS")];
    let (status, answer) = tester.post_cm(&messages).await;
    assert_eq!(status, StatusCode::OK);
    let codes: Vec<_> =
        answer["messages"].as_array().unwrap().iter().map(|result| &result["messageErrorCode"]).collect();
    assert_eq!(codes, [403, 0, 0, 0]);

    let reports = tester.reports(2).await;
    let report_of = |reference: &str| reports.iter().find(|report| report["reference"] == reference).unwrap();
    assert_eq!((&report_of("Viber")["status"]["code"], &report_of("Viber")["channel"]), (&json!("3"), &json!("viber")));
    assert_eq!((&report_of("RCS")["status"]["code"], &report_of("RCS")["channel"]), (&json!("2"), &json!("rcs")));
    let channels: Vec<_> = tester.texts(PHONE).await.iter().map(|message| message["channel"].clone()).collect();
    assert_eq!(channels, ["rcs"]);
}

#[tokio::test]
async fn channel_behavior_overrides_the_behavior_of_the_number() {
    let tester = Tester::start().await;
    let rejecting = "447700900200";
    tester.set(rejecting, json!({ "rcs": "delivers" })).await;
    assert_eq!(tester.submit_over("rcs", rejecting).await, StatusCode::ACCEPTED);
    assert_eq!(tester.submit_over("sms", rejecting).await, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn message_shows_its_channel_and_content_unless_it_is_an_sms() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let content = json!({ "conversation": [{ "text": "Look" }], "Suggestions": [] });
    let rich = |channel| {
        let mut message = over(channel);
        message["richContent"] = content.clone();
        message
    };
    tester.post_cm(&[rich("WhatsApp"), over("Viber"), rich("SMS")]).await;
    let mut shown = tester.texts(PHONE).await;
    for message in &mut shown {
        assert!(message.as_object_mut().unwrap().remove("received_at").is_some());
    }
    assert_eq!(
        shown,
        [
            json!({ "from": "441234567890", "text": "hello", "channel": "whatsapp", "content": content }),
            json!({ "from": "441234567890", "text": "hello", "channel": "viber" }),
            json!({ "from": "441234567890", "text": "hello" }),
        ]
    );
}

#[tokio::test]
async fn reply_goes_by_carrier_and_channel_of_the_newest_message() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    tester.register_loopback().await;

    tester.reply("441234567890", "before any").await;
    assert_eq!(tester.sink_requests("replies", 1).await[0]["channel"], "sms");

    let mut sent = over("WhatsApp");
    sent["customGrouping2"] = json!("Department XYZ");
    tester.post_cm(&[sent]).await;
    tester.reply("441234567890", "by WhatsApp").await;
    let mut reply = tester.sink_requests("cm-replies", 1).await.remove(0);
    assert_eq!(reply["timeUtc"].take().as_str().map(str::len), Some("2026-01-01T09:30:00".len()));
    let expected = json!({
        "from": { "number": "00447700900001", "name": "" }, "to": { "number": "00441234567890" },
        "message": {
            "text": "by WhatsApp", "media": { "mediaUri": "", "contentType": "", "title": "" }, "custom": {},
        },
        "reference": "WhatsApp", "groupings": ["", "Department XYZ", ""],
        "timeUtc": null, "channel": "WhatsApp", "messageContext": "",
    });
    assert_eq!(reply, expected);

    tester.submit_over("rcs", PHONE).await;
    tester.reply("441234567890", "by RCS").await;
    let replies = tester.sink_requests("replies", 2).await;
    assert_eq!((&replies[1]["text"], &replies[1]["channel"]), (&json!("by RCS"), &json!("rcs")));
    assert_eq!(tester.sink_requests("cm-replies", 1).await.len(), 1);
}

#[tokio::test]
async fn name_can_be_answered_except_by_sms() {
    let tester = Tester::start().await;
    tester.register_cm().await;
    let named = |channel| {
        let mut message = over(channel);
        message["from"] = json!("Acme");
        message
    };
    tester.post_cm(&[named("SMS")]).await;
    let (status, problem) = tester.reply("Acme", "hello").await;
    assert_eq!((status, &problem["errors"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("to")));

    tester.post_cm(&[named("RCS")]).await;
    assert_eq!(tester.reply("Acme", "hello").await.0, StatusCode::ACCEPTED);
    assert_eq!(tester.sink_requests("cm-replies", 1).await[0]["to"]["number"], "Acme");
}
