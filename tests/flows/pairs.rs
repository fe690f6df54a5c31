//! Every dialect with every carrier: receipts and replies reach the client in the client's dialect.

use shared::domain::{CarrierName, Dialect};
use strum::IntoEnumIterator;

use tests::{
    Callback, Phone, System, TestConfig, carriers,
    clients::{ClientMessage, SentMessage, client, main_format},
};

use crate::system::{DEMO, OWN_SENDER as OURS};

const PHONE: Phone = Phone::delivers();

#[tokio::test]
async fn every_dialect_goes_through_every_carrier() {
    for dialect in Dialect::iter() {
        for carrier in carriers() {
            goes_through(dialect, carrier).await;
        }
    }
}

async fn goes_through(dialect: Dialect, carrier: CarrierName) {
    let pair = format!("{dialect:?} in, {carrier} out");
    let system = System::with_config(TestConfig::new().route_all_to(&[carrier.as_str()])).await;
    let callback = system.sink("status");
    let message = ClientMessage { reference: "order-7", ..ClientMessage::new(OURS, &PHONE, "Hello", &callback) };
    let request = (main_format(dialect).request)(DEMO, std::slice::from_ref(&message));
    let (status, answer) = system.send_request(&request).await;
    assert!(status == 200 && (main_format(dialect).accepts)(&answer), "{pair}: {status} {answer}");
    let shown = system.until_handset(&PHONE, 1).await;
    assert_eq!((shown.len(), &shown[0]["from"], &shown[0]["text"]), (1, &OURS.into(), &"Hello".into()), "{pair}");
    let id = system.newest().await.id().to_owned();
    assert_eq!(system.until_state(&id, "delivered").await.carrier(), carrier.as_str(), "{pair}");

    let sent = SentMessage { message: &message, id: &id };
    system.reply_from(&PHONE, OURS, "Hi").await;
    let replies = system.until_callbacks("replies", 1).await;
    let is_reply = |callback: &Callback| (client(dialect).is_reply)(callback.json(), &sent, "Hi");
    assert!(replies.iter().all(is_reply), "{pair}: {replies:?}");
    let url = "https://media.example/1.jpg";
    system.reply_with_files(&PHONE, OURS, "", &[url]).await;
    let replies = system.until_callbacks("replies", 2).await;
    let files: Vec<_> = replies.iter().flat_map(|reply| (client(dialect).files)(reply.json())).collect();
    assert_eq!(files, [url], "{pair}: {replies:?}");
    let conversation = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
    let entries = conversation["messages"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["in_reply_to"] == id), "{pair}: {entries:?}");

    let is_delivery = |callback: &Callback| (client(dialect).is_delivery)(callback.json(), &sent);
    let callback = system.until_callback_that("status", &format!("the delivery, {pair}"), is_delivery).await;
    assert!(callback.has_header("webhook-signature"), "{pair}: {callback}");
    system.until_queues_empty().await;
    assert!(system.unmatched("receipt").await.is_empty() && system.unmatched("reply").await.is_empty(), "{pair}");
}
