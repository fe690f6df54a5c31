//! The main job as one scripted conversation.

use crate::system::{DEMO, OTHER, System, shared, with};

const PHONE: &str = "447700900001";

#[tokio::test]
async fn a_conversation_stays_on_the_number_it_began_on() {
    let system = System::start().await;
    let first = system.send_one(DEMO, with(shared(PHONE, "Hello"), "callback", system.sink("receipts"))).await;
    let sender = &first["from"]["value"];
    let shown = system.until_handset(PHONE, 1).await;
    assert_eq!((&shown[0]["from"], &shown[0]["text"]), (sender, &"Hello".into()));

    let receipt = &system.until_sink_requests("receipts", 1).await[0]["json"];
    assert_eq!(receipt["destination"], format!("+{PHONE}"));
    assert_eq!(receipt["delivered"], true);
    assert_eq!(receipt["messageuuid"], first["messageUuid"]);
    assert_eq!(receipt["batchuuid"], first["batchUuid"]);
    assert_eq!(receipt["receiptInfo"]["code"], "00");

    system.reply(PHONE, sender, "Who is this?").await;
    let reply = &system.until_sink_requests("replies", 1).await[0]["json"];
    assert_eq!(reply["from"], 447_700_900_001_u64);
    assert_eq!(&reply["to"], sender);
    assert_eq!(reply["message"], "Who is this?");
    assert_eq!(reply["message_uuid"], first["messageUuid"]);
    assert_eq!(reply["batch_uuid"], first["batchUuid"]);

    let second = system.send_one(DEMO, shared(PHONE, "Us again")).await;
    assert_eq!(&second["from"]["value"], sender);
    let others = system.send_one(OTHER, shared(PHONE, "Another company")).await;
    assert_ne!(&others["from"]["value"], sender);

    system.until_handset(PHONE, 3).await;
    system.reply(PHONE, &others["from"]["value"], "And you?").await;
    let reply = &system.until_sink_requests("other-replies", 1).await[0]["json"];
    assert_eq!(reply["message_uuid"], others["messageUuid"]);
    assert_eq!(system.sink_requests("replies").await.len(), 1, "the first account hears nothing of it");
}
