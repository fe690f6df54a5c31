//! Billed AWS requests and units of each step. The handlers are called in this process, one after the
//! other, and the emulator's meter is reset before and read after each, so the counts are reproducible.

mod by_id;
mod numbered;
mod pending;
mod rated;
mod steps;
mod unknown;

use std::collections::BTreeMap;

use ::tests::system::System;
use anyhow::Context;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use serde::Deserialize;
use serde_json::json;
use shared::runtime::Environment;

use by_id::by_id;
use numbered::numbered;
pub use pending::{FEW_PENDING, PENDING, pending};
use rated::rated;
pub use steps::steps;
use unknown::unknown;

use crate::{
    budgets::Budgets,
    table::{Row, Table},
};

/// A step in a message's life, and the total cost for `messages` messages.
pub struct Step {
    pub name: String,
    pub messages: f64,
    pub used: Used,
}

/// A meter reading.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Used {
    dynamodb: BTreeMap<String, DynamoDbUse>,
    sqs: BTreeMap<String, SqsUse>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct DynamoDbUse {
    requests: f64,
    read_units: f64,
    write_units: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct SqsUse {
    requests: f64,
}

impl Used {
    pub fn writes(&self) -> f64 {
        self.dynamodb.values().map(|used| used.write_units).sum()
    }

    pub fn reads(&self) -> f64 {
        self.dynamodb.values().map(|used| used.read_units).sum()
    }

    pub fn dynamodb_requests(&self) -> f64 {
        self.dynamodb.values().map(|used| used.requests).sum()
    }

    pub fn queries(&self) -> f64 {
        self.dynamodb.get("Query").map_or(0.0, |used| used.requests)
    }

    /// Returns the SQS send requests. A batch is one request.
    pub fn sends(&self) -> f64 {
        let of = |operation| self.sqs.get(operation).map_or(0.0, |used: &SqsUse| used.requests);
        of("SendMessage") + of("SendMessageBatch")
    }
}

/// A system without its own gateway, so only the called handlers run.
pub struct Stage {
    pub system: System,
    pub environment: Environment,
}

impl Stage {
    pub async fn of(system: System) -> Self {
        let system = system.without_gateway().await;
        Self { environment: system.environment(), system }
    }

    async fn cost(&self, step: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<Used> {
        let meter = self.system.emulator.url().join("meter")?;
        self.system.client.delete(meter.clone()).send().await?.error_for_status()?;
        step.await?;
        self.system.client.get(meter).send().await?.json().await.context("reading the meter")
    }

    async fn receive(&self, queue: &str) -> SqsEvent {
        let wanted = json!({"QueueUrl": self.system.queue_url(queue), "MaxNumberOfMessages": 10});
        let received = self.system.aws("AmazonSQS.ReceiveMessage", &wanted).await;
        let mut event = SqsEvent::default();
        for message in received["Messages"].as_array().into_iter().flatten() {
            let mut record = SqsMessage::default();
            record.message_id = message["MessageId"].as_str().map(str::to_owned);
            record.body = message["Body"].as_str().map(str::to_owned);
            event.records.push(record);
        }
        event
    }
}

/// Measures the steps, and ticks with these numbers of messages pending far in the future.
///
/// # Errors
/// A step fails.
pub async fn table(budgets: &Budgets, counts: &[u32]) -> anyhow::Result<Table> {
    let mut table = Table::new("units: what AWS bills, for each message (a tick: in all)");
    // In boxes, because the futures are large.
    let (mut steps, pending) = (Box::pin(steps()).await?, Box::pin(pending(counts)).await?);
    steps.extend(Box::pin(unknown()).await?);
    steps.extend(Box::pin(by_id()).await?);
    steps.extend(Box::pin(numbered()).await?);
    steps.extend(Box::pin(rated()).await?);
    for step in steps.iter().chain(&pending.steps) {
        let budget = budgets.units.get(&step.name);
        let per_message = [
            ("write units", step.used.writes(), budget.map(|budget| budget.writes)),
            ("read units", step.used.reads(), budget.map(|budget| budget.reads)),
            ("DynamoDB requests", step.used.dynamodb_requests(), budget.map(|budget| budget.dynamodb)),
            ("SQS requests", step.used.sends(), budget.map(|budget| budget.sqs)),
        ];
        for (unit, used, budget) in per_message {
            table.rows.push(Row::budgeted(format!("{}: {unit}", step.name), budget, used / step.messages));
        }
    }
    table.rows.extend(pending.rows(budgets));
    table.notes.push("Reads of accounts, keys and carriers are excluded: a warm function makes each only".into());
    table.notes.push("twice a minute.".into());
    table.notes.extend(pending.notes);
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_step_stays_within_its_budget() {
        let table = table(&Budgets::read().unwrap(), &FEW_PENDING).await.unwrap();
        println!("{table}");
        assert_eq!((table.over(), table.not_run()), (0, 0), "{table}");
    }
}
