//! Seeded runs: traffic, faults and the passing of time in any order, as a seed has
//! them. A seed that finds a fault finds it again, as far as the SDK's own pauses and
//! the machine let it: `tests/faults/run --seed N`.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shared::{carriers::CarrierName, runtime::Random};

use crate::{
    fault::Fault,
    life::{Promises, come_to_rest, reply},
    proxy::{Call, Plan},
    scenario::{Door, Name, Phone, Scenario, Sender},
    stage::{QUEUES, Stage, Wish},
    verdict::{Verdict, judge},
};

/// How many clients there are, each with something of its own to send.
const CLIENTS: usize = 5;
const STEPS: usize = 80;
/// One call of so many goes wrong.
const CALLS_TO_A_FAULT: usize = 40;

/// A client with its wish.
struct Client {
    scenario: Scenario,
    wish: Option<Wish>,
    promises: Promises,
}

/// Runs a seed, and says what came of it.
pub async fn run(seed: usize) -> Verdict {
    let chance = Random::seeded(seed as u64);
    let carrier = one_of(&chance, &CarrierName::ALL);
    let mut stage = Stage::new(&[carrier], false).await;
    stage.seed(seed as u64);
    stage.proxy.begin_run(faulty(Random::seeded(!(seed as u64))));
    let mut clients: Vec<_> = (0..CLIENTS).map(|place| client(&chance, carrier, place)).collect();
    for _ in 0..STEPS {
        step(&mut stage, &chance, &mut clients, seed).await;
    }
    // From here on all is well, and what was begun comes to its end.
    stage.proxy.stop_failing();
    for (place, client) in clients.iter_mut().enumerate() {
        if !client.promises.is_accepted {
            post(&stage, client, seed, place).await;
        }
    }
    let replies: usize = clients.iter().map(|client| client.promises.replies).sum();
    let rest = come_to_rest(&mut stage, |_| replies).await;
    let lived: Vec<_> = clients.iter().map(|client| (&client.scenario, &client.promises)).collect();
    judge(&stage, &lived, rest).await
}

/// Any one thing that may happen next.
async fn step(stage: &mut Stage, chance: &Random, clients: &mut [Client], seed: usize) {
    match chance.index(12) {
        0..3 => {
            let place = chance.index(clients.len());
            // Some ask again though they were answered.
            post(stage, &mut clients[place], seed, place).await;
        }
        3..8 => {
            stage.work(QUEUES[chance.index(2)]).await;
        }
        8..10 => {
            bring_once(stage).await;
        }
        10 => {
            let client = &mut clients[chance.index(CLIENTS)];
            if client.promises.replies == 0 && reply(stage, &client.scenario, &client.promises).await {
                client.promises.replies += 1;
            }
        }
        _ => {
            stage.advance(Duration::from_secs(1 + chance.index(200) as u64)).await;
            // One that failed is followed by the next.
            let _ = stage.tick().await;
        }
    }
}

async fn bring_once(stage: &Stage) {
    if let Some(brought) = stage.proxy.next_brought()
        && !stage.bring(&brought).await
    {
        stage.proxy.bring_again(brought);
    }
}

async fn post(stage: &Stage, client: &mut Client, seed: usize, place: usize) {
    let run = seed * CLIENTS + place;
    if client.wish.is_none() {
        client.promises.promise(&client.scenario, run);
    }
    let wish = client.wish.get_or_insert_with(|| client.scenario.wish(run, &stage.proxy.url, stage.now()));
    client.promises.ask(stage, client.scenario.door, wish).await;
}

/// What needs no waiting for the network: its receipt comes at once, or none does.
fn client(chance: &Random, carrier: CarrierName, place: usize) -> Client {
    let door = one_of(chance, &[Door::Mplus, Door::Mplus, Door::CmJson, Door::CmXml]);
    let phone = one_of(chance, &[Phone::Delivered, Phone::Delivered, Phone::NoReceipt, Phone::Rejected]);
    let scenario = Scenario::new("seeded", door, carrier, phone);
    let is_mplus = door == Door::Mplus;
    let sender = one_of(chance, &[Sender::Owned, Sender::Shared, Sender::Rated]);
    let scenario = Scenario {
        first: place * 3,
        messages: if door == Door::CmXml { 1 } else { 1 + chance.index(3) },
        name_by: if is_mplus { one_of(chance, &[Name::Id, Name::Key]) } else { Name::Key },
        sender: if is_mplus { sender } else { Sender::Owned },
        scheduled: is_mplus && chance.index(4) == 0,
        ..scenario
    };
    Client { scenario, wish: None, promises: Promises::default() }
}

fn faulty(chance: Random) -> Plan {
    Box::new(move |_, call: &Call| {
        let fault = Fault::ALL[chance.index(Fault::ALL.len())];
        let strikes = chance.index(CALLS_TO_A_FAULT) == 0 && fault.befalls(call.peer, true);
        strikes.then_some(fault)
    })
}

fn one_of<T: Copy>(chance: &Random, of: &[T]) -> T {
    of[chance.index(of.len())]
}

/// What a seed broke, and how it is run again.
pub fn found(seed: usize, verdict: &Verdict) -> String {
    format!("seed {seed}: {}\n    again: tests/faults/run --seed {seed}", verdict.faults())
}

/// Runs so many seeds from `first` on, several at once; gives what they broke.
pub fn runs(first: usize, count: usize, lanes: usize) -> Vec<String> {
    let (next, broken) = (AtomicUsize::new(first), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= first + count {
                        return;
                    }
                    let verdict = runtime.block_on(run(seed));
                    if !verdict.is_well() {
                        eprintln!("{}", found(seed, &verdict));
                        broken.lock().unwrap().push(found(seed, &verdict));
                    }
                }
            });
        }
    });
    broken.into_inner().unwrap()
}
