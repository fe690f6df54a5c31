//! Costs of a request whose ID is a number, with the labels that its clients usually give, and of its webhooks.

use ::shared::domain::{AccountId, BatchId, MessageId, RequestNumber};
use reqwest::Method;
use serde_json::{Value, json};
use tests::system::{DEMO_ACCOUNT, System, TOKEN, invocation, with};

use super::{
    Stage, Step,
    steps::{finished, job, succeeded},
};

const SENDER: u64 = 441_234_567_890;

/// Returns a request with a full segment.
fn request(to: &[String]) -> Value {
    json!({
        "subscribers": to, "message": "x".repeat(160), "longcodeId": SENDER, "externalId": "RequestId-4e0242e2-d101",
        "tags": {"ABCompanyId": "4e0242e2-d101"},
    })
}

pub async fn numbered() -> anyhow::Result<Vec<Step>> {
    let stage = Stage::of(System::start().await).await;
    let (send, dispatch) = (send::Send::new(&stage.environment)?, dispatch::Dispatch::new(&stage.environment)?);
    let (receipts, callback) =
        (dlr_webhook::DlrWebhook::new(&stage.environment)?, callback::Callback::new(&stage.environment)?);
    let messages = messages::Messages::new(&stage.environment)?;
    let accept = async |request: &Value| -> anyhow::Result<RequestNumber> {
        let response = Box::pin(send.handle(invocation("/v3/send", request))).await;
        succeeded(&response)?;
        let answer: Value = serde_json::from_slice(response.body())?;
        answer["data"]["messageId"].as_u64().and_then(RequestNumber::new).ok_or_else(|| anyhow::anyhow!("no number"))
    };
    let account = account::Account::new(&stage.environment)?;
    let webhook = json!({"event": "delivery-status", "url": stage.system.sink("status"), "secret": "secret"});
    succeeded(&Box::pin(account.handle(invocation("/v3/webhooks", &webhook))).await)?;

    let to = |count: usize| (0..count).map(|index| format!("44770091{index:04}")).collect::<Vec<_>>();
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let scheduled = with(request(&to(1)), "scheduledDate", later.to_string());
    let mut steps = Vec::new();
    // The first round warms the functions.
    for _ in 0..2 {
        let mut number = accept(&request(&to(1))).await?;
        let mut step = |name: &str, messages: u32, used| {
            steps.push(Step { name: name.to_owned(), messages: messages.into(), used });
        };
        let one = stage.cost(async {
            number = accept(&request(&to(1))).await?;
            Ok(())
        });
        step("accept, 1 in a numbered request", 1, one.await?);
        let hundred = async { accept(&request(&to(100))).await.map(drop) };
        step("accept, 100 in a numbered request", 100, stage.cost(hundred).await?);
        let mut pending = number;
        let scheduling = stage.cost(async {
            pending = accept(&scheduled).await?;
            Ok(())
        });
        step("accept, a scheduled numbered request", 1, scheduling.await?);
        let mut cancel = invocation(&format!("/v3/scheduled/{}", pending.get()), &Value::Null);
        *cancel.method_mut() = Method::POST;
        let cancelling = async { succeeded(&Box::pin(messages.handle(cancel)).await) };
        step("cancel, a scheduled numbered request", 1, stage.cost(cancelling).await?);

        let id = message(&DEMO_ACCOUNT.parse()?, number).to_string();
        let submit = async { finished(Box::pin(dispatch.handle(job(&id))).await.batch_item_failures.len()) };
        step("submit, numbered request", 1, stage.cost(submit).await?);
        let receipt = json!({
            "id": "c", "reference": id, "status": "delivered", "code": "00", "description": "Delivered",
        });
        let delivery = Box::pin(receipts.handle(invocation(&format!("/dlr/loopback/{TOKEN}/{id}"), &receipt)));
        step("receipt, numbered request", 1, stage.cost(async { succeeded(&delivery.await) }).await?);
        let mut jobs = stage.receive("CallbacksQueue").await;
        let is_delivery = |body: &String| body.contains(&id) && body.contains("delivered");
        jobs.records.retain(|record| record.body.as_ref().is_some_and(is_delivery));
        let delivered = async { finished(Box::pin(callback.handle(jobs)).await.batch_item_failures.len()) };
        step("callback, one webhook", 1, stage.cost(delivered).await?);
    }
    Ok(steps.split_off(steps.len() / 2))
}

fn message(account: &AccountId, number: RequestNumber) -> MessageId {
    BatchId::of_number(account, number).single_message()
}
