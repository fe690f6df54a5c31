//! The gateway: everything that its seven functions share.
//!
//! In the order in which a message travels:
//!
//! | module | what it owns |
//! |---|---|
//! | [`edge`] | HTTP and SQS as Lambda brings them: keys, limits, problems, batches |
//! | [`dialects`] | what clients post, and how they are answered and told |
//! | [`flow`] | the six steps of a message's life, and reading and cancelling |
//! | [`domain`] | what all of them talk about, as types |
//! | [`store`], [`queue`] | where it is kept, and what is to be done now |
//! | [`carriers`] | who takes it further, and what they report back |
//! | [`callbacks`] | the signed POST that tells a client |
//! | [`runtime`] | settings, clients, clock, chance, logs and metrics |
//!
//! A function reads its event, calls one step of [`flow`] and answers. Beside these stand
//! `cm` (what CM.com's formats have in common on both sides), `hash` (digests in
//! hexadecimal) and `redact` (what of others' words may be kept or logged).

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
