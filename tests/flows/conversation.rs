//! A conversation, end to end.

use tests::{Phone, System};

use crate::system::{DEMO, OTHER, shared, with};

const PHONE: Phone = Phone::delivers();

#[tokio::test]
async fn conversation_stays_on_its_first_sender() {
    let system = System::start().await;
    let first = system.send_one(DEMO, with(shared(&PHONE, "Hello"), "callback", system.sink("receipts"))).await;
    let sender = &first.sender;
    let shown = system.until_handset(&PHONE, 1).await;
    assert_eq!((shown[0]["from"].as_str(), &shown[0]["text"]), (Some(sender.as_str()), &"Hello".into()));

    let receipt = system.until_callback("receipts").await.into_json();
    assert_eq!(receipt["destination"], format!("+{PHONE}"));
    assert_eq!(receipt["delivered"], true);
    assert_eq!(receipt["messageuuid"], first.id);
    assert_eq!(receipt["batchuuid"], first.batch);
    assert_eq!(receipt["receiptInfo"]["code"], "00");

    system.reply_from(&PHONE, sender, "Who is this?").await;
    let reply = system.until_callback("replies").await.into_json();
    assert_eq!(reply["from"].as_u64(), Some(PHONE.parse().unwrap()));
    assert_eq!(reply["to"], *sender);
    assert_eq!(reply["message"], "Who is this?");
    assert_eq!(reply["message_uuid"], first.id);
    assert_eq!(reply["batch_uuid"], first.batch);

    let second = system.send_one(DEMO, shared(&PHONE, "Us again")).await;
    assert_eq!(second.sender, *sender);
    let others = system.send_one(OTHER, shared(&PHONE, "Another company")).await;
    assert_ne!(others.sender, *sender);

    system.until_handset(&PHONE, 3).await;
    system.reply_from(&PHONE, &others.sender, "And you?").await;
    let reply = system.until_callback("other-replies").await.into_json();
    assert_eq!(reply["message_uuid"], others.id);
    assert_eq!(system.callbacks("replies").await.len(), 1, "the first account is not notified");
}
