//! End-to-end tests: each starts a whole system (the gateway's functions over the embedded DynamoDB and SQS,
//! the simulated carriers and their phones) and talks to it over HTTP, as a client would. The crate `tests`
//! (`tests/harness`) has the types and helpers.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic where it stands")]

mod accept_each;
mod admin;
mod bad_input;
mod batches;
mod bodies;
mod bulk;
mod callbacks;
mod carrier_ids;
mod channels;
mod clients;
mod cm;
mod connections;
mod conversation;
mod documents;
mod harness;
mod idempotency;
mod idle;
mod invalid_uri;
mod lanes;
mod messangi;
mod metrics;
mod mta;
mod mta_account;
mod mta_carrier;
mod openapi;
mod optout;
mod pairs;
mod poison;
mod rates;
mod reading;
mod receipts;
mod replies;
mod reply_content;
mod schedule;
mod search;
mod senders;
mod submit;
mod suspension;
mod two_processes;
mod unknown;
mod unmatched;

use tests::{carrier, system};
