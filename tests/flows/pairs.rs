//! Every dialect in, every carrier out: the receipt and the reply of each message
//! reach its client in the client's own dialect.

use local::config::Config;
use serde_json::Value;
use shared::domain::{CarrierName, Dialect};
use strum::IntoEnumIterator;

use crate::{
    channels::with_routes,
    cm,
    system::{DEMO, System, owned, with},
};

const PHONE: &str = "447700900081";
const OURS: &str = "441234567890";

/// Posts a message of that dialect.
async fn post(system: &System, dialect: Dialect) {
    match dialect {
        Dialect::Mplus => {
            let message = with(owned(PHONE, "Hello"), "callback", system.sink("status"));
            system.send_one(DEMO, message).await;
        }
        Dialect::Cm => {
            let answered = cm::post(system, &[with(cm::message(PHONE, "Hello"), "reference", "order-7")]).await;
            assert_eq!(answered.body["errorCode"], 0);
        }
    }
}

/// Whether it tells of the delivery, in that dialect.
fn is_delivery(dialect: Dialect, callback: &Value, id: &Value) -> bool {
    match dialect {
        Dialect::Mplus => {
            callback["delivered"] == true
                && callback["messageuuid"] == *id
                && callback["destination"] == format!("+{PHONE}")
        }
        Dialect::Cm => {
            let msg = &callback["messages"]["msg"];
            msg["status"]["code"] == "2" && msg["reference"] == "order-7" && msg["to"] == format!("00{PHONE}")
        }
    }
}

/// Whether it tells of the reply, in that dialect.
fn is_reply(dialect: Dialect, callback: &Value, id: &Value) -> bool {
    match dialect {
        Dialect::Mplus => {
            let from: u64 = PHONE.parse().unwrap();
            callback["message"] == "Hi"
                && callback["from"] == from
                && callback["to"] == OURS
                && callback["message_uuid"] == *id
        }
        Dialect::Cm => {
            callback["message"]["text"] == "Hi"
                && callback["from"]["number"] == format!("00{PHONE}")
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
            let routes = format!("[[routes]]\ncarriers = [\"{carrier}\"]\n");
            let system = System::with_config(&with_routes(Config::DEFAULT, &routes)).await;
            post(&system, dialect).await;
            let shown = system.until_handset(PHONE, 1).await;
            assert_eq!(
                (shown.len(), &shown[0]["from"], &shown[0]["text"]),
                (1, &OURS.into(), &"Hello".into()),
                "{pair}"
            );
            let id = system.get(DEMO, "/messages?limit=1").await.body["messages"][0]["id"].clone();
            let message = system.until_state(&id, "delivered").await;
            assert_eq!(message["carrier"], carrier.into_str(), "{pair}");

            system.reply(PHONE, &OURS.into(), "Hi").await;
            let replies = system.until_sink_requests("replies", 1).await;
            assert!(replies.iter().all(|callback| is_reply(dialect, &callback["json"], &id)), "{pair}: {replies:?}");
            let conversation = system.get(DEMO, &format!("/conversations/{PHONE}?sender={OURS}")).await.body;
            let entries = conversation["messages"].as_array().unwrap();
            assert!(entries.iter().any(|entry| entry["in_reply_to"] == id), "{pair}: {entries:?}");

            let callback = system
                .until(&format!("{pair}: the delivery is told"), async || {
                    let callbacks = system.sink_requests("status").await;
                    callbacks.into_iter().find(|callback| is_delivery(dialect, &callback["json"], &id))
                })
                .await;
            let headers = &callback["headers"];
            assert!(headers["webhook-signature"].is_string(), "{pair}: {headers}");
            system.until_queues_empty().await;
            assert!(
                system.unmatched("receipt").await.is_empty() && system.unmatched("reply").await.is_empty(),
                "{pair}"
            );
        }
    }
}
