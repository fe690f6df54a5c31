//! Seeded runs: traffic, faults and the passing of time in any order, as a seed has
//! them. Two accounts write to few numbers, take messages back and post again what
//! they have posted; phones answer, STOP and START among it; carriers bring what they
//! have to say in any order and number; functions live over several invocations, and
//! two of them are often at work at once, also on the same thing.
//!
//! A seed that finds a fault finds it again, as far as the SDK's own pauses and the
//! machine let it: `tests/faults/run --seed N`.

mod act;
mod crowd;
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

use self::{
    act::Act,
    crowd::{Client, set_channel_behaviors},
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
const CALLS_TO_A_FAULT: usize = 40;
/// One step of so many finds new functions, one of so many has two at work at once,
/// and one of those both on the same.
const STEPS_TO_NEW: usize = 12;
const STEPS_TO_TWO: usize = 3;
const TWO_TO_THE_SAME: usize = 3;
/// After so many seeds an emulator is left: phones keep all that they ever got.
const SEEDS_PER_STAGE: usize = 50;

/// A seed under way.
struct Run<'a> {
    seed: usize,
    stage: &'a mut Stage,
    chance: Random,
    clients: Vec<Client>,
    webhooks: PendingWebhooks,
}

/// By which carriers messages may go in a seed.
fn route(seed: usize) -> Vec<CarrierName> {
    let mut route = CarrierName::ALL.to_vec();
    route.rotate_left(seed % CarrierName::ALL.len());
    // One alone, or each behind the other.
    if seed / CarrierName::ALL.len() % 3 < 2 {
        route.truncate(1);
    }
    route
}

/// Runs a seed in an emulator of its route, and says what came of it.
async fn run(stage: &mut Stage, seed: usize) -> Verdict {
    let chance = Random::seeded(seed as u64);
    stage.restart(&Random::seeded(!(seed as u64)), true);
    set_channel_behaviors(stage).await;
    stage.proxy.begin_run(faulty(Random::seeded((seed as u64) << 32)));
    let clients = (0..CLIENTS).map(|_| Client::new(&chance)).collect();
    let mut run = Run { seed, stage, chance, clients, webhooks: PendingWebhooks::default() };
    for _ in 0..STEPS {
        run.step().await;
    }
    // From here on all is well, and what was begun comes to its end.
    run.stage.proxy.stop_faults();
    run.end().await
}

impl Run<'_> {
    async fn step(&mut self) {
        if self.chance.index(STEPS_TO_NEW) == 0 {
            self.stage.restart(&Random::seeded(self.chance.index(usize::MAX) as u64), true);
        }
        self.collect();
        match self.chance.index(12) {
            0 => self.say().await,
            1 => self.stage.advance(Duration::from_secs(1 + self.chance.index(200) as u64)).await,
            _ => self.act().await,
        }
    }

    /// One act, or two at once.
    async fn act(&mut self) {
        let first = Act::draw(self);
        if self.chance.index(STEPS_TO_TWO) > 0 {
            let done = first.perform(self.stage, 0).await;
            return first.conclude(self, done);
        }
        let [first, second] = match self.chance.index(TWO_TO_THE_SAME) {
            0 => first.twice(self).await,
            _ => [first, Act::draw(self)],
        };
        let (one, other) = join(first.perform(self.stage, 0), second.perform(self.stage, 1)).await;
        first.conclude(self, one);
        second.conclude(self, other);
    }

    /// Takes in what carriers have brought, and what they will bring.
    fn collect(&mut self) {
        self.webhooks.collect(&self.stage.proxy, &self.chance, crowd::is_silent);
    }

    /// A phone writes to whoever wrote to it.
    async fn say(&mut self) {
        let place = self.chance.index(CLIENTS);
        let client = &mut self.clients[place];
        if self.webhooks.say(self.stage, &self.chance, client).await {
            client.log.replies += 1;
        }
    }

    async fn end(mut self) -> Verdict {
        for place in 0..CLIENTS {
            if !self.clients[place].log.is_accepted {
                let act = Act::post(&mut self, place);
                let done = act.perform(self.stage, 0).await;
                act.conclude(&mut self, done);
            }
        }
        let idle = loop {
            let replies = self.webhooks.replies();
            let idle = run_until_idle(self.stage, |submits| {
                replies + submits.iter().map(|submit| crowd::webhook_count(&submit.to)).sum::<usize>()
            })
            .await;
            self.collect();
            if self.webhooks.is_empty() {
                break idle;
            }
            while let Some(act) = Act::deliver(&self) {
                let done = act.perform(self.stage, 0).await;
                act.conclude(&mut self, done);
            }
        };
        judge_seed(self.stage, &self.clients, &self.webhooks, idle).await
    }
}

fn faulty(chance: Random) -> Plan {
    Box::new(move |_, call: &Call| {
        let fault = one_of(&chance, &Fault::ALL);
        let strikes = chance.index(CALLS_TO_A_FAULT) == 0 && fault.applies_to(call, true);
        strikes.then_some(fault)
    })
}

fn one_of<T: Copy>(chance: &Random, of: &[T]) -> T {
    of[chance.index(of.len())]
}

/// Stages that can be used again, by the routes in them, and how often each was.
#[derive(Default)]
struct Stages(HashMap<Vec<CarrierName>, (Stage, usize)>);

impl Stages {
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
fn found(seed: usize, verdict: &Verdict) -> String {
    format!("seed {seed}: {}\n    again: tests/faults/run --seed {seed}", verdict.faults())
}

/// Runs so many seeds from `first` on, several at once; gives what they broke.
pub fn runs(first: usize, count: usize, lanes: usize) -> Vec<String> {
    let (next, broken) = (AtomicUsize::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..lanes.min(count) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let mut stages = Stages::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + count {
                        return;
                    }
                    let verdict = runtime.block_on(stages.run(seed));
                    if !verdict.is_ok() {
                        eprintln!("{}", found(seed, &verdict));
                        broken.lock().unwrap().push(found(seed, &verdict));
                    }
                }
            });
        }
    });
    broken.into_inner().unwrap()
}
