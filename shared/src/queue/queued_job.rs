//! A job with its queue, group and delay.

use std::time::Duration;

use super::Job;
use crate::{
    domain::{AccountId, CarrierName, Lane, Message, SenderId, UnmatchedId},
    hash::sha256_hex,
};

/// The group of a job or callback. SQS shares a queue's workers fairly between its groups, so an account with many
/// jobs delays no other account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group(String);

impl Group {
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self(account.as_str().to_owned())
    }

    /// Returns the group of a receipt or reply whose account is not known. Account IDs contain no `#`.
    #[must_use]
    pub fn of_carrier(carrier: CarrierName) -> Self {
        Self(format!("carrier#{}", carrier.as_str()))
    }

    /// Returns the group of the jobs for a sender's send slots. A hash, because SQS allows no blanks in a group.
    #[must_use]
    pub fn of_sender(sender: &SenderId) -> Self {
        Self(format!("sender#{}", sha256_hex(sender.as_str())))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A job to enqueue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedJob {
    pub job: Job,
    pub lane: Lane,
    pub group: Group,
    pub delay: Duration,
}

impl QueuedJob {
    /// Returns a job for a message.
    #[must_use]
    pub fn new(job: Job, (account, lane): (&AccountId, Lane), delay: Duration) -> Self {
        Self { job, lane, group: Group::of_account(account), delay }
    }

    /// Returns a job for this message.
    #[must_use]
    pub fn of_message(job: Job, message: &Message, delay: Duration) -> Self {
        Self::new(job, (&message.account, message.request.lane), delay)
    }

    #[must_use]
    pub fn submit(message: &Message, delay: Duration) -> Self {
        Self::of_message(Job::Submit { message: message.id }, message, delay)
    }

    /// Returns a job to retry an unmatched receipt or reply.
    #[must_use]
    pub fn unmatched(id: UnmatchedId, delay: Duration) -> Self {
        Self { job: Job::Unmatched(id), lane: Lane::Normal, group: Group::of_carrier(id.carrier), delay }
    }
}
