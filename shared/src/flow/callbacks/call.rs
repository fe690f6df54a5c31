//! A call to an endpoint, and why it failed.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    domain::{Account, Endpoint},
    queue::CallbackJob,
};

pub(super) struct Call<'a> {
    pub(super) job: CallbackJob,
    pub(super) account: &'a Account,
    /// `None` for a notice: if its failures counted, a dead notice URL would cause notices for ever.
    pub(super) endpoint: Option<Endpoint>,
    pub(super) begun_at: Timestamp,
}

pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) retry_after: Option<Duration>,
    /// `retry_after` applies to the endpoint, not only to this event.
    pub(super) is_busy: bool,
    pub(super) is_gone: bool,
}

impl Failure {
    pub(super) fn of(reason: String) -> Self {
        Self { reason, retry_after: None, is_busy: false, is_gone: false }
    }
}
