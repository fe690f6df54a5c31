//! A client's request, in any dialect.

use crate::domain::{Dialect, Draft, IdempotencyKey, OnUnknown};

/// Messages that a client asks us to send.
pub struct Request {
    pub dialect: Dialect,
    pub drafts: Vec<Draft>,
    /// How many messages the client posted, including those rejected by the dialect.
    pub posted: usize,
    pub idempotency_key: Option<IdempotencyKey>,
    /// `None`: the account's setting applies.
    pub on_unknown: Option<OnUnknown>,
    /// Validate and answer without writing, locking or sending.
    pub dry_run: bool,
}
