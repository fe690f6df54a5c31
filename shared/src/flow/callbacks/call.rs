//! A call to a client's endpoint, and why it failed.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    domain::{Account, Endpoint},
    queue::CallbackJob,
};

/// A call for a job.
pub(super) struct Call<'a> {
    pub(super) job: CallbackJob,
    pub(super) account: &'a Account,
    /// `None` for a notice: its failure counts for no endpoint, or a dead notice URL would cause notices
    /// for ever.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) begun_at: Timestamp,
}

/// Why a call failed.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
    /// The endpoint asked for `retry_after` for all events, not only this one.
    pub(super) is_busy: bool,
    pub(super) is_gone: bool,
}

impl Failure {
    pub(super) fn of(reason: String) -> Self {
        Self { reason, retry_after: None, is_busy: false, is_gone: false }
    }
}
