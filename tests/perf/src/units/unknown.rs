//! Costs of an unknown outcome: recording it, resending the message, and a lookup that finds the message
//! accepted.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tests::{
    Phone, TestConfig,
    system::{System, invocation, owned, with},
};

use super::{
    Stage, Step,
    steps::{finished, job},
};

const PHONE: Phone = Phone::unanswered();
/// A little more than the delay before the first recheck.
const RECHECK_AFTER: Duration = Duration::from_secs(121);

pub async fn unknown() -> anyhow::Result<Vec<Step>> {
    let mut steps = Box::pin(after_recheck("resent", false)).await?;
    steps.extend(Box::pin(after_recheck("found by lookup", true)).await?.pop());
    Ok(steps)
}

/// Measures a submit without an answer, and the recheck.
async fn after_recheck(name: &str, lookup: bool) -> anyhow::Result<Vec<Step>> {
    let config = TestConfig::new().carrier_timeout_ms(300);
    let config = if lookup { config.carrier_lookup() } else { config };
    let stage = Stage::of(System::with_config(config).await).await;
    let (send, dispatch) = (send::Send::new(&stage.environment)?, dispatch::Dispatch::new(&stage.environment)?);
    let mut last = None;
    // The first round warms the caches.
    for _ in 0..2 {
        set_behavior(&stage, &json!({})).await?;
        let message =
            with(owned(&PHONE, &"x".repeat(160)), "callback", stage.system.sink("a-sink-with-quite-a-long-name"));
        let mut request = invocation("/message", &json!({"messages": [message]}));
        request.headers_mut().insert("on-unknown", "resend".parse()?);
        let answered: serde_json::Value = serde_json::from_slice(send.handle(request).await.body())?;
        let id = answered["messages"][0]["messageUuid"].as_str().unwrap_or_default().to_owned();
        let run = async || finished(dispatch.handle(job(&id)).await.batch_item_failures.len());
        let unanswered = stage.cost(run()).await?;
        set_behavior(&stage, &json!({"sms": "silent"})).await?;
        stage.environment.clock.set_ahead(RECHECK_AFTER);
        let then = stage.cost(run()).await?;
        stage.environment.clock.set_ahead(Duration::ZERO);
        last = Some((unanswered, then));
    }
    let one = |name: String, used| Step { name, messages: 1.0, used };
    let steps = last.map(|(unanswered, then)| {
        vec![one("submit, no answer".to_owned(), unanswered), one(format!("unknown outcome, {name}"), then)]
    });
    Ok(steps.unwrap_or_default())
}

async fn set_behavior(stage: &Stage, channels: &serde_json::Value) -> anyhow::Result<()> {
    let set = stage.system.request(Method::PUT, &format!("/handsets/{PHONE}/channels"));
    set.json(channels).send().await?.error_for_status()?;
    Ok(())
}
