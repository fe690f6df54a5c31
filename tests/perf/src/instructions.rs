//! How many instructions a function runs for a message, counted by valgrind's
//! callgrind: the real binary is given so many invocations and, in another run,
//! three times as many. The difference leaves out the start, and is the same
//! every time but for a few tenths of a per cent.
//!
//! Beside it stands what `serde_json` spends on parsing and writing the same
//! bytes: the event and the answer, and what was said to AWS and back.

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

/// What a run under valgrind may take, tens of times longer than without.
const TIMEOUT: Duration = Duration::from_mins(5);
/// How often the JSON is parsed and written, to see what one time takes.
const JSON_TIMES: [u32; 2] = [20, 60];

/// What is counted: a function, given events of so many messages each.
struct Case {
    name: &'static str,
    function: &'static str,
    messages_each: usize,
    /// How many events the shorter run has.
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
/// When a function does not do what it should.
pub async fn table(binaries: &Binaries, budgets: &Budgets, profiles: Option<&Path>) -> anyhow::Result<Table> {
    let mut table = Table::new("instructions: for each message, in thousands");
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().await.is_err() {
        table.rows.push(Row::not_run("all", "there is no valgrind here"));
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
        table.rows.push(Row::info(format!("{}: times serde_json, of the same bytes", case.name), counted / json));
    }
    std::fs::remove_dir_all(&bench.folder)?;
    table.notes.push("The bytes are the event's, the answer's and those of AWS's requests and answers, but not".into());
    table.notes.push("those of the carrier or of the client who is called back.".into());
    Ok(table)
}

struct Bench {
    binaries: Binaries,
    system: System,
    folder: PathBuf,
}

impl Bench {
    /// Where callgrind writes; the last run is there.
    fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// Instructions for each message.
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
        let process = instance.id().context("it has ended")?.to_string();
        Command::new("kill").args(["-TERM", &process]).status().await?;
        instance.wait().await?;
        total(&profile)
    }

    /// Instructions for the JSON of each message.
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

    /// All JSON that one event leads to, a document a line.
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

/// The last line of a profile but its summary: `totals: N`.
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
