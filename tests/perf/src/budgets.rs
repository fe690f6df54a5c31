//! `budgets.toml` and `prices.toml`, compiled into the program.

use std::collections::BTreeMap;

use anyhow::Context;
use serde::Deserialize;

/// Budgets by row name.
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
    pub lanes: Lanes,
    pub lines: Lines,
}

/// AWS units for each message.
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
    /// Queries of an idle tick: one for each shard.
    pub queries: f64,
    /// A tick's read units with many messages pending, as a multiple of those with few.
    pub growth: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lanes {
    /// From the post of a single message to the handset, beside a campaign.
    pub seconds: f64,
    /// Seconds of a processor that a tick needs for all due messages, and the jobs that it enqueues for each.
    pub tick_seconds: f64,
    pub tick_jobs: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lines {
    /// From the end of a standstill to the first message.
    pub restart_seconds: f64,
}

/// Multiples of the no-op's values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStart {
    pub time: f64,
    pub memory: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Cpu {
    /// All functions' CPU time for a message from end to end.
    pub milliseconds: f64,
    /// The fraction by which runs differ.
    pub noise: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// Another gateway's rate, for comparison.
    pub accepted_per_second: f64,
}

impl Budgets {
    /// # Errors
    /// The file is malformed.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../budgets.toml")).context("budgets.toml")
    }
}

/// Prices in dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Prices {
    pub source: String,
    pub dynamodb: DynamoDb,
    pub sqs: Sqs,
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
pub struct Sqs {
    pub million_requests: f64,
    /// The surcharge for requests with groups of messages.
    pub million_requests_of_groups: f64,
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

/// Values that cannot be measured outside AWS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Assumed {
    pub dynamodb_ms: f64,
    pub sqs_ms: f64,
    /// Latency of carriers and clients.
    pub outside_ms: f64,
    /// Factor by which a function computes more slowly on Lambda than here.
    pub slower: f64,
    /// Lambda's own log for an invocation.
    pub platform_log_bytes: f64,
    /// Added by `CloudWatch` to each log line.
    pub line_overhead_bytes: f64,
    /// Empty receives by the pollers of one queue.
    pub empty_receives_a_month: f64,
    /// Submit jobs in a batch, after requests of 100 messages.
    pub batch: u32,
}

impl Prices {
    /// # Errors
    /// The file is malformed.
    pub fn read() -> anyhow::Result<Self> {
        toml::from_str(include_str!("../prices.toml")).context("prices.toml")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn both_files_parse() {
        assert!(!Budgets::read().unwrap().size.is_empty());
        assert!(Prices::read().unwrap().source.contains("us-east-1"));
    }

    #[test]
    fn cost_document_shows_the_budgets() {
        let budgets = Budgets::read().unwrap();
        let units = budgets.units.iter().map(|(step, units)| {
            format!("| {step} | {} | {} | {} | {} |", units.writes, units.reads, units.dynamodb, units.sqs)
        });
        let dollars = budgets.dollars.keys().filter_map(|row| row.strip_prefix("requests of 1: ")).map(|part| {
            let of = |requests| budgets.dollars[&format!("requests of {requests}: {part}")];
            format!("| {part} | {:.2} | {:.2} |", of(1), of(100))
        });
        let expected: BTreeSet<_> = units.chain(dollars).collect();
        let document = include_str!("../../../docs/cost.md");
        let is_row = |line: &&str| {
            line.trim_end_matches(" |").rsplit(' ').next().is_some_and(|cell| cell.parse::<f64>().is_ok())
        };
        let shown: BTreeSet<_> = document.lines().filter(is_row).map(str::to_owned).collect();
        let missing: Vec<_> = expected.difference(&shown).collect();
        let surplus: Vec<_> = shown.difference(&expected).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "docs/cost.md lacks {missing:#?}, and has {surplus:#?}");
    }
}
