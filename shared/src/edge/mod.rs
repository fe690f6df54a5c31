//! The HTTP edge that the functions share: who calls, how much they may send,
//! and how a problem is told (RFC 9457).

mod auth;
mod problem;
mod request;
mod sqs;

pub use auth::{LONGEST_KEY, account_of_key, authenticate, authenticate_carrier, unreadable};
pub use problem::{Problem, chain};
pub use request::{MOST_BYTES, MOST_WEBHOOK_BYTES, body, json, path_segments, query};
pub use sqs::{BatchRun, run_batch};
