//! CPU time of the functions for a message from end to end: accept, submit, receipt, callback. First all
//! real binaries run together under one `local`, while another emulates AWS and the network, so the machine
//! is busy. Then each function runs alone.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context;
use local::lambda::Instance;
use tests::system::System;

use crate::{
    binaries::{Binaries, FUNCTIONS, settings, succeed},
    budgets::Budgets,
    load::{Clients, Load},
    messages::events,
    procfs::{children_times, times},
    stack::Local,
    table::{Row, Table},
};

const LOADS: [Load; 2] = [
    Load { messages: 4_000, each_request: 1, connections: 8 },
    Load { messages: 10_000, each_request: 100, connections: 4 },
];
/// Messages sent first, to warm all functions.
const WARM_UP: u32 = 500;

/// Invocations for each function alone.
const ALONE: usize = 1_000;
const ALONE_WARM_UP: usize = 100;

/// CPU time for each message, by function.
pub struct CpuUsage {
    each_request: u32,
    by_function: BTreeMap<String, Milliseconds>,
}

#[derive(Clone, Copy, Default)]
struct Milliseconds {
    all: f64,
    kernel: f64,
}

impl CpuUsage {
    pub fn each_request(&self) -> u32 {
        self.each_request
    }

    pub fn by(&self, function: &str) -> f64 {
        self.of(function).all
    }

    fn of(&self, function: &str) -> Milliseconds {
        self.by_function.get(function).copied().unwrap_or_default()
    }
}

/// # Errors
/// `local` does not start, or a message is not delivered.
pub async fn measure(local: &Path, binaries: &Binaries) -> anyhow::Result<Vec<CpuUsage>> {
    let clients = Clients::start().await?;
    let emulator = Local::start(local, &["emulator"]).await?;
    let folder = binaries.folder.to_str().context("the folder is not UTF-8")?;
    let gateway = Local::start(local, &["--emulator", emulator.url.as_str(), "--functions", folder]).await?;
    let mut cpu_usage = Vec::new();
    for load in LOADS {
        clients.send(&gateway.url, Load { messages: WARM_UP, ..load }).await?;
        let before = children_times(gateway.id()?)?;
        clients.send(&gateway.url, load).await?;
        let after = children_times(gateway.id()?)?;
        let by_function = after.into_iter().map(|(name, time)| {
            let before = before.get(&name).copied().unwrap_or_default();
            let each = |time: Duration| time.as_secs_f64() * 1000.0 / f64::from(load.messages);
            let kernel = each(time.system.saturating_sub(before.system));
            (name, Milliseconds { all: kernel + each(time.user.saturating_sub(before.user)), kernel })
        });
        cpu_usage.push(CpuUsage { each_request: load.each_request, by_function: by_function.collect() });
    }
    gateway.stop().await?;
    emulator.stop().await?;
    Ok(cpu_usage)
}

/// Returns milliseconds for each message, with sequential single-message invocations.
async fn alone(binaries: &Binaries) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let system = System::start().await.without_gateway().await;
    let mut cpu_usage = Vec::new();
    for function in ["send", "dispatch", "dlr-webhook", "callback"] {
        let mut events = events(&system, function, ALONE_WARM_UP + ALONE, 1).await?.into_iter();
        let settings = settings(function, system.emulator.url())?;
        let mut instance = Instance::start(binaries.command(function)?, &settings).await?;
        let process = instance.id().context("the function has ended")?;
        for event in events.by_ref().take(ALONE_WARM_UP) {
            succeed(&mut instance, event).await?;
        }
        let before = times(process)?;
        for event in events {
            succeed(&mut instance, event).await?;
        }
        let after = times(process)?;
        let time = (after.user + after.system).saturating_sub(before.user + before.system);
        cpu_usage.push((function, time.as_secs_f64() * 1000.0 / f64::from(u32::try_from(ALONE)?)));
        instance.kill().await?;
    }
    Ok(cpu_usage)
}

/// # Errors
/// A function fails.
pub async fn table(cpu_usage: &[CpuUsage], binaries: &Binaries, budgets: &Budgets) -> anyhow::Result<Table> {
    let mut table = Table::new("cpu: CPU time of the functions for each message, ms");
    for cpu_usage in cpu_usage {
        let requests = format!("requests of {}", cpu_usage.each_request);
        for function in FUNCTIONS.iter().filter(|function| cpu_usage.by(function) > 0.0) {
            let milliseconds = cpu_usage.of(function);
            table.rows.push(Row::info(format!("{requests}: {function}"), milliseconds.all));
            table.rows.push(Row::info(format!("{requests}: {function}, kernel part"), milliseconds.kernel));
        }
        let (budget, noise) = (budgets.cpu.milliseconds, budgets.cpu.noise);
        let total = cpu_usage.by_function.values().map(|milliseconds| milliseconds.all).sum();
        table.rows.push(Row::noisy(format!("{requests}: end to end"), budget, total, noise));
    }
    let alone = alone(binaries).await?;
    let total = alone.iter().map(|(_, milliseconds)| milliseconds).sum();
    table.rows.extend(alone.iter().map(|(function, time)| Row::info(format!("alone: {function}"), *time)));
    table.rows.push(Row::beside("alone: end to end", budgets.cpu.milliseconds, total));
    table.notes.push("The budget is Kannel 1.4.5's CPU time from end to end on a machine with two processors.".into());
    table.notes.push("Times differ between machines and runs, so only an excess of more than the noise fails.".into());
    table.notes.push("Alone means a single function with sequential events. Together, functions cost more,".into());
    table.notes.push("because they share caches and processors.".into());
    Ok(table)
}
