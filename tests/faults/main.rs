//! Fault sweep: inject every fault into every call of every flow, and check that no accepted message is lost
//! or silently sent twice.
//!
//! The functions' handlers run in this process on the embedded DynamoDB and SQS. A proxy stands between
//! them and everything they call: AWS, the carriers, and the clients' callback servers.
//!
//! - A *flow* (`scenario::Scenario`) is a path of messages through the gateway: the request format, the
//!   carriers, the phone's behavior, the follow-up, and the expected final state.
//! - A *call* is a request from a function through the proxy. Calls are numbered from 0 within a run.
//! - A *fault* (`fault::Fault`) is a failure in a call: the function dies before or after, the answer is
//!   lost, AWS throttles, a write is applied late, half a batch is left undone, and so on.
//! - A *run* is a flow with one fault in one call. Everything then retries as in the deployed system: queues
//!   redeliver, ticks fire, the client repeats its request, and the carrier posts a failed webhook again,
//!   until no work is left (`scenario_run.rs`).
//! - A *verdict* (`verdict.rs`) lists the rules broken by a run, as *lost*, *twice* or *wrong*. It also
//!   counts messages whose outcome was unknown for a time. Either the fault or a carrier that does not answer
//!   must explain that.
//!
//! `sweep.rs` runs each flow without a fault, to record its calls, and then once for each call and each
//! fault that applies to that call.
//!
//! To add a flow, add a `Scenario` to `scenarios::all`; its runs follow from its calls. A new phone behavior,
//! request format or follow-up is a new variant in `scenario.rs`.
//!
//! `tests/faults/run` makes all runs and prints a table; `cargo test` makes 1 in 40, and fewer of slow flows.
//! A failure prints the command that repeats its run: `tests/faults/run --flow NAME --call N --fault NAME`.
//!
//! `seeded.rs` mixes traffic, faults and time at random, with the same proxy and rules. `deliveries.rs`,
//! `orders.rs`, `poison.rs` and `throttled.rs` test duplicate jobs, event orders, poison jobs and throttling.
//! `webhooks.rs` runs a client's changes to its webhooks, with every fault. No message takes part in them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails may say so where it stands")]

mod batches;
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
mod webhooks;

use std::{env, time::Instant};

use self::{
    fault::Fault,
    sweep::{SweepOptions, sweep},
};

/// Default for `FAULTS_EVERY`: make 1 run in this many.
const EVERY: usize = 40;

/// Default for `FAULTS_SEEDS`: the number of seeds.
const SEEDS: usize = 20;
/// Default for `FAULTS_LANES`: threads, each with its own emulator.
const THREADS: usize = 6;

/// Reads a setting from `tests/faults/run`.
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
    assert!(table.failures.is_empty(), "{} runs failed:\n{}", table.failures.len(), table.failures.join("\n"));
}

#[test]
fn seeded_faults_in_any_order_lose_and_duplicate_nothing() {
    let (first, count) = (number("FAULTS_SEED").unwrap_or(1), number("FAULTS_SEEDS").unwrap_or(SEEDS));
    let started = Instant::now();
    let failures = seeded::runs(first, count, number("FAULTS_LANES").unwrap_or(THREADS));
    println!("{count} seeds, {} failed, {} s", failures.len(), started.elapsed().as_secs());
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), failures.join("\n"));
}

fn run_all(named: &str, fault: Fault) {
    let (named, fault) = (Some(named.to_owned()), Some(fault));
    let options = SweepOptions { every: 1, offset: 0, named, call: None, fault, threads: 1 };
    let table = sweep(&scenarios::all(), &options);
    assert!(table.failures.is_empty() && table.runs > 0, "{}", table.failures.join("\n"));
}

/// On the second channel, the message's only job is the one that the failure receipt enqueued.
#[test]
fn crash_on_the_second_channel_loses_nothing() {
    run_all("two channels, the first fails, loopback", Fault::DieAfter);
}

/// If the message was submitted before the late write, the write must not make it `queued` again: no job is
/// left to submit it.
#[test]
fn late_write_after_a_retry_undoes_nothing() {
    run_all("accept three, not idempotent", Fault::Straggle);
}
