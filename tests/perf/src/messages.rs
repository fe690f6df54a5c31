//! Prepares messages as input for each step.

use axum::body::Bytes;
use serde_json::{Value, json};
use tests::system::System;

use crate::binaries::{accept, batch, receipt, record, submit};

/// Maximum messages in a request.
const MOST: usize = 1_000;

/// Returns `count` events for a function. Their messages are in the state that the function expects: accepted
/// for `dispatch`, submitted for `dlr-webhook`, and so on. Events for `send` and `dispatch` have `each`
/// messages, all others have one.
///
/// # Errors
/// An earlier step fails.
pub async fn events(system: &System, function: &str, count: usize, each: usize) -> anyhow::Result<Vec<Bytes>> {
    Ok(match function {
        "send" => {
            let each = u32::try_from(each)?;
            (0..count).map(|_| accept(system, each)).collect()
        }
        "dispatch" => Messages::accepted(system, count * each).await?.ids.chunks(each).map(submit).collect(),
        "dlr-webhook" => Messages::submitted(system, count).await?.ids.iter().map(|id| receipt(id)).collect(),
        "callback" => Messages::delivered(system, count).await?,
        other => anyhow::bail!("no events for {other}"),
    })
}

struct Messages {
    ids: Vec<String>,
}

impl Messages {
    /// Accepts messages with the handler in this process. No gateway runs, so they stay queued.
    async fn accepted(system: &System, count: usize) -> anyhow::Result<Self> {
        let send = send::Send::new(&system.environment())?;
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            let event = accept(system, u32::try_from(MOST.min(count - ids.len()))?);
            let request = lambda_http::request::from_reader(event.as_ref())?;
            let response = send.handle(request).await;
            anyhow::ensure!(response.status() == 200, "accept answered {}", response.status());
            let answer: Value = serde_json::from_slice(response.body())?;
            let accepted = answer["messages"].as_array().into_iter().flatten();
            ids.extend(accepted.filter_map(|message| message["messageUuid"].as_str().map(str::to_owned)));
        }
        Ok(Self { ids })
    }

    async fn submitted(system: &System, count: usize) -> anyhow::Result<Self> {
        let messages = Self::accepted(system, count).await?;
        let dispatch = dispatch::Dispatch::new(&system.environment())?;
        for ids in messages.ids.chunks(10) {
            let event = serde_json::from_slice(&submit(ids))?;
            let failed = dispatch.handle(event).await.batch_item_failures.len();
            anyhow::ensure!(failed == 0, "{failed} messages were not submitted");
        }
        Ok(messages)
    }

    /// Delivers messages and returns their callback jobs, a batch for each.
    async fn delivered(system: &System, count: usize) -> anyhow::Result<Vec<Bytes>> {
        let messages = Self::submitted(system, count).await?;
        let dlr = dlr_webhook::DlrWebhook::new(&system.environment())?;
        for id in &messages.ids {
            let response = dlr.handle(lambda_http::request::from_reader(receipt(id).as_ref())?).await;
            anyhow::ensure!(response.status() == 200, "the receipt was answered {}", response.status());
        }
        let mut batches = Vec::with_capacity(count);
        while batches.len() < count {
            let wanted = json!({"QueueUrl": system.queue_url("CallbacksQueue"), "MaxNumberOfMessages": 1});
            let received = system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
            let message = &received["Messages"][0];
            anyhow::ensure!(message.is_object(), "{} of {count} callbacks are enqueued", batches.len());
            batches.push(batch(&[record(&message["MessageId"], &message["Body"])]));
        }
        Ok(batches)
    }
}
