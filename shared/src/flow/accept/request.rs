//! A request to accept messages, in any dialect.

use crate::domain::{Dialect, Draft, IdempotencyKey, OnUnknown};

/// What a client asks for.
pub struct Request {
    pub dialect: Dialect,
    pub drafts: Vec<Draft>,
    /// How many messages the client posted, with those that its dialect has rejected and that are not among the drafts.
    pub posted: usize,
    pub idempotency_key: Option<IdempotencyKey>,
    /// `None` if the account's setting applies.
    pub on_unknown: Option<OnUnknown>,
    /// Validate and answer, but write, send and lock nothing.
    pub dry_run: bool,
}
