//! Seeded runs: random traffic, faults and time, derived from a seed. Two accounts write to the same few
//! numbers, cancel messages and repeat requests. Phones reply, also with STOP and START. Carriers send
//! receipts in any order and number. In some runs, the operator suspends and resumes an account. Functions stay
//! warm over several invocations, and often two run at once, also on the same job.
//!
//! `tests/faults/run --seed N` repeats a failure, unless it depends on the SDK's backoff or on the machine's
//! timing.

mod action;
mod clients;
mod suspension;
mod verdict;
mod webhooks;

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join;
use shared::{domain::CarrierName, runtime::Random};
use tests::carriers;

use self::{
    action::Action,
    clients::{Client, set_channel_behaviors},
    suspension::Suspensions,
    verdict::judge_seed,
    webhooks::PendingWebhooks,
};
use crate::{
    fault::Fault,
    proxy::{Call, Plan},
    scenario_run::run_until_idle,
    stage::{CarrierBehavior, Stage},
    verdict::Verdict,
};

/// Number of clients, each with its own request.
const CLIENTS: usize = 5;
const STEPS: usize = 60;
/// On average, a random fault is chosen for 1 call in this many.
const CALLS_PER_FAULT: usize = 40;
/// On average, 1 step in this many replaces all functions.
const STEPS_PER_RESTART: usize = 12;
/// On average, 1 step in this many, among those with an action, runs two actions at once.
const STEPS_PER_CONCURRENT_STEP: usize = 3;
/// On average, 1 concurrent step in this many runs the same action twice.
const CONCURRENT_STEPS_PER_DUPLICATE: usize = 3;
/// 1 seed in this many has suspensions.
const SEEDS_PER_SUSPENSION: usize = 3;
/// Replace an emulator after this many seeds, because phones keep every message they ever got.
const SEEDS_PER_STAGE: usize = 50;

struct Run<'a> {
    seed: usize,
    stage: &'a mut Stage,
    random: Random,
    clients: Vec<Client>,
    webhooks: PendingWebhooks,
    suspensions: Suspensions,
}

/// Returns a seed's carriers, in order of preference.
fn route(seed: usize) -> Vec<CarrierName> {
    let mut route = carriers();
    let count = route.len();
    route.rotate_left(seed % count);
    // Half of the seeds use a single carrier; the rest can fail over, to a connection of the same vendor or of
    // another.
    if (seed / count).is_multiple_of(2) {
        route.truncate(1);
    }
    route
}

async fn run(stage: &mut Stage, seed: usize) -> Verdict {
    let random = Random::seeded(seed as u64);
    stage.restart(&Random::seeded(!(seed as u64)), true);
    set_channel_behaviors(stage).await;
    stage.proxy.begin_run(fault_plan(Random::seeded((seed as u64) << 32)));
    let clients = (0..CLIENTS).map(|_| Client::new(&random)).collect();
    let mut run =
        Run { seed, stage, random, clients, webhooks: PendingWebhooks::default(), suspensions: Suspensions::default() };
    for _ in 0..STEPS {
        run.step().await;
    }
    // Finish all pending work without faults.
    run.stage.proxy.stop_faults();
    run.end().await
}

impl Run<'_> {
    async fn step(&mut self) {
        if self.random.index(STEPS_PER_RESTART) == 0 {
            self.stage.restart(&Random::seeded(self.random.index(usize::MAX) as u64), true);
        }
        self.collect();
        match self.random.index(12) {
            0 => self.send_reply().await,
            1 => self.stage.advance(Duration::from_secs(1 + self.random.index(200) as u64)).await,
            2 if self.seed.is_multiple_of(SEEDS_PER_SUSPENSION) => self.suspensions.toggle(self.stage).await,
            _ => self.run_action().await,
        }
    }

    async fn run_action(&mut self) {
        let first = Action::random(self);
        if self.random.index(STEPS_PER_CONCURRENT_STEP) > 0 {
            let outcome = first.execute(self.stage, 0).await;
            return first.record_outcome(self, outcome);
        }
        let [first, second] = match self.random.index(CONCURRENT_STEPS_PER_DUPLICATE) {
            0 => first.duplicated(self).await,
            _ => [first, Action::random(self)],
        };
        let (one, other) = join(first.execute(self.stage, 0), second.execute(self.stage, 1)).await;
        first.record_outcome(self, one);
        second.record_outcome(self, other);
    }

    /// Collects the carriers' webhooks, and plans receipts for new submits.
    fn collect(&mut self) {
        self.webhooks.collect(&self.stage.proxy, &self.random, clients::is_silent);
    }

    async fn send_reply(&mut self) {
        let index = self.random.index(CLIENTS);
        let client = &mut self.clients[index];
        if self.webhooks.send_reply(self.stage, &self.random, client).await {
            client.log.replies += 1;
        }
    }

    async fn end(mut self) -> Verdict {
        self.suspensions.end(self.stage).await;
        for index in 0..CLIENTS {
            if !self.clients[index].log.is_accepted {
                let action = Action::post(&mut self, index);
                let outcome = action.execute(self.stage, 0).await;
                action.record_outcome(&mut self, outcome);
            }
        }
        let idle = loop {
            let replies = self.webhooks.reply_count();
            let idle = run_until_idle(self.stage, |submits| {
                replies + submits.iter().map(|submit| clients::webhook_count(&submit.to)).sum::<usize>()
            })
            .await;
            self.collect();
            if self.webhooks.is_empty() {
                break idle;
            }
            while let Some(action) = Action::deliver(&self) {
                let outcome = action.execute(self.stage, 0).await;
                action.record_outcome(&mut self, outcome);
            }
        };
        let mut verdict = judge_seed(self.stage, &self.clients, &self.webhooks, idle).await;
        self.suspensions.judge(self.stage, &self.webhooks, &mut verdict).await;
        verdict
    }
}

fn fault_plan(random: Random) -> Plan {
    Box::new(move |_, call: &Call| {
        let fault = one_of(&random, &Fault::ALL);
        let is_injected = random.index(CALLS_PER_FAULT) == 0 && fault.applies_to(call, true);
        is_injected.then_some(fault)
    })
}

fn one_of<T: Copy>(random: &Random, of: &[T]) -> T {
    of[random.index(of.len())]
}

/// Reusable stages by route, with the number of seeds run on each.
#[derive(Default)]
struct StagePool(HashMap<Vec<CarrierName>, (Stage, usize)>);

impl StagePool {
    async fn run(&mut self, seed: usize) -> Verdict {
        let route = route(seed);
        if self.0.get(&route).is_none_or(|(_, used)| *used >= SEEDS_PER_STAGE) {
            self.0.insert(route.clone(), (Stage::with(&route, &CarrierBehavior::default()).await, 0));
        }
        let (stage, used) = self.0.get_mut(&route).unwrap();
        *used += 1;
        let verdict = run(stage, seed).await;
        stage.reset().await;
        verdict
    }
}

fn failure_report(seed: usize, verdict: &Verdict) -> String {
    format!("seed {seed}: {}\n    repeat: tests/faults/run --seed {seed}", verdict.describe())
}

/// Runs `count` seeds from `first` on, on several threads, and returns the failures.
pub fn runs(first: usize, count: usize, threads: usize) -> Vec<String> {
    let (next, failures) = (AtomicUsize::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(count) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let mut stages = StagePool::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + count {
                        return;
                    }
                    let verdict = runtime.block_on(stages.run(seed));
                    if !verdict.is_ok() {
                        eprintln!("{}", failure_report(seed, &verdict));
                        failures.lock().unwrap().push(failure_report(seed, &verdict));
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap()
}
