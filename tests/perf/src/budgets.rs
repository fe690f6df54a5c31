//! `budgets.toml`, what each thing may cost, and `prices.toml`, what AWS asks
//! for it. Both are part of the program: a number is changed there, by hand.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

/// What is allowed, by the names of the rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budgets {
    pub units: BTreeMap<String, Units>,
    pub tick: Tick,
    pub dollars: BTreeMap<String, f64>,
    pub instructions: BTreeMap<String, f64>,
    pub cold_start: ColdStart,
    pub size: BTreeMap<String, f64>,
    pub cpu: Cpu,
    pub rate: Rate,
}

/// For each message.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    pub writes: f64,
    pub reads: f64,
    pub dynamodb: f64,
    pub sqs: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// One for each shard.
    pub queries: f64,
    /// What it costs with many messages pending, of what it costs with few.
    pub growth: f64,
}

/// As multiples of the no-op's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStart {
    pub time: f64,
    pub memory: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cpu {
    /// All functions together, for a message from end to end.
    pub milliseconds: f64,
    /// The fraction by which one run differs from another.
    pub noise: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// Another gateway's, to compare with.
    pub accepted_per_second: f64,
}

impl Budgets {
    /// # Errors
    /// When the file is not of this form.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../budgets.toml")).context("budgets.toml")
    }
}

/// In dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prices {
    pub source: String,
    pub dynamodb: DynamoDb,
    pub sqs: PerMillion,
    pub lambda: Lambda,
    pub http_api: PerMillion,
    pub logs: Logs,
    pub scheduler: PerMillion,
    pub assumed: Assumed,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DynamoDb {
    pub million_write_units: f64,
    pub million_read_units: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PerMillion {
    pub million_requests: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lambda {
    pub million_requests: f64,
    pub gigabyte_second_x86: f64,
    pub gigabyte_second_arm: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Logs {
    pub gigabyte: f64,
}

/// What no machine but AWS's can tell.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Assumed {
    /// Until DynamoDB has answered.
    pub dynamodb_ms: f64,
    /// Until SQS has answered.
    pub sqs_ms: f64,
    /// Until a carrier, or a client that is called back, has answered.
    pub outside_ms: f64,
    /// How many times longer a function computes on Lambda than here.
    pub slower: f64,
    /// What Lambda itself logs of an invocation.
    pub platform_log_bytes: f64,
    /// What `CloudWatch` adds to each line of a log.
    pub line_overhead_bytes: f64,
    /// How many messages one queue's pollers ask for in vain in a month.
    pub empty_receives_a_month: f64,
    /// How many jobs come in a batch, after requests of 100.
    pub batch: u32,
}

impl Prices {
    /// # Errors
    /// When the file is not of this form.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../prices.toml")).context("prices.toml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read() {
        assert!(!Budgets::read().unwrap().size.is_empty());
        assert!(Prices::read().unwrap().source.contains("us-east-1"));
    }
}
