//! Batches: all messages to valid numbers are accepted, or none.

use reqwest::Method;
use serde_json::{Value, json};

use shared::domain::{Route, State};
use tests::{Phone, System, TestConfig, route_to};

use super::{PHONE, message, post};
use crate::system::{DEMO, answer, with};

const PATH: &str = "/raven/v3/messages/batch";

fn batch(text: &str, to: &Value) -> Value {
    with(message(&PHONE, text), "to", to.clone())
}

#[tokio::test]
async fn malformed_number_is_named_and_the_rest_is_sent() {
    let system = System::start().await;
    let to = json!([{"to": "0612345678", "params": ["Nobody", 1]}, {"to": PHONE, "params": ["Ann", 10.5]},
        {"to:": PHONE.nth(1).with_00(), "params": ["Joe", 2]}]);
    let answer = post(&system, PATH, &batch("{1} from {0}, {1}{2", &to)).await;
    let data = &answer.body["data"];
    assert_eq!((answer.status.as_u16(), &data["invalidNumber"]), (200, &json!(["0612345678"])), "{}", answer.body);
    assert_eq!((&data["text"], &data["status"]), (&json!("{1} from {0}, {1}{2"), &json!("QUEUE")));
    let ids = data["ids"].as_array().unwrap();
    let expected = [(PHONE, "10.5 from Ann, 10.5{2"), (PHONE.nth(1), "2 from Joe, 2{2")];
    assert_eq!(ids.len(), expected.len());
    for (id, (phone, text)) in ids.iter().zip(expected) {
        assert_eq!(id["mobile"], format!("+{phone}"));
        let read = system.until_state(&id["id"], State::Delivered.into_str()).await;
        assert_eq!((&read["to"], &read["body"]), (&json!(phone), &json!(text)));
        assert_eq!(system.texts(&phone).await, [text]);
    }
}

#[tokio::test]
async fn number_in_a_text_is_written_as_in_the_request() {
    let system = System::start().await;
    let body =
        format!(r#"{{"from":"12345","text":"{{0}} {{1}} {{2}}","to":[{{"to":{PHONE},"params":[10.50,1E3,7]}}]}}"#);
    let posted = system.request(Method::POST, PATH).bearer_auth(DEMO).body(body);
    assert_eq!(answer(posted).await.status, 200);
    assert_eq!(system.until_handset(&PHONE, 1).await[0]["text"], "10.50 1E3 7");
}

#[tokio::test]
async fn repeated_batch_sends_nothing_twice() {
    let system = System::start().await;
    let ask = async |to: &Value| {
        let request = system.request(Method::POST, PATH).bearer_auth(DEMO).header("Idempotency-Key", "batch-7");
        answer(request.json(&batch("Hello", to))).await
    };
    let to = json!([{"to": "52"}, {"to": PHONE}, {"to": PHONE.nth(1)}]);
    let (first, again) = (ask(&to).await, ask(&to).await);
    assert_eq!((again.status.as_u16(), &again.body["data"]), (200, &first.body["data"]));
    let longer = ask(&json!([{"to": "52"}, {"to": PHONE}, {"to": PHONE.nth(1)}, {"to": PHONE.nth(2)}])).await;
    assert_eq!((longer.status.as_u16(), longer.body["errors"].as_array().unwrap().len()), (409, 1), "{}", longer.body);
    system.until_idle().await;
    for (phone, count) in [(PHONE, 1), (PHONE.nth(1), 1), (PHONE.nth(2), 0)] {
        assert_eq!(system.texts(&phone).await.len(), count);
    }
}

#[tokio::test]
async fn connection_that_leads_to_some_numbers_names_the_others() {
    let named =
        Route { name: Some("uk".parse().unwrap()), prefix: Some("4477".parse().unwrap()), ..route_to(&["loopback"]) };
    let system = System::with_config(TestConfig::new().routes([named, route_to(&["loopback"])])).await;
    let to = json!([{"to": PHONE}, {"to": "525500000000"}, {"to": "525511111111"}]);
    let answer = post(&system, PATH, &with(batch("Hello", &to), "connection", "uk")).await;
    let fields: Vec<_> = answer.body["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
    assert_eq!((answer.status.as_u16(), fields), (400, vec![&json!("to[1].to"), &json!("to[2].to")]));
    assert_eq!(system.get(DEMO, "/messages").await.body, json!({"messages": []}));
}

#[tokio::test]
async fn thousand_recipients_are_answered_with_a_thousand_ids() {
    let system = System::start().await;
    let number = |index: usize| format!("4479{index:08}");
    let recipient = |index| json!({"to": number(index), "params": [index]});
    let to: Vec<_> = (0..1000).map(recipient).collect();
    let answer = post(&system, &format!("{PATH}?isDryrun=1"), &batch("Hello {0}", &json!(to))).await;
    let ids = answer.body["data"]["ids"].as_array().unwrap();
    assert_eq!((ids.len(), &ids[999]["mobile"]), (1000, &json!(format!("+{}", number(999)))));
    let one_more = [to, vec![recipient(1000)]].concat();
    let refused = post(&system, PATH, &batch("Hello {0}", &json!(one_more))).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]["code"]), (400, &json!("TOO_MANY")));
}

#[tokio::test]
async fn each_recipient_has_its_own_callbacks() {
    let system = System::start().await;
    let phones = [Phone::delivers(), Phone::fails()];
    let request = batch("Hello", &json!(phones.map(|phone| json!({"to": phone}))));
    let labelled = with(with(request, "requestDR", true), "callbacks", system.sink("receipts"));
    post(&system, PATH, &with(labelled, "externalId", "campaign")).await;
    for (phone, status) in phones.into_iter().zip(["DELIVRD", "UNDELIV"]) {
        let is_final = |callback: &tests::Callback| {
            let callback = callback.json();
            callback["to"] == format!("+{phone}")
                && callback["status"] == status
                && callback["externalId"] == "campaign"
        };
        system.until_callback_that("receipts", status, is_final).await;
    }
}
