//! Costs of a sender with a rate limit.

use serde_json::{Value, json};
use tests::{
    Phone, TestConfig,
    system::{OWN_SENDER, System, invocation, owned},
};

use super::{Stage, Step};

const QUIET: Phone = Phone::delivers_without_receipt();
/// At this rate many messages go in less than a second, so the times of the dealer's reads do not count.
const PER_SECOND: u16 = 1_000;
const MANY: u32 = 100;

/// Measures acceptance and submit of a single message, and of many.
pub(super) async fn rated() -> anyhow::Result<Vec<Step>> {
    let stage = Stage::of(System::with_config(TestConfig::new().rate(OWN_SENDER, PER_SECOND)).await).await;
    let (send, dispatch) = (send::Send::new(&stage.environment)?, dispatch::Dispatch::new(&stage.environment)?);
    let accept = async |messages: &[Value]| {
        let response = send.handle(invocation("/message", &json!({"messages": messages}))).await;
        anyhow::ensure!(response.status() == 200, "accept answered {}", response.status());
        Ok(())
    };
    let deal = async || {
        let jobs = stage.receive("SendSlotsQueue").await;
        anyhow::ensure!(jobs.records.len() == 1, "{} jobs for the sender", jobs.records.len());
        Ok(jobs)
    };
    let message = |index: u32| owned(&format!("44770090{index:04}"), &"x".repeat(160));
    let single = [owned(&QUIET.nth(2), &"x".repeat(160))];
    accept(&[owned(&QUIET.nth(1), &"x".repeat(160))]).await?;
    dispatch.handle(deal().await?).await;

    let mut steps = Vec::new();
    for (name, messages) in [("1", single.to_vec()), ("100", (0..MANY).map(message).collect())] {
        let count = f64::from(u32::try_from(messages.len())?);
        let used = stage.cost(accept(&messages)).await?;
        steps.push(Step { name: format!("accept, {name}, sender with a rate limit"), messages: count, used });
        let jobs = deal().await?;
        let used = stage.cost(async {
            let failed = dispatch.handle(jobs).await.batch_item_failures.len();
            anyhow::ensure!(failed == 0, "the dealer failed");
            Ok(())
        });
        steps.push(Step {
            name: format!("submit, {name}, sender with a rate limit"),
            messages: count,
            used: used.await?,
        });
        let waiting = stage.system.waiting(OWN_SENDER).await;
        anyhow::ensure!(waiting.is_empty(), "messages are left: {waiting:?}");
    }
    Ok(steps)
}
