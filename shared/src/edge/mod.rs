//! HTTP and SQS events from Lambda: authentication, size limits, problems (RFC 9457), and batches of jobs.

mod auth;
mod event;
pub mod mta;
mod problem;
mod request;
mod sqs;
mod webhook;

pub use auth::{Client, LONGEST_KEY, authenticate, authenticate_carrier, bearer, client_of_key};
pub use event::{request, run_http};
pub use problem::{Problem, log_unavailable};
pub use request::{
    BodyError, MOST_BYTES, MOST_WEBHOOK_BYTES, Parameter, body, check_query, header, json, parameter, parameters,
    path_segments, raw_query, with_advice,
};
pub use sqs::run_batch;
pub use webhook::{ItemProblems, unreadable};
