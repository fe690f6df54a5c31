//! The sweep: runs each scenario without a fault, to record its calls, then once for each call and applicable
//! fault, and counts the verdicts in a table.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    fault::Fault,
    proxy::Call,
    scenario::{FollowUp, Scenario},
    scenario_run::run_scenario,
    stage::Stage,
    verdict::{Expectation, Verdict, judge},
};

/// In a row of identical calls, only the first `MAX_REPEATED` and the last are swept.
const MAX_REPEATED: usize = 4;

const MAX_PARTS: usize = 8;

pub struct SweepOptions {
    /// Make 1 run in `every`.
    pub every: usize,
    /// Shifts the choice made for `every`.
    pub offset: usize,
    /// Sweep only scenarios whose name contains this.
    pub named: Option<String>,
    /// Inject only into this call (from 0). With `call` or `fault` set, `every` is ignored.
    pub call: Option<usize>,
    pub fault: Option<Fault>,
    /// Number of threads, each with its own emulator.
    pub threads: usize,
}

impl SweepOptions {
    fn is_single_run(&self) -> bool {
        self.call.is_some() || self.fault.is_some()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    runs: usize,
    lost: usize,
    twice: usize,
    wrong: usize,
    unknown: usize,
}

#[derive(Default)]
pub struct Table {
    cells: BTreeMap<(String, String, Fault), Counts>,
    pub failures: Vec<String>,
    pub runs: usize,
}

impl Table {
    fn record(&mut self, scenario: &Scenario, call_index: usize, label: String, fault: Fault, verdict: &Verdict) {
        self.runs += 1;
        let counts = self.cells.entry((scenario.name.clone(), label.clone(), fault)).or_default();
        counts.runs += 1;
        counts.lost += usize::from(!verdict.lost.is_empty());
        counts.twice += usize::from(!verdict.twice.is_empty());
        counts.wrong += usize::from(!verdict.wrong.is_empty());
        counts.unknown += verdict.unknown;
        if !verdict.is_ok() {
            let description = verdict.describe();
            let failure = format!(
                "{}, call {call_index} ({label}), {}: {description}\n    repeat: tests/faults/run --flow '{}' --call {call_index} --fault '{}'",
                scenario.name,
                fault.name(),
                scenario.name,
                fault.name()
            );
            // Print at once, because a whole sweep takes long.
            eprintln!("{failure}");
            self.failures.push(failure);
        }
    }

    fn merge(&mut self, other: Self) {
        self.runs += other.runs;
        self.failures.extend(other.failures);
        for (key, counts) in other.cells {
            let so_far = self.cells.entry(key).or_default();
            so_far.runs += counts.runs;
            so_far.lost += counts.lost;
            so_far.twice += counts.twice;
            so_far.wrong += counts.wrong;
            so_far.unknown += counts.unknown;
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["runs", "lost", "twice", "wrong", "unknown"];
        let mut flow = "";
        for ((name, call, fault), counts) in &self.cells {
            if flow != name {
                writeln!(f, "\n{name}")?;
                write!(f, "  {:<44}{:<16}", "call", "fault")?;
                heads.iter().try_for_each(|head| write!(f, "{head:>8}"))?;
                writeln!(f)?;
                flow = name;
            }
            write!(f, "  {call:<44}{:<16}", fault.name())?;
            let Counts { runs, lost, twice, wrong, unknown } = counts;
            [runs, lost, twice, wrong, unknown].iter().try_for_each(|count| write!(f, "{count:>8}"))?;
            writeln!(f)?;
        }
        writeln!(f, "\n{} runs, {} failed", self.runs, self.failures.len())
    }
}

/// Every `of`th run of a scenario, from `number` on: the unit of work for a thread. A whole sweep splits
/// expensive scenarios. They start first, so that threads end at about the same time.
struct Part<'a> {
    scenario: &'a Scenario,
    index: usize,
    number: usize,
    of: usize,
}

fn parts<'a>(scenarios: &[&'a Scenario], options: &SweepOptions) -> Vec<Part<'a>> {
    let is_whole = options.every == 1 && !options.is_single_run();
    let parts_of = |scenario: &Scenario| if is_whole { scenario.cost().min(MAX_PARTS) } else { 1 };
    let mut parts: Vec<_> = scenarios
        .iter()
        .enumerate()
        .flat_map(|(index, &scenario)| {
            let of = parts_of(scenario);
            (0..of).map(move |number| Part { scenario, index, number, of })
        })
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.scenario.cost()));
    parts
}

/// Sweeps on several threads, because most of the time is SDK backoff. Each part has its own emulator.
pub fn sweep(scenarios: &[Scenario], options: &SweepOptions) -> Table {
    let named = |scenario: &&Scenario| options.named.as_ref().is_none_or(|part| scenario.name.contains(part.as_str()));
    let parts = parts(&scenarios.iter().filter(named).collect::<Vec<_>>(), options);
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let Some(part) = parts.get(next.fetch_add(1, Ordering::SeqCst)) else { return };
                    let swept = runtime.block_on(sweep_part(part, options));
                    table.lock().unwrap().merge(swept);
                }
            });
        }
    });
    table.into_inner().unwrap()
}

async fn sweep_part(&Part { scenario, index, number: part, of }: &Part<'_>, options: &SweepOptions) -> Table {
    let mut stage = Stage::with(&scenario.carriers, &scenario.carrier_behavior()).await;
    let mut table = Table::default();
    let (log, idle) = run_scenario(&mut stage, scenario, 0, Box::new(|_, _| None)).await;
    let (_, verdict) = judge(&stage, &[(scenario, &log)], idle, Expectation::FinalState).await;
    if !verdict.is_ok() || (scenario.follow_up == FollowUp::Cancel && log.cancelled.len() < scenario.messages) {
        table.failures.push(format!("{}, without a fault: {}", scenario.name, verdict.describe()));
    }
    let calls = stage.proxy.calls();
    stage.reset().await;
    let runs = fault_runs(scenario, &calls);
    let is_wanted = |(call_index, fault): (usize, Fault)| {
        options.call.is_none_or(|call| call == call_index) && options.fault.is_none_or(|wanted| wanted == fault)
    };
    let is_single_run = options.is_single_run();
    let assigned = runs.into_iter().enumerate().filter(|(number, _)| number % of == part);
    let chosen =
        assigned.filter(
            |(number, run)| if is_single_run { is_wanted(*run) } else { is_chosen(scenario, *number, index, options) },
        );
    for (number, (call_index, fault)) in chosen.collect::<Vec<_>>() {
        let plan = Box::new(move |at: usize, _: &Call| (at == call_index).then_some(fault));
        let (log, idle) = run_scenario(&mut stage, scenario, number + 1, plan).await;
        let (_, verdict) = judge(&stage, &[(scenario, &log)], idle, Expectation::FinalState).await;
        // Label the call actually hit: concurrent calls may come in another order than in the first run.
        if let Some((fault, call)) = stage.proxy.injected().into_iter().next() {
            table.record(scenario, call_index, call.label(), fault, &verdict);
        }
        stage.reset().await;
    }
    table
}

/// Returns whether a run is in the sample. A hash spreads it, and over all offsets every run is chosen.
fn is_chosen(scenario: &Scenario, number: usize, index: usize, options: &SweepOptions) -> bool {
    let every = if options.every == 1 { 1 } else { options.every * scenario.cost() };
    let hash = (number + 1).wrapping_mul(0x9e37_79b9) >> 7;
    (hash + index + options.offset).is_multiple_of(every)
}

fn fault_runs(scenario: &Scenario, calls: &[Call]) -> Vec<(usize, Fault)> {
    let is_last = |call_index: usize| {
        calls.get(call_index + 1).is_none_or(|next| next.invocation != calls[call_index].invocation)
    };
    let label = |call_index: usize| calls.get(call_index).map(Call::label);
    let mut runs = Vec::new();
    let mut in_a_row = 0;
    for (call_index, call) in calls.iter().enumerate() {
        let is_next = call_index > 0 && label(call_index) == label(call_index - 1);
        in_a_row = if is_next { in_a_row + 1 } else { 0 };
        let is_inside = in_a_row >= MAX_REPEATED && label(call_index + 1) == label(call_index);
        if is_inside || scenario.only_function.is_some_and(|only_function| only_function != call.function) {
            continue;
        }
        let faults = Fault::ALL.into_iter().filter(|fault| fault.applies_to(call, is_last(call_index)));
        runs.extend(faults.map(|fault| (call_index, fault)));
    }
    runs
}
