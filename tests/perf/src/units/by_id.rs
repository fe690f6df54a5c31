//! Costs for a carrier whose receipts name the carrier's message IDs instead of our references.

use serde_json::{Value, json};
use tests::{
    Phone, TestConfig,
    system::{System, TOKEN, invocation, owned, with},
};

use super::{
    Stage, Step,
    steps::{finished, job, succeeded},
};

const PHONE: Phone = Phone::delivers_without_receipt();

pub async fn by_id() -> anyhow::Result<Vec<Step>> {
    let stage = Stage::of(System::with_config(TestConfig::new().receipts_by_id()).await).await;
    let (send, dispatch) = (send::Send::new(&stage.environment)?, dispatch::Dispatch::new(&stage.environment)?);
    let receipts = dlr_webhook::DlrWebhook::new(&stage.environment)?;
    let mut last = None;
    // The first round warms the functions.
    for _ in 0..2 {
        let sink = stage.system.sink("a-sink-with-quite-a-long-name");
        let message = with(owned(&PHONE, &"x".repeat(160)), "callback", sink);
        let answered = send.handle(invocation("/message", &json!({"messages": [message]}))).await;
        let answered: Value = serde_json::from_slice(answered.body())?;
        let id = answered["messages"][0]["messageUuid"].as_str().unwrap_or_default().to_owned();
        let run = async { finished(dispatch.handle(job(&id)).await.batch_item_failures.len()) };
        let submit = stage.cost(run).await?;
        let item = json!({"TableName": "MessagesTable", "Key": {"id": {"S": id}}});
        let item = stage.system.aws("DynamoDB_20120810.GetItem", &item).await;
        let receipt = json!({"id": item["Item"]["carrier_id"]["S"], "status": "delivered", "code": "00"});
        let delivery = receipts.handle(invocation(&format!("/dlr/loopback/{TOKEN}"), &receipt));
        last = Some((submit, stage.cost(async { succeeded(&delivery.await) }).await?));
    }
    let one = |name: &str, used| Step { name: name.to_owned(), messages: 1.0, used };
    let steps = last.map(|(submit, receipt)| {
        vec![one("submit, carrier ID stored", submit), one("receipt, matched by carrier ID", receipt)]
    });
    Ok(steps.unwrap_or_default())
}
