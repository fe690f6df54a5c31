//! The gateway is killed (`kill -9`) while clients post, and started again while
//! the emulator lives on, as AWS, the carriers and the clients' servers do.
//!
//! What was answered with 200 reaches its phone once, or has an outcome that is
//! said to be unknown, and its receipt reaches the client. `cargo test` kills it
//! some times; `tests/drill/run` as often as it is told, and prints what it saw.

#![expect(clippy::unwrap_used, reason = "a test that fails may say so where it stands")]

mod clients;
mod half;
mod tally;

use std::{env, time::Duration};

use shared::runtime::Random;
use tests::system::System;
use tokio::{sync::watch, task::JoinSet};
use url::Url;

use self::{
    clients::{Client, Diary},
    half::Half,
    tally::tally,
};

/// How often it is killed unless it is said otherwise.
const KILLS: u64 = 3;
/// How many clients post at once.
const CLIENTS: usize = 8;
/// The longest that a gateway lives.
const LIFE: Duration = Duration::from_millis(1_800);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_killed_under_load_loses_nothing_and_sends_nothing_twice() {
    let kills = env::var("DRILL_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let emulator = Half::start(&["emulator"]).await;
    let mut gateway = Half::start(&["--emulator", emulator.url.as_str()]).await;
    let (address, stop) = (watch::Sender::new(gateway.url.clone()), watch::Sender::new(false));
    let mut posting = post(&emulator.url, &address, &stop);
    let chance = Random::seeded(kills);
    for _ in 0..kills {
        tokio::time::sleep(chance.jittered(LIFE)).await;
        gateway.kill().await;
        gateway = Half::start(&["--emulator", emulator.url.as_str()]).await;
        address.send_replace(gateway.url.clone());
    }
    stop.send_replace(true);
    let mut diary = Diary::default();
    while let Some(of_one) = posting.join_next().await {
        diary.add(of_one.unwrap());
    }
    let system = System::elsewhere(emulator.url.clone(), gateway.url.clone());
    let tally = tally(&system, &diary).await;
    println!("{kills} kills: {tally}");
    assert!(tally.is_well(), "{tally}\n{}", tally.broken.join("\n"));
    assert!(!diary.accepted.is_empty(), "nothing was accepted");
}

fn post(emulator: &Url, address: &watch::Sender<Url>, stop: &watch::Sender<bool>) -> JoinSet<Diary> {
    let mut posting = JoinSet::new();
    for place in 0..CLIENTS {
        let client = Client::new(place, emulator.clone(), address.subscribe(), stop.subscribe());
        posting.spawn(client.run());
    }
    posting
}
