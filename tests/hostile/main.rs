//! Attackers: a client with and without a key, a stranger who finds a carrier's webhook, the owner of a callback URL, a
//! carrier, a phone that replies, and a web page in a browser beside `local`. `cost` bounds parse times, `memory` bounds
//! memory, `reach` tests access to other accounts' data, `tenants` tests what accounts learn of each other and take from
//! each other, `injection` tests texts with markup, `terminal` tests texts with escape sequences, `canary` tests for
//! leaks of private data, `secrets` tests for callback secrets in tables, and `browser` tests what a foreign web page
//! can do.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod browser;
mod canary;
mod cost;
mod injection;
mod memory;
mod reach;
mod secrets;
mod tenants;
mod terminal;
mod tool;
