//! The gateway: the code shared by its seven Lambda functions.
//!
//! Each top-level module is a *room*. A room may use only the rooms in its row of this table, as
//! `tests/architecture` checks. The base is [`domain`], [`runtime`], `redact` and `hash`.
//!
//! | room | holds | may use |
//! |---|---|---|
//! | [`gateway`] | builds the parts a function needs | all below |
//! | [`edge`] | HTTP and SQS events, API keys, problems, batches | all below |
//! | [`flow`] | the steps of a message's life | `dialects`, `carriers`, `store`, `queue`, `callbacks`, the base |
//! | [`dialects`] | the contract of the vendors' request formats | `vendors`, the base |
//! | [`carriers`] | the contract of the vendors' connectors | `store`, `vendors`, the base |
//! | [`store`] | ports, and DynamoDB and Secrets Manager behind them | the base |
//! | [`queue`] | jobs, and SQS | the base |
//! | [`callbacks`] | the signed POST to a client | the base |
//! | [`vendors`] | a folder per vendor: its dialect, its carrier | `formats`, the base |
//! | `formats` | formats shared by vendors | the base |
//! | [`domain`] | types and their rules | `redact`, `hash`, [`runtime::Clock`], [`runtime::Random`] |
//! | [`runtime`] | settings, clock, randomness, telemetry, metrics, HTTP and AWS clients | none |
//! | `redact` | removes private data from other systems' texts | none |
//! | `hash` | SHA-256 digests and HMACs | none |
//!
//! No vendor uses another. In [`flow`], a file below a step uses no item of the step's own file. A Lambda
//! function parses its event, calls one step and answers. `docs/architecture.md` describes the steps and the
//! rules between them.

#![expect(
    async_fn_in_trait,
    reason = "each port has one implementation and is dispatched statically, so callers need no bounds on its futures"
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
