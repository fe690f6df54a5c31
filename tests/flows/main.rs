//! The main job, end to end: each test starts a whole system of its own (the
//! gateway's functions over the embedded DynamoDB and SQS, the simulated carrier
//! and its handsets) and talks to it over HTTP, as a client would. A test is
//! named after the rule that it proves.

#![expect(clippy::unwrap_used, reason = "a test that fails may say so where it stands")]

mod accept_each;
mod admin;
mod bad_input;
mod bodies;
mod bulk;
mod callbacks;
mod carrier_ids;
mod channels;
mod cm;
mod conversation;
mod documents;
mod idempotency;
mod metrics;
mod openapi;
mod optout;
mod pairs;
mod rates;
mod reading;
mod receipts;
mod replies;
mod schedule;
mod scripted;
mod senders;
mod submit;
mod two_processes;
mod unknown;
mod unmatched;

use tests::{carrier, system};
