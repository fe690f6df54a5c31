//! Seeded runs: traffic, faults and the passing of time in any order, as a seed has
//! them. Two accounts write to few numbers, take messages back and post again what
//! they have posted; phones answer, STOP and START among it; carriers bring what they
//! have to say in any order and number; functions live over several invocations, and
//! two of them are often at work at once, also on the same thing.
//!
//! A seed that finds a fault finds it again, as far as the SDK's own pauses and the
//! machine let it: `tests/faults/run --seed N`.

mod action;
mod clients;
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
use strum::IntoEnumIterator;

use self::{
    action::Action,
    clients::{Client, set_channel_behaviors},
    verdict::judge_seed,
    webhooks::PendingWebhooks,
};
use crate::{
    fault::Fault,
    proxy::{Call, Plan},
    scenario_run::run_until_idle,
    stage::Stage,
    verdict::Verdict,
};

/// How many clients there are, each with something of its own to send.
const CLIENTS: usize = 5;
const STEPS: usize = 60;
/// One call of so many goes wrong.
const CALLS_PER_FAULT: usize = 40;
/// One step of so many finds new functions, one of so many has two at work at once,
/// and one of those both on the same.
const STEPS_PER_RESTART: usize = 12;
const STEPS_PER_CONCURRENT_STEP: usize = 3;
const CONCURRENT_STEPS_PER_DUPLICATE: usize = 3;
/// After so many seeds an emulator is left: phones keep all that they ever got.
const SEEDS_PER_STAGE: usize = 50;

/// A seed under way.
struct Run<'a> {
    seed: usize,
    stage: &'a mut Stage,
    random: Random,
    clients: Vec<Client>,
    webhooks: PendingWebhooks,
}

/// By which carriers messages may go in a seed.
fn route(seed: usize) -> Vec<CarrierName> {
    let mut route: Vec<_> = CarrierName::iter().collect();
    route.rotate_left(seed % CarrierName::iter().len());
    // One alone, or each behind the other.
    if seed / CarrierName::iter().len() % 3 < 2 {
        route.truncate(1);
    }
    route
}

/// Runs a seed in an emulator of its route, and says what came of it.
async fn run(stage: &mut Stage, seed: usize) -> Verdict {
    let random = Random::seeded(seed as u64);
    stage.restart(&Random::seeded(!(seed as u64)), true);
    set_channel_behaviors(stage).await;
    stage.proxy.begin_run(fault_plan(Random::seeded((seed as u64) << 32)));
    let clients = (0..CLIENTS).map(|_| Client::new(&random)).collect();
    let mut run = Run { seed, stage, random, clients, webhooks: PendingWebhooks::default() };
    for _ in 0..STEPS {
        run.step().await;
    }
    // From here on all is well, and what was begun comes to its end.
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
            _ => self.run_action().await,
        }
    }

    /// One act, or two at once.
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

    /// Takes in what carriers have brought, and what they will bring.
    fn collect(&mut self) {
        self.webhooks.collect(&self.stage.proxy, &self.random, clients::is_silent);
    }

    /// A phone writes to whoever wrote to it.
    async fn send_reply(&mut self) {
        let index = self.random.index(CLIENTS);
        let client = &mut self.clients[index];
        if self.webhooks.send_reply(self.stage, &self.random, client).await {
            client.log.replies += 1;
        }
    }

    async fn end(mut self) -> Verdict {
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
        judge_seed(self.stage, &self.clients, &self.webhooks, idle).await
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

/// Stages that can be used again, by the routes in them, and how often each was.
#[derive(Default)]
struct StagePool(HashMap<Vec<CarrierName>, (Stage, usize)>);

impl StagePool {
    async fn run(&mut self, seed: usize) -> Verdict {
        let route = route(seed);
        if self.0.get(&route).is_none_or(|(_, used)| *used >= SEEDS_PER_STAGE) {
            self.0.insert(route.clone(), (Stage::new(&route).await, 0));
        }
        let (stage, used) = self.0.get_mut(&route).unwrap();
        *used += 1;
        let verdict = run(stage, seed).await;
        stage.reset().await;
        verdict
    }
}

/// What a seed broke, and how it is run again.
fn failure_report(seed: usize, verdict: &Verdict) -> String {
    format!("seed {seed}: {}\n    again: tests/faults/run --seed {seed}", verdict.describe())
}

/// Runs so many seeds from `first` on, several at once; gives what they broke.
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
