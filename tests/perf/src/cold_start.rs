//! Cold starts: the time from start to first answer, and the peak memory, compared with a no-op.
//!
//! The functions are measured in turn, so that other load affects all alike. The budgets are multiples of
//! the no-op's values.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use local::lambda::{Instance, Settings};
use tests::system::System;

use crate::{
    binaries::{Binaries, FUNCTIONS, NO_OP, first_event, settings, succeed},
    budgets::Budgets,
    messages::events,
    procfs::peak_memory,
    table::{Row, Table},
};

const ROUNDS: usize = 15;
/// Invocations of a function before we read its peak memory again.
const INVOCATIONS: usize = 50;

#[derive(Default)]
struct Starts {
    /// Milliseconds until the function asked for its first event.
    asked: Vec<f64>,
    /// Milliseconds until the function had answered that event.
    answered: Vec<f64>,
    /// Peak bytes.
    memory: Vec<f64>,
}

/// # Errors
/// A function does not start or answer.
pub async fn table(binaries: &Binaries, budgets: &Budgets) -> anyhow::Result<Table> {
    let system = System::start().await.without_gateway().await;
    let emulator = system.emulator.url().clone();
    let mut starts: BTreeMap<&str, Starts> = BTreeMap::new();
    let names = || std::iter::once(NO_OP).chain(FUNCTIONS);
    for round in 0..=ROUNDS {
        for name in names() {
            let start = start(binaries, name, &settings(name, &emulator)?).await.with_context(|| name.to_owned())?;
            // Discards the first round, which reads the binaries from disk.
            if round > 0 {
                let starts = starts.entry(name).or_default();
                starts.asked.push(millis(start.0));
                starts.answered.push(millis(start.1));
                starts.memory.push(start.2);
            }
        }
    }

    let mut table = Table::new(format!("cold start: medians of {ROUNDS} starts"));
    let no_op = starts.get(NO_OP).context("the no-op did not run")?;
    let least_asked = median(&no_op.asked);
    let (least_time, least_memory) = (median(&no_op.answered), median(&no_op.memory));
    for name in names() {
        let Some(start) = starts.get(name) else { continue };
        let (time, memory) = (median(&start.answered), median(&start.memory));
        let asked = median(&start.asked);
        table.rows.push(Row::info(format!("{name}: ms until ready for an event"), asked));
        table.rows.push(Row::info(format!("{name}: ms until first answer"), time));
        table.rows.push(Row::info(format!("{name}: peak memory, MB"), memory / 1e6));
        if name == NO_OP {
            continue;
        }
        let of_no_op = |what: &str| format!("{name}: {what}, times the no-op's");
        let allowed = &budgets.cold_start;
        table.rows.push(Row::gate(of_no_op("until ready"), allowed.time, asked / least_asked));
        let answered = of_no_op("until first answer");
        table.rows.push(if name == "schedule-tick" {
            Row::beside(answered, allowed.time, time / least_time)
        } else {
            Row::gate(answered, allowed.time, time / least_time)
        });
        table.rows.push(Row::gate(of_no_op("peak memory"), allowed.memory, memory / least_memory));
    }
    for (name, memory) in after_work(binaries, &system).await? {
        let what = format!("{name}: peak memory after {INVOCATIONS} invocations, MB");
        table.rows.push(Row::info(what, memory / 1e6));
    }
    table
        .notes
        .push("First answers need no call to AWS, except schedule-tick's: its first event is a whole tick".into());
    table.notes.push("with eight queries, and has no budget.".into());
    Ok(table)
}

async fn start(binaries: &Binaries, name: &str, settings: &Settings) -> anyhow::Result<(Duration, Duration, f64)> {
    let mut instance = Instance::start(binaries.command(name)?, settings).await?;
    instance.ready().await?;
    let asked = instance.started().elapsed();
    instance.invoke(first_event(name)).await?;
    let answered = instance.started().elapsed();
    let memory = memory(&instance)?;
    instance.kill().await?;
    Ok((asked, answered, memory))
}

async fn after_work(binaries: &Binaries, system: &System) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let emulator = system.emulator.url();
    let mut found = Vec::new();
    for (name, each) in [("send", 1), ("dispatch", 10), ("dlr-webhook", 1), ("callback", 1)] {
        let events = events(system, name, INVOCATIONS, each).await?;
        let mut instance = Instance::start(binaries.command(name)?, &settings(name, emulator)?).await?;
        for event in events {
            succeed(&mut instance, event).await?;
        }
        found.push((name, memory(&instance)?));
        instance.kill().await?;
    }
    Ok(found)
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below what a float holds exactly")]
fn memory(instance: &Instance) -> anyhow::Result<f64> {
    Ok(peak_memory(instance.id().context("the function has ended")?)? as f64)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
