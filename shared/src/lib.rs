//! The gateway: the code that its seven functions share.
//!
//! The crate is divided into rooms, one for each top-level module. A room may use only the rooms that this table names;
//! `tests/architecture` holds it to that. The base is [`domain`], [`runtime`], `redact` and `hash`.
//!
//! | room | holds | may use |
//! |---|---|---|
//! | [`gateway`] | builds the parts that a function needs | all below |
//! | [`edge`] | HTTP and SQS events, API keys, problems, batches | all below |
//! | [`flow`] | the steps of a message's life | `dialects`, `carriers`, `store`, `queue`, `callbacks`, the base |
//! | [`dialects`] | the contract that each vendor's request format keeps | `vendors`, the base |
//! | [`carriers`] | the contract that each vendor's connector keeps | `store`, `vendors`, the base |
//! | [`store`] | ports, and DynamoDB and Secrets Manager behind them | the base |
//! | [`queue`] | jobs, and SQS | the base |
//! | [`callbacks`] | the signed POST to a client | the base |
//! | [`vendors`] | a folder for each vendor: its dialect, its carrier | `formats`, the base |
//! | `formats` | the formats that vendors share | the base |
//! | [`domain`] | the types and their rules | `redact`, `hash`, [`runtime::Clock`], [`runtime::Random`] |
//! | [`runtime`] | settings, clock, randomness, telemetry, metrics, HTTP and AWS clients | none |
//! | `redact` | removes private data from the words of other systems | none |
//! | `hash` | digests in hexadecimal | none |
//!
//! No vendor uses another, and a part of a step in [`flow`] does not call back into the step. A function parses its
//! event, calls one step and answers. `docs/architecture.md` describes the steps and the rules that hold between them.

#![expect(
    async_fn_in_trait,
    reason = "the ports have one implementation each and are dispatched statically, so the compiler sees through them"
)]

pub mod callbacks;
pub mod carriers;
pub mod dialects;
pub mod domain;
pub mod edge;
pub mod flow;
mod formats;
pub mod gateway;
mod hash;
pub mod queue;
mod redact;
pub mod runtime;
pub mod store;
pub mod vendors;
