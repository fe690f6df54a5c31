//! One call of a client, and why it failed.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    domain::{Account, Endpoint},
    queue::CallbackJob,
};

/// A call that is to be made, or was made, for a job.
pub(super) struct Call<'a> {
    pub(super) job: CallbackJob,
    pub(super) account: &'a Account,
    /// None for a notice: that it cannot be told has no consequence for its address,
    /// or an address that fails would be told of for ever.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) begun_at: Timestamp,
}

/// What was wrong with a call.
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
    /// The endpoint wants to be left alone for that long, whatever the event.
    pub(super) is_busy: bool,
    pub(super) is_gone: bool,
}

impl Failure {
    pub(super) fn of(reason: String) -> Self {
        Self { reason, retry_after: None, is_busy: false, is_gone: false }
    }
}
