//! Mobile Text Alerts as a carrier: features that no other vendor has.

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::OnUnknown;
use tests::{Phone, System, TestConfig, webhook_path};

use crate::system::{DEMO, OWN_SENDER as OURS, answer, custom, owned};

/// A phone whose messages go through `mta`.
const PHONE: &str = "447999300001";
/// A sender for which the vendor has no number. The vendor then chooses one of its own numbers.
const NAME: &str = "SenderName";
const OF_VENDOR: &str = "447999399999";

async fn without_signatures() -> System {
    System::with_config(TestConfig::new().carrier("mta", |carrier| carrier.signing_secret = None)).await
}

async fn deliver(system: &System, sender: &str) -> String {
    let id = system.send_one(DEMO, custom(sender, PHONE, "Hello")).await.id;
    system.until_state(&id, "delivered").await;
    id
}

/// Posts to an `mta` webhook. Returns the status, and the error's field if there is one.
async fn post(system: &System, kind: &str, body: &Value) -> (u16, Value) {
    let answer = system.post_webhook(&webhook_path(kind, "mta"), body).await;
    (answer.status.as_u16(), answer.body["errors"][0]["field"].clone())
}

#[tokio::test]
async fn unsigned_webhooks_are_refused() {
    let system = System::start().await;
    let id = deliver(&system, OURS).await;
    let receipt = json!({"externalId": id, "status": "undelivered", "type": "delivery-status"});
    assert_eq!(post(&system, "dlr", &receipt).await.0, 401);
    assert_eq!(system.message(&id).await.state(), "delivered");
    assert!(system.unmatched("receipt").await.is_empty());
}

#[tokio::test]
async fn each_event_has_its_address_and_others_are_ignored() {
    let system = without_signatures().await;
    let receipt = json!({"messageId": 7, "status": "sent", "type": "delivery-status"});
    let reply = json!({"fromNumber": format!("+{PHONE}"), "message": "Hi", "messageId": 7});
    assert_eq!(post(&system, "mo", &receipt).await, (400, json!("type")));
    assert_eq!(post(&system, "dlr", &reply).await, (400, json!("type")));
    for event in ["message-send", "number-opt-in"] {
        for kind in ["dlr", "mo"] {
            assert_eq!(post(&system, kind, &json!({"type": event, "status": "sent"})).await, (200, Value::Null));
        }
    }
    assert!(system.unmatched("receipt").await.is_empty() && system.unmatched("reply").await.is_empty());
}

#[tokio::test]
async fn reply_to_a_number_of_the_vendor_finds_the_sender() {
    let system = System::start().await;
    let id = deliver(&system, NAME).await;
    assert_eq!(system.handset(PHONE).await[0]["from"], OF_VENDOR);
    system.reply_from(PHONE, OF_VENDOR, "Hi").await;
    let reply = system.until_callback("replies").await;
    assert_eq!((&reply.json()["to"], &reply.json()["message_uuid"]), (&json!(NAME), &json!(id)));
    assert!(system.unmatched("reply").await.is_empty());
}

#[tokio::test]
async fn reply_without_a_sender_answers_its_message() {
    let system = without_signatures().await;
    let id = deliver(&system, OURS).await;
    let reply = |index: u64, from: &str, answers: Option<&str>, text: &str| json!({"fromNumber": format!("+{from}"), "messageId": index, "externalId": answers, "message": text});
    let reference = id.replace('-', "");
    assert_eq!(post(&system, "mo", &reply(1, PHONE, Some(&reference), "Hi")).await.0, 200);
    let callback = system.until_callback("replies").await;
    assert_eq!((&callback.json()["to"], &callback.json()["message_uuid"]), (&json!(OURS), &json!(id)));
    // A redelivered reply is not a second reply.
    assert_eq!(post(&system, "mo", &reply(1, PHONE, Some(&reference), "Hi")).await.0, 200);
    // A reply has no sender if it names no message of ours, or a message to another phone.
    for (index, from, answers) in [(2, "447999300002", Some(&*reference)), (3, PHONE, None), (4, PHONE, Some("other"))]
    {
        assert_eq!(post(&system, "mo", &reply(index, from, answers, "STOP")).await.0, 200);
    }
    system.until_idle().await;
    assert_eq!((system.callbacks("replies").await.len(), system.unmatched("reply").await.len()), (1, 3));
    deliver(&system, OURS).await;
    // A keyword counts for the sender of the message.
    assert_eq!(post(&system, "mo", &reply(5, PHONE, Some(&reference), "STOP")).await.0, 200);
    let blocked = system.send_one(DEMO, owned(PHONE, "Hello")).await;
    system.until_state(&blocked, "blocked").await;
}

#[tokio::test]
async fn too_long_text_goes_to_another_carrier_or_is_rejected() {
    let text = "é".repeat(161);
    for (carriers, state, carrier) in [
        (&["mta", "loopback"][..], "delivered", "loopback"),
        (&["mta"], "rejected", "mta"),
        (&["mta", "messangi"], "delivered", "messangi"),
    ] {
        let system = System::with_config(TestConfig::new().route_all_to(carriers)).await;
        let sent = system.send_one(DEMO, owned(PHONE, &text)).await;
        let message = system.until_state(&sent, state).await;
        assert_eq!(message.carrier(), carrier, "{carriers:?}");
        assert!(message.failed_attempts().is_empty(), "{message}");
        if state == "rejected" {
            assert_eq!(message.last_reason(), "the text has more than 160 characters");
        }
        // The vendor got no request.
        let listed = answer(system.request(Method::GET, "/carriers")).await.body;
        let mta = listed["carriers"].as_array().unwrap().iter().find(|carrier| carrier["name"] == "mta");
        assert_eq!(mta.unwrap()["accepted"], 0);
        let longest = system.send_one(DEMO, owned(PHONE, &"é".repeat(160))).await;
        assert_eq!(system.until_state(&longest, "delivered").await.carrier(), "mta");
    }
}

#[tokio::test]
async fn opt_out_told_by_the_carrier_is_ours_until_a_start() {
    const OTHER: &str = "12345";
    let system = System::start().await;
    let settings = json!({"refuses_unsubscribed": true});
    let set = answer(system.request(Method::PUT, "/mta/settings").json(&settings)).await;
    assert!(set.status.is_success(), "{}", set.body);
    // The vendor unsubscribes the number from the whole account, but we record the opt-out for one sender.
    deliver(&system, OURS).await;
    system.reply_from(PHONE, OURS, "STOP").await;
    system.until_callbacks("replies", 1).await;
    let send = async || {
        let sent = system.send_one(DEMO, custom(OTHER, PHONE, "Hello")).await;
        system.until_idle().await;
        system.message(&sent).await
    };
    let told = send().await;
    let reason = "the recipient has opted out of this sender";
    assert_eq!((told.state(), told.carrier()), ("blocked", "mta"));
    assert_eq!(told.last_reason(), format!("{reason}: status 400: The number is unsubscribed"));
    // We now have the opt-out, and do not call the carrier.
    let known = send().await;
    assert_eq!((known.state(), known.last_reason()), ("blocked", reason));
    system.reply_from(PHONE, OTHER, "START").await;
    system.until_callbacks("replies", 2).await;
    let sent = system.send_one(DEMO, custom(OTHER, PHONE, "Hello")).await;
    assert_eq!(system.until_state(&sent, "delivered").await.carrier(), "mta");
}

#[tokio::test]
async fn repeated_request_id_sends_nothing_and_stays_unknown() {
    let config = TestConfig::new().route_all_to(&["mta"]).on_unknown(OnUnknown::Resend).carrier_timeout_ms(1_000);
    let system = System::with_config(config).await;
    let phone = Phone::unanswered();
    let sent = system.send_one(DEMO, owned(&phone, "Hello")).await;
    system.until_state_after(&sent, "unknown", 1).await;
    system.advance(125).await;
    let message = system.until_state_after(&sent, "unknown", 2).await;
    assert_eq!(message.last_reason(), "status 409: an earlier submit had this X-Request-Id");
    assert_eq!(system.texts(&phone).await, ["Hello"]);
}
