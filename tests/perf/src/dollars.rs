//! Dollars for a million messages from end to end: accept, submit, receipt, callback. The counted units,
//! requests and bytes are multiplied by list prices. The notes list the values assumed for AWS.

use std::fs::File;

use local::lambda::Instance;
use tests::system::System;

use crate::{
    binaries::{Binaries, settings, succeed},
    budgets::{Budgets, Prices},
    cpu::CpuUsage,
    messages::events,
    table::{Row, Table, number},
    units::{Step, Used, steps},
};

const MILLION: f64 = 1e6;
const TICKS_A_MONTH: f64 = 60.0 * 24.0 * 30.0;
/// Three lanes and `callbacks`, each with pollers.
const QUEUES: f64 = 4.0;
/// Memory in gigabytes: each function's, and that of `schedule-tick`.
const GIGABYTES: f64 = 0.25;
const TICK_GIGABYTES: f64 = 3538.0 / 1024.0;
/// Invocations over which a function's log is measured.
const INVOCATIONS: usize = 10;
/// Messages in a client's request.
const EACH_REQUEST: [u32; 2] = [1, 100];

/// A step of a message's path, and the invocation that makes it.
struct Invocation {
    function: &'static str,
    step: &'static str,
    /// Messages in an invocation.
    messages: u32,
    over_http: bool,
    /// Whether it waits for a carrier or client.
    outside: bool,
    /// Whether its messages call AWS concurrently.
    at_once: bool,
}

/// Returns the invocations for messages in requests of this size.
fn invocations(each_request: u32, prices: &Prices) -> [Invocation; 4] {
    let (accept, jobs) = if each_request == 1 {
        ("accept, 1 in a request", 1)
    } else {
        ("accept, 100 in a request", prices.assumed.batch)
    };
    [
        Invocation {
            function: "send",
            step: accept,
            messages: each_request,
            over_http: true,
            outside: false,
            at_once: false,
        },
        Invocation {
            function: "dispatch",
            step: "submit",
            messages: jobs,
            over_http: false,
            outside: true,
            at_once: true,
        },
        Invocation {
            function: "dlr-webhook",
            step: "receipt",
            messages: 1,
            over_http: true,
            outside: false,
            at_once: false,
        },
        Invocation {
            function: "callback",
            step: "callback",
            messages: 1,
            over_http: false,
            outside: true,
            at_once: true,
        },
    ]
}

/// A message's AWS usage.
#[derive(Default)]
struct Consumption {
    writes: f64,
    reads: f64,
    sqs: f64,
    http: f64,
    invocations: f64,
    log_bytes: f64,
}

/// Computes the dollars, without Lambda's time if no CPU time was measured.
///
/// # Errors
/// A step fails.
pub async fn table(
    binaries: &Binaries,
    cpu_usage: &[CpuUsage],
    budgets: &Budgets,
    prices: &Prices,
) -> anyhow::Result<Table> {
    let steps = steps().await?;
    let system = System::start().await.without_gateway().await;
    let mut table = Table::new("dollars: for a million messages from end to end");
    for each_request in EACH_REQUEST {
        let requests = format!("requests of {each_request}");
        let invocations = invocations(each_request, prices);
        let mut used = consumption(&invocations, &steps)?;
        for invocation in &invocations {
            used.log_bytes += log_bytes(binaries, &system, invocation, prices).await?;
        }
        let (writes, reads) = (prices.dynamodb.million_write_units, prices.dynamodb.million_read_units);
        let counted = [
            ("DynamoDB", used.writes * writes + used.reads * reads),
            ("SQS", used.sqs * (prices.sqs.million_requests + prices.sqs.million_requests_of_groups)),
            ("API Gateway", used.http * prices.http_api.million_requests),
            ("Lambda, invocations", used.invocations * prices.lambda.million_requests),
            ("logs", used.log_bytes * MILLION / 1e9 * prices.logs.gigabyte),
        ];
        let budget = |name: &str| budgets.dollars.get(name).copied();
        for (service, dollars) in counted {
            let name = format!("{requests}: {service}");
            table.rows.push(Row::budgeted(name.as_str(), budget(&name), dollars));
        }
        let Some(cpu_usage) = cpu_usage.iter().find(|usage| usage.each_request() == each_request) else { continue };
        let gigabyte_seconds = gigabyte_seconds(&invocations, &steps, cpu_usage, prices)?;
        let time = gigabyte_seconds * MILLION * prices.lambda.gigabyte_second_x86;
        table.rows.push(Row::info(format!("{requests}: Lambda, x86 time"), time));
        let sum = time + counted.iter().map(|(_, dollars)| dollars).sum::<f64>();
        let name = format!("{requests}: all");
        table.rows.push(match budget(&name) {
            Some(budget) => Row::noisy(name, budget, sum, budgets.cpu.noise),
            None => Row::budgeted(name, None, sum),
        });
        let arm = gigabyte_seconds * MILLION * prices.lambda.gigabyte_second_arm;
        table.rows.push(Row::info(format!("{requests}: Lambda, arm time instead"), arm));
    }
    table.rows.push(Row::info("a month without messages: ticks and pollers", a_month(&steps, prices)?));
    table.notes = notes(prices);
    if cpu_usage.is_empty() {
        table.notes.push("Without Lambda's time and the sums, because no CPU time was measured.".into());
    }
    Ok(table)
}

fn consumption(invocations: &[Invocation], steps: &[Step]) -> anyhow::Result<Consumption> {
    let mut all = Consumption::default();
    for invocation in invocations {
        let step = find(steps, invocation.step)?;
        let each = |total: f64| total / step.messages;
        let messages = f64::from(invocation.messages);
        all.writes += each(step.used.writes());
        all.reads += each(step.used.reads());
        all.sqs += each(step.used.sends());
        if invocation.over_http {
            all.http += 1.0 / messages;
        } else {
            // A receive and a delete for each batch.
            all.sqs += 2.0 / messages;
        }
        all.invocations += 1.0 / messages;
    }
    Ok(all)
}

/// Returns Lambda's billed time for each message.
fn gigabyte_seconds(
    invocations: &[Invocation],
    steps: &[Step],
    cpu_usage: &CpuUsage,
    prices: &Prices,
) -> anyhow::Result<f64> {
    let each = invocations.iter().map(|invocation| {
        let step = find(steps, invocation.step)?;
        let milliseconds = duration(invocation, step, cpu_usage.by(invocation.function), prices);
        Ok(milliseconds / 1000.0 * GIGABYTES / f64::from(invocation.messages))
    });
    each.sum()
}

/// Returns the billed milliseconds of an invocation: CPU time and waiting. We assume that a message's calls
/// to AWS are sequential.
fn duration(invocation: &Invocation, step: &Step, cpu_ms: f64, prices: &Prices) -> f64 {
    let assumed = &prices.assumed;
    let calls = |used: &Used| used.dynamodb_requests() * assumed.dynamodb_ms + used.sends() * assumed.sqs_ms;
    let together = f64::from(invocation.messages);
    let messages = if invocation.at_once { 1.0 } else { together };
    let waits =
        calls(&step.used) / step.messages * messages + if invocation.outside { assumed.outside_ms } else { 0.0 };
    cpu_ms * together * assumed.slower + waits
}

fn a_month(steps: &[Step], prices: &Prices) -> anyhow::Result<f64> {
    let tick = find(steps, "tick, idle")?;
    let seconds = tick.used.dynamodb_requests() * prices.assumed.dynamodb_ms / 1000.0;
    let each_tick = tick.used.reads() * prices.dynamodb.million_read_units / MILLION
        + prices.scheduler.million_requests / MILLION
        + prices.lambda.million_requests / MILLION
        + seconds * TICK_GIGABYTES * prices.lambda.gigabyte_second_x86
        + prices.assumed.platform_log_bytes / 1e9 * prices.logs.gigabyte;
    let polling = QUEUES * prices.assumed.empty_receives_a_month * prices.sqs.million_requests / MILLION;
    Ok(each_tick * TICKS_A_MONTH + polling)
}

fn find<'a>(steps: &'a [Step], name: &str) -> anyhow::Result<&'a Step> {
    steps.iter().find(|step| step.name == name).ok_or_else(|| anyhow::anyhow!("no step '{name}'"))
}

/// Returns the bytes logged for each message: by the function at the template's level, which we measure, and
/// by Lambda, which we assume.
async fn log_bytes(
    binaries: &Binaries,
    system: &System,
    invocation: &Invocation,
    prices: &Prices,
) -> anyhow::Result<f64> {
    let (function, each) = (invocation.function, usize::try_from(invocation.messages)?);
    let file = std::env::temp_dir().join(format!("perf-{}.log", std::process::id()));
    let events = events(system, function, INVOCATIONS, each).await?;
    let command = binaries.logging(function, File::create(&file)?)?;
    let mut instance = Instance::start(command, &settings(function, system.emulator.url())?).await?;
    for event in events {
        succeed(&mut instance, event).await?;
    }
    instance.kill().await?;
    let text = std::fs::read_to_string(&file)?;
    std::fs::remove_file(&file)?;
    let size = |count: usize| u32::try_from(count).map(f64::from);
    let own = size(text.len())? + size(text.lines().count())? * prices.assumed.line_overhead_bytes;
    Ok((own / size(INVOCATIONS)? + prices.assumed.platform_log_bytes) / f64::from(invocation.messages))
}

fn notes(prices: &Prices) -> Vec<String> {
    let assumed = &prices.assumed;
    vec![
        format!("Prices: {}.", prices.source),
        format!(
            "Assumed: DynamoDB answers in {} ms, SQS in {} ms, carriers and clients in {} ms; a function",
            number(assumed.dynamodb_ms),
            number(assumed.sqs_ms),
            number(assumed.outside_ms)
        ),
        format!(
            "of 256 MB computes {} times as long as here; Lambda logs {} bytes for an invocation.",
            number(assumed.slower),
            number(assumed.platform_log_bytes)
        ),
        format!(
            "After requests of 100, a batch has {} jobs; callbacks and all other events are single,",
            assumed.batch
        ),
        "each with a receive and a delete. Excludes traffic out of AWS, free tiers and storage.".to_owned(),
    ]
}
