//! Every fault at every step: nothing that was accepted is lost, and nothing is
//! silently sent twice.
//!
//! The functions' own handlers run here over the embedded DynamoDB and SQS, with a
//! proxy between them and everything that they call. Each call of each way through
//! the gateway goes wrong in each way that it can; then whoever comes again in the
//! deployed system comes again, and what must always hold is looked at.
//!
//! `cargo test` makes a sample of the runs. `tests/faults/run` makes all of them, and
//! prints the table of what came of each.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails may say so where it stands")]

mod deliveries;
mod fault;
mod http;
mod instances;
mod orders;
mod partial_batch;
mod poison;
mod proxy;
mod scenario;
mod scenario_run;
mod scenarios;
mod seeded;
mod stage;
mod sweep;
mod throttled;
mod verdict;

use std::{env, time::Instant};

use self::{
    fault::Fault,
    sweep::{SweepOptions, sweep},
};

/// One of so many runs is made unless all are asked for.
const EVERY: usize = 40;

/// How many seeds are run unless it is said otherwise.
const SEEDS: usize = 20;
/// How many emulators are busy at once unless it is said otherwise.
const THREADS: usize = 6;

/// A setting of `tests/faults/run`.
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str) -> Option<usize> {
    setting(name).map(|value| value.parse().unwrap())
}

#[test]
fn any_single_fault_loses_and_duplicates_nothing() {
    let fault = setting("FAULTS_FAULT").map(|name| {
        Fault::ALL.into_iter().find(|fault| fault.name() == name).expect("FAULTS_FAULT is the name of a fault")
    });
    let options = SweepOptions {
        every: number("FAULTS_EVERY").unwrap_or(EVERY),
        offset: number("FAULTS_OFFSET").unwrap_or(0),
        named: setting("FAULTS_FLOW"),
        call: number("FAULTS_CALL"),
        fault,
        threads: number("FAULTS_LANES").unwrap_or(THREADS),
    };
    let started = Instant::now();
    let table = sweep(&scenarios::all(), &options);
    println!("{table}in {} s", started.elapsed().as_secs());
    assert!(table.failures.is_empty(), "{} runs are broken:\n{}", table.failures.len(), table.failures.join("\n"));
}

#[test]
fn seeded_faults_in_any_order_lose_and_duplicate_nothing() {
    let (first, count) = (number("FAULTS_SEED").unwrap_or(1), number("FAULTS_SEEDS").unwrap_or(SEEDS));
    let started = Instant::now();
    let failures = seeded::runs(first, count, number("FAULTS_LANES").unwrap_or(THREADS));
    println!("{count} seeds, {} broken, {} s", failures.len(), started.elapsed().as_secs());
    assert!(failures.is_empty(), "{} seeds are broken:\n{}", failures.len(), failures.join("\n"));
}

fn run_all(named: &str, fault: Fault) {
    let (named, fault) = (Some(named.to_owned()), Some(fault));
    let options = SweepOptions { every: 1, offset: 0, named, call: None, fault, threads: 1 };
    let table = sweep(&scenarios::all(), &options);
    assert!(table.failures.is_empty() && table.runs > 0, "{}", table.failures.join("\n"));
}

/// The receipt's job is the only one that there is then.
#[test]
fn crash_on_the_second_channel_loses_nothing() {
    run_all("two channels, the first fails, loopback", Fault::DieAfter);
}

/// It would put what was handed over meanwhile back into the queue, with no job.
#[test]
fn late_write_after_a_retry_undoes_nothing() {
    run_all("accept three without a name", Fault::Straggle);
}
