use serde_json::{Value, json};
use strum::IntoEnumIterator;
use uuid::Uuid;

use crate::{
    domain::{
        Draft, Message, Progress, ReceiptStatus, Receipts, SegmentLimit, SenderChoice, State, StateChange, Text,
        Timestamp,
    },
    vendors::{
        messangi::dialect::{
            request::Batch,
            response::{Meta, accepted, accepted_batch, shown},
        },
        testing::dialect::sample_receipt,
    },
};

fn meta() -> Meta {
    Meta::new(Timestamp::from_millisecond(1_629_174_338_140).unwrap(), Uuid::nil())
}

fn data(answer: &str) -> Value {
    let mut answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["meta"], json!({"timestamp": 1_629_174_338_140_i64, "transactionId": Uuid::nil()}));
    answer["data"].take()
}

fn draft() -> Draft {
    let text = Text::parse("Hi", SegmentLimit::default()).unwrap();
    let draft =
        Draft::new("447700900001".parse().unwrap(), SenderChoice::Custom("441234567890".parse().unwrap()), text);
    Draft { wants_status: false, ..draft }
}

#[test]
fn answer_has_the_documented_fields_in_order() {
    let answer = accepted(meta(), &draft(), &Message::example());
    let expected = r#"{"meta":{"timestamp":1629174338140,"transactionId":"00000000-0000-0000-0000-000000000000"},"data":{"id":"00000000-0000-0000-0000-000000000001","from":"441234567890","text":"Hi","to":"+447700900001","requestDR":false,"type":"MT","owner":"demo","operator":"demo","status":"QUEUE","date":"1970-01-01T00:00:00.000Z"}}"#;
    assert_eq!(answer, expected);
}

#[test]
fn answer_repeats_the_optional_fields() {
    let callbacks = ["https://a.example/1", "https://a.example/2"].map(|url| url.parse().unwrap()).to_vec();
    let draft = Draft { callbacks, ..draft() };
    let message = Message::example().with(|message| {
        message.request.route = Some("premium".parse().unwrap());
        message.request.reference = Some("campaign".parse().unwrap());
        message.request.recipient.id = Some("ann".parse().unwrap());
        message.request.recipient.email = Some("ann@example.com".parse().unwrap());
    });
    let data = data(&accepted(meta(), &draft, &message));
    let fields = ["connection", "callbacks", "email", "externalId", "clientId", "requestDR"];
    assert_eq!(
        fields.map(|field| data[field].clone()),
        [
            json!("premium"),
            json!("https://a.example/1,https://a.example/2"),
            json!("ann@example.com"),
            json!("campaign"),
            json!("ann"),
            json!(false)
        ]
    );
}

#[test]
fn repeat_gets_the_first_answer() {
    let delivered = delivered();
    let again = accepted(meta(), &draft(), &delivered);
    assert_eq!(again, accepted(meta(), &draft(), &Message::example()));
}

fn delivered() -> Message {
    Message::example().with(|message| {
        message.delivery.progress = Progress::Submitted;
        let at = Timestamp::from_second(1).unwrap();
        message.delivery.history.push(StateChange { state: State::Submitted, at, reason: None });
        message.delivery.receipts = Receipts::new(vec![sample_receipt(ReceiptStatus::Delivered, None)]);
    })
}

#[test]
fn shown_message_has_its_present_status_and_its_last_change() {
    let shown_data = data(&shown(meta(), &delivered()));
    assert_eq!((&shown_data["status"], &shown_data["date"]), (&json!("DELIVRD"), &json!("1970-01-01T00:01:00.000Z")));
    assert_eq!((&shown_data["requestDR"], shown_data.get("callbacks")), (&json!(false), None));
    let notified = delivered().with(|message| message.request.callbacks = vec!["https://a.example/".parse().unwrap()]);
    let notified = data(&shown(meta(), &notified));
    assert_eq!((&notified["requestDR"], &notified["callbacks"]), (&json!(true), &json!("https://a.example/")));
}

#[test]
fn each_progress_has_its_status() {
    let status = |progress| {
        data(&shown(meta(), &Message::example().with(|message| message.delivery.progress = progress)))["status"].take()
    };
    let statuses: Vec<_> = Progress::iter().map(status).collect();
    let expected =
        ["QUEUE", "QUEUE", "DEQUEUED", "UNKNOWN", "SENT", "DELETED", "BLACKLISTED", "REJECTD", "ERROR", "EXPIRED"];
    assert_eq!(statuses, expected);
}

#[test]
fn batch_answer_lists_each_id_and_the_invalid_numbers() {
    let batch = |invalid: &[&str]| Batch {
        drafts: Vec::new(),
        invalid_numbers: invalid.iter().map(|number| (*number).to_owned()).collect(),
        text: "Hi {0}".to_owned(),
    };
    let id = json!({"id": "00000000-0000-0000-0000-000000000001", "mobile": "+447700900001"});
    let mut expected = json!({"ids": [id, id], "from": "441234567890", "text": "Hi {0}", "requestDR": false,
        "type": "MT", "owner": "demo", "operator": "demo", "status": "QUEUE", "date": "1970-01-01T00:00:00.000Z"});
    let messages = [Message::example(), Message::example()];
    let answer = |batch: &Batch| data(&accepted_batch(meta(), batch, &[draft(), draft()], &messages).unwrap());
    assert_eq!(answer(&batch(&[])), expected);
    expected["invalidNumber"] = json!(["52"]);
    assert_eq!(answer(&batch(&["52"])), expected);
}
