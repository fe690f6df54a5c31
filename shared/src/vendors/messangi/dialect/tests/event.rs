use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    domain::{
        Channel, Dialect, Media, Message, Progress, ReceiptStatus, Receipts, Reply, ReplyContent, ReplyExtras, ReplyId,
        State, StateChange, Timestamp,
    },
    vendors::{
        messangi::dialect::event::{mobile_originated, mobile_terminated},
        testing::dialect::{check_events, sample_receipt, sample_reply},
    },
};

fn event(message: &Message, state: State) -> Option<String> {
    mobile_terminated(message, state, &"https://a.example/dr".parse().unwrap())
}

fn written(at: &str, timestamp: i64, labels: &str, status: &str) -> String {
    format!(
        r#"{{"date":"{at}",{labels},"callback":"https://a.example/dr","from":"441234567890","id":"00000000-0000-0000-0000-000000000001","to":"+447700900001","message":"Hi","username":"demo","timestamp":{timestamp},"status":"{status}"}}"#
    )
}

#[test]
fn each_notified_state_has_its_callback() {
    let plain = |status| written("1970-01-01T00:00:00.000Z", 0, r#""externalId":"","clientId":"""#, status);
    let rows = [
        (State::Submitted, plain("SENT")),
        (State::Cancelled, plain("DELETED")),
        (State::Blocked, plain("BLACKLISTED")),
        (State::Rejected, plain("REJECTD")),
        (State::Failed, plain("ERROR")),
        (State::Expired, plain("EXPIRED")),
        (State::Undelivered, plain("UNDELIV")),
        (State::Delivered, plain("DELIVRD")),
    ];
    let rows: Vec<_> = rows.iter().map(|(state, body)| (*state, body.as_str())).collect();
    check_events(&Message::example(), &rows, event);
}

#[test]
fn callback_has_the_labels_and_the_time_of_its_state() {
    let message = Message::example().with(|message| {
        message.request.reference = Some("campaign".parse().unwrap());
        message.request.recipient.id = Some("ann".parse().unwrap());
        message.delivery.progress = Progress::Submitted;
        let at = Timestamp::from_millisecond(1_500).unwrap();
        message.delivery.history.push(StateChange { state: State::Submitted, at, reason: None });
        message.delivery.receipts = Receipts::new(vec![sample_receipt(ReceiptStatus::Delivered, None)]);
    });
    let labels = r#""externalId":"campaign","clientId":"ann""#;
    for (state, expected) in [
        (State::Submitted, written("1970-01-01T00:00:01.500Z", 1_500, labels, "SENT")),
        (State::Delivered, written("1970-01-01T00:01:00.000Z", 60_000, labels, "DELIVRD")),
    ] {
        assert_eq!(event(&message, state), Some(expected));
    }
}

#[test]
fn outcome_that_stayed_unknown_is_unknown() {
    let message = Message::example().with(|message| {
        message.delivery.progress = Progress::Failed;
        let change = |state, reason: Option<&str>| StateChange {
            state,
            at: Timestamp::UNIX_EPOCH,
            reason: reason.map(str::to_owned),
        };
        message.delivery.history.extend([change(State::Unknown, None), change(State::Failed, Some("no receipt"))]);
    });
    let callback: Value = serde_json::from_str(&event(&message, State::Failed).unwrap()).unwrap();
    assert_eq!(callback["status"], "UNKNOWN");
}

fn reply_written(reply: &Reply) -> Value {
    serde_json::from_str(&mobile_originated(reply)).unwrap()
}

#[test]
fn each_reply_has_its_callback() {
    let message = Message::example().with(|message| message.request.reference = Some("campaign".parse().unwrap()));
    let id = "0197a3a0-0000-7000-ffff-fffffffffffe".parse::<ReplyId>().unwrap();
    let answer = Reply { id, ..sample_reply(Dialect::Messangi, "12345", Channel::Sms, Some(&message)) };
    let expected = r#"{"owner":"demo","date":"2026-01-01T07:30:00.999Z","processId":9007199254740990,"origin":"12345","externalId":"campaign","callback":"","connection":"","id":"0197a3a0-0000-7000-ffff-fffffffffffe","text":"Yes \"please\"","user":"+447700900001","extraInfo":null}"#;
    assert_eq!(mobile_originated(&answer), expected);

    let unasked = sample_reply(Dialect::Messangi, "12345", Channel::Sms, None);
    let unasked = reply_written(&Reply { from: "72404".parse().unwrap(), ..unasked });
    assert_eq!((&unasked["externalId"], &unasked["user"]), (&json!(""), &json!("72404")));
    assert_eq!((&unasked["id"], &unasked["processId"]), (&json!(Uuid::nil()), &json!(0)));
}

fn media(name: Option<&str>, uri: &str, mime_type: Option<&str>) -> Media {
    Media { name: name.map(str::to_owned), uri: uri.to_owned(), mime_type: mime_type.map(str::to_owned), height: None }
}

#[test]
fn content_of_a_reply_is_its_extra_info() {
    let photo = media(Some("p1.jpg"), "https://media.example/1.jpg", Some("image/jpeg"));
    let file = media(None, "https://media.example/2", None);
    let shared = json!({"name": {"formatted_name": "Joe Example"}, "phones": [{"phone": "+1 555", "wa_id": "1555"}]});
    let with_ids = json!({"name": {"formatted_name": "Joe Example"}, "phones": [{"phone": "+1 555", "wa_id": "1555"}],
        "profile": {"name": "Joe Example"}, "wa_id": "1555"});
    let location = json!({"latitude": 51.6, "longitude": 4.77});
    let sender = |name: &str| json!({"profile": {"name": name}, "wa_id": "447700900001"});
    let nobody = json!({"profile": {"name": ""}, "wa_id": ""});
    for (name, media, custom, expected) in [
        (
            None,
            vec![photo, file.clone()],
            None,
            json!({"type": "image", "attachments": [
                {"fileName": "p1.jpg", "url": "https://media.example/1.jpg", "caption": ""},
                {"fileName": "", "url": "https://media.example/2", "caption": ""}], "contacts": []}),
        ),
        (
            Some("Ann"),
            vec![file],
            None,
            json!({"type": "document", "attachments":
                [{"fileName": "", "url": "https://media.example/2", "caption": ""}], "contacts": [sender("Ann")]}),
        ),
        (
            None,
            vec![],
            Some(json!({"contacts": [shared, {}], "location": location})),
            json!({"type": "contacts", "attachments": [], "contacts": [sender(""), with_ids, nobody],
                "custom": {"location": location}}),
        ),
        (
            None,
            vec![],
            Some(json!({"contacts": "none"})),
            json!({"type": "text", "attachments": [], "contacts": [], "custom": {"contacts": "none"}}),
        ),
        (
            None,
            vec![],
            Some(json!([location])),
            json!({"type": "text", "attachments": [], "contacts": [], "custom": [location]}),
        ),
        (Some("Ann"), vec![], None, json!({"type": "text", "attachments": [], "contacts": [sender("Ann")]})),
    ] {
        let content = ReplyContent { text: String::new(), extras: ReplyExtras { media, custom } };
        let reply = sample_reply(Dialect::Messangi, "12345", Channel::WhatsApp, None);
        let written = reply_written(&Reply { from_name: name.map(str::to_owned), content, ..reply });
        assert_eq!(written["extraInfo"], expected);
    }
}
