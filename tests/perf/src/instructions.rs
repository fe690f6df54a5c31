//! Instructions of a function for each message, counted by valgrind's callgrind. We subtract a run with n
//! invocations of the real binary from a run with 3n, to leave out the start. Results vary by a few tenths
//! of a per cent.
//!
//! For comparison we count the instructions of `serde_json` for parsing and writing the same bytes: event,
//! answer, and the requests to and answers from AWS.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context;
use axum::body::Bytes;
use local::lambda::{Instance, Settings};
use tests::system::System;
use tokio::process::Command;

use crate::{
    binaries::{Binaries, settings, succeed},
    budgets::Budgets,
    messages::events,
    recorder::Recorder,
    table::{Row, Table},
};

/// Timeout of an invocation, which valgrind makes tens of times slower.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Rounds of parsing and writing in the two runs.
const JSON_TIMES: [u32; 2] = [20, 60];

/// A function with the size of its events.
struct Case {
    name: &'static str,
    function: &'static str,
    messages_each: usize,
    /// Number of events in the shorter run.
    events: usize,
}

const CASES: [Case; 6] = [
    Case { name: "accept, 1 in a request", function: "send", messages_each: 1, events: 20 },
    Case { name: "accept, 100 in a request", function: "send", messages_each: 100, events: 2 },
    Case { name: "submit, 1 in a batch", function: "dispatch", messages_each: 1, events: 20 },
    Case { name: "submit, 10 in a batch", function: "dispatch", messages_each: 10, events: 4 },
    Case { name: "receipt", function: "dlr-webhook", messages_each: 1, events: 20 },
    Case { name: "callback", function: "callback", messages_each: 1, events: 20 },
];

/// # Errors
/// A function fails.
pub async fn table(binaries: &Binaries, budgets: &Budgets, profiles: Option<&Path>) -> anyhow::Result<Table> {
    let mut table = Table::new("instructions: for each message, in thousands");
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        table.rows.push(Row::not_run("all", "valgrind is not installed"));
        return Ok(table);
    }
    let system = System::start().await.without_gateway().await;
    let bench = Bench { binaries: binaries.clone(), system, folder: scratch()? };
    for case in CASES {
        let counted = bench.count(&case).await.with_context(|| case.name)?;
        if let Some(folder) = profiles {
            std::fs::create_dir_all(folder)?;
            std::fs::copy(bench.profile(), folder.join(case.name.replace([' ', ','], "-")))?;
        }
        let json = bench.json(&case).await.with_context(|| format!("{}: JSON", case.name))?;
        let budget = budgets.instructions.get(case.name).copied();
        table.rows.push(Row::budgeted(case.name, budget, counted / 1000.0));
        table.rows.push(Row::info(format!("{}: times serde_json on the same bytes", case.name), counted / json));
    }
    std::fs::remove_dir_all(&bench.folder)?;
    table.notes.push("The bytes are the event's, the answer's and those exchanged with AWS, but not".into());
    table.notes.push("those exchanged with the carrier or the client.".into());
    Ok(table)
}

struct Bench {
    binaries: Binaries,
    system: System,
    folder: PathBuf,
}

impl Bench {
    fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    async fn count(&self, case: &Case) -> anyhow::Result<f64> {
        let short = self.under_valgrind(case, case.events).await?;
        let long = self.under_valgrind(case, 3 * case.events).await?;
        let messages = f64::from(u32::try_from(2 * case.events * case.messages_each)?);
        Ok((long - short) / messages)
    }

    async fn under_valgrind(&self, case: &Case, count: usize) -> anyhow::Result<f64> {
        let events = events(&self.system, case.function, count, case.messages_each).await?;
        let profile = self.profile();
        let mut command = callgrind(&profile);
        command.arg(self.binaries.path(case.function)?);
        let with_timeout = Settings { timeout: TIMEOUT, ..settings(case.function, self.system.emulator.url())? };
        let mut instance = Instance::start(command, &with_timeout).await?;
        for event in events {
            succeed(&mut instance, event).await?;
        }
        let process = instance.id().context("the function has ended")?.to_string();
        Command::new("kill").args(["-TERM", &process]).status().await?;
        instance.wait().await?;
        total(&profile)
    }

    /// Counts the JSON baseline's instructions for each message.
    async fn json(&self, case: &Case) -> anyhow::Result<f64> {
        let documents = self.folder.join("documents");
        std::fs::write(&documents, self.record(case).await?)?;
        let mut totals = Vec::new();
        for times in JSON_TIMES {
            let profile = self.profile();
            let mut command = callgrind(&profile);
            command.arg(self.binaries.path("json-round-trip")?).arg(&documents).arg(times.to_string());
            anyhow::ensure!(command.status().await?.success(), "json-round-trip failed");
            totals.push(total(&profile)?);
        }
        let times = f64::from(JSON_TIMES[1] - JSON_TIMES[0]);
        Ok((totals[1] - totals[0]) / times / f64::from(u32::try_from(case.messages_each)?))
    }

    /// Records all JSON that an event causes, a document per line.
    async fn record(&self, case: &Case) -> anyhow::Result<String> {
        let recorder = Recorder::start(self.system.emulator.url().clone()).await?;
        let mut settings = settings(case.function, self.system.emulator.url())?;
        settings.variables.insert("AWS_ENDPOINT_URL".to_owned(), recorder.url.to_string());
        let mut instance = Instance::start(self.binaries.command(case.function)?, &settings).await?;
        let [warm, event]: [Bytes; 2] =
            events(&self.system, case.function, 2, case.messages_each).await?.try_into().ok().context("two events")?;
        succeed(&mut instance, warm).await?;
        recorder.take();
        let mut bodies = vec![event.clone()];
        bodies.push(succeed(&mut instance, event).await?.to_string().into());
        bodies.extend(recorder.take());
        let documents = bodies.iter().filter(|body| !body.is_empty());
        let lines = documents.map(|body| Ok(std::str::from_utf8(body)?.replace('\n', " ")));
        Ok(lines.collect::<anyhow::Result<Vec<_>>>()?.join("\n"))
    }
}

fn callgrind(profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Reads `totals: N` from a profile.
fn total(profile: &Path) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(profile).context("callgrind left no profile")?;
    let total =
        text.lines().rev().find_map(|line| line.strip_prefix("totals: ")).context("no totals in the profile")?;
    Ok(total.trim().parse()?)
}

fn scratch() -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("perf-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
