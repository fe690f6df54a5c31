//! Runs the operator's tool.

use ::admin::Done;
use shared::runtime::{Environment, Random};
use tests::System;

/// Runs a command against the system, with a text on standard input.
pub async fn admin(system: &System, input: &str, words: &[&str]) -> Done {
    let local = format!("--local={}", system.url("/"));
    // Random, so keys and secrets differ between runs.
    let environment = Environment { random: Random::of_system(), ..system.environment() };
    let words = [&["admin", &local], words].concat().into_iter().map(str::to_owned);
    ::admin::run(words, &environment, || Ok(input.to_owned())).await
}
