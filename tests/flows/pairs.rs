//! Every dialect with every carrier: receipts and replies reach the client in the client's dialect.

use serde_json::Value;
use shared::domain::{CarrierName, Dialect};
use strum::IntoEnumIterator;

use tests::{Callback, Phone, System, TestConfig};

use crate::{
    cm,
    system::{DEMO, OWN_SENDER as OURS, owned, with},
};

const PHONE: Phone = Phone::delivers();

async fn post(system: &System, dialect: Dialect) {
    match dialect {
        Dialect::Mplus => {
            let message = with(owned(&PHONE, "Hello"), "callback", system.sink("status"));
            system.send_one(DEMO, message).await;
        }
        Dialect::Cm => {
            let answered = cm::post(system, &[with(cm::message(&PHONE, "Hello"), "reference", "order-7")]).await;
            assert_eq!(answered.body["errorCode"], 0);
        }
    }
}

fn is_delivery(dialect: Dialect, callback: &Value, id: &str) -> bool {
    match dialect {
        Dialect::Mplus => {
            callback["delivered"] == true
                && callback["messageuuid"] == id
                && callback["destination"] == format!("+{PHONE}")
        }
        Dialect::Cm => {
            let msg = &callback["messages"]["msg"];
            msg["status"]["code"] == "2" && msg["reference"] == "order-7" && msg["to"] == PHONE.with_00()
        }
    }
}

fn is_reply(dialect: Dialect, callback: &Value, id: &str) -> bool {
    match dialect {
        Dialect::Mplus => {
            let from: u64 = PHONE.parse().unwrap();
            callback["message"] == "Hi"
                && callback["from"] == from
                && callback["to"] == OURS
                && callback["message_uuid"] == id
        }
        Dialect::Cm => {
            callback["message"]["text"] == "Hi"
                && callback["from"]["number"] == PHONE.with_00()
                && callback["to"]["number"] == format!("00{OURS}")
                && callback["reference"] == "order-7"
        }
    }
}

#[tokio::test]
async fn every_dialect_goes_through_every_carrier() {
    for dialect in Dialect::iter() {
        for carrier in CarrierName::iter() {
            let pair = format!("{dialect:?} in, {carrier} out");
            let system = System::with_config(TestConfig::new().route_all_to(&[carrier])).await;
            post(&system, dialect).await;
            let shown = system.until_handset(&PHONE, 1).await;
            assert_eq!(
                (shown.len(), &shown[0]["from"], &shown[0]["text"]),
                (1, &OURS.into(), &"Hello".into()),
                "{pair}"
            );
            let id = system.newest().await.id().to_owned();
            let message = system.until_state(&id, "delivered").await;
            assert_eq!(message.carrier(), carrier.into_str(), "{pair}");

            system.reply_from(&PHONE, OURS, "Hi").await;
            let replies = system.until_callbacks("replies", 1).await;
            assert!(replies.iter().all(|callback| is_reply(dialect, callback.json(), &id)), "{pair}: {replies:?}");
            let conversation = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
            let entries = conversation["messages"].as_array().unwrap();
            assert!(entries.iter().any(|entry| entry["in_reply_to"] == id), "{pair}: {entries:?}");

            let is_delivery = |callback: &Callback| is_delivery(dialect, callback.json(), &id);
            let callback = system.until_callback_that("status", &format!("the delivery, {pair}"), is_delivery).await;
            assert!(callback.has_header("webhook-signature"), "{pair}: {callback}");
            system.until_queues_empty().await;
            assert!(
                system.unmatched("receipt").await.is_empty() && system.unmatched("reply").await.is_empty(),
                "{pair}"
            );
        }
    }
}
