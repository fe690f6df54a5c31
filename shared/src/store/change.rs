//! Changes to a message: the expected record, the update, and the result.

use jiff::Timestamp;

use crate::domain::{
    AccountId, Attempt, CarrierName, ExecutionId, Lane, Line, Message, MessageId, Progress, Refusals, UnmatchedId,
};

/// The result of inserting a message under an ID that may be taken.
#[derive(Debug)]
pub enum Insertion {
    New,
    /// This message had the ID.
    Existing(Box<Message>),
}

/// The result of a conditional change to a message.
#[derive(Debug)]
pub enum Change {
    /// Changed, now or by an earlier attempt with the same execution ID. Holds the message afterwards.
    Applied(Box<Message>),
    /// The condition failed. Holds the message as stored.
    Conflict(Box<Message>),
    NotFound,
}

/// An execution's exclusive right to submit a message, between two times.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub execution_id: ExecutionId,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// A submit's outcome, to be recorded.
#[derive(Clone, Debug)]
pub struct OutcomeUpdate {
    /// The expected execution ID.
    pub claimed_by: ExecutionId,
    /// The execution that records the outcome, usually `claimed_by`.
    pub execution_id: ExecutionId,
    pub progress: Progress,
    pub at: Timestamp,
    pub reason: Option<String>,
    pub carrier: Option<CarrierName>,
    pub carrier_id: Option<String>,
    /// Failed attempts since the last write.
    pub failed_attempts: Vec<Attempt>,
    /// All refusals, if some are new.
    pub refusals: Vec<Refusals>,
    /// With [`Progress::Submitted`] and [`Progress::Unknown`]: the receipt deadline.
    pub receipt_by: Option<Timestamp>,
    /// With [`Progress::Unknown`]: an earlier time at which to check the outcome.
    pub check_at: Option<Timestamp>,
    /// With [`Progress::Queued`]: when to retry the busy carrier. Enqueue the retry's job before this write.
    pub retry_at: Option<Timestamp>,
    /// With [`Progress::Queued`]: index of the channel to retry from.
    pub channel_index: Option<u8>,
    /// Removes this history entry instead of appending a new one.
    pub remove_history_entry: Option<usize>,
}

impl OutcomeUpdate {
    /// Returns an update that sets only the progress, recorded by the claiming execution.
    #[must_use]
    pub fn new(claimed_by: ExecutionId, progress: Progress, at: Timestamp) -> Self {
        Self {
            claimed_by,
            execution_id: claimed_by,
            progress,
            at,
            reason: None,
            carrier: None,
            carrier_id: None,
            failed_attempts: Vec::new(),
            refusals: Vec::new(),
            receipt_by: None,
            check_at: None,
            retry_at: None,
            channel_index: None,
            remove_history_entry: None,
        }
    }
}

/// A claimed message's move to its next route candidate.
#[derive(Clone, Debug)]
pub struct Advance {
    pub claimed_by: ExecutionId,
    /// The expected channel index and carrier.
    pub from: (u8, Option<CarrierName>),
    /// The next channel index.
    pub channel_index: u8,
    pub carrier: CarrierName,
    /// Failed attempts since the last write.
    pub failed_attempts: Vec<Attempt>,
}

/// A message's move from a failed channel to the next.
#[derive(Clone, Debug)]
pub struct FailOver {
    /// Index of the failed channel.
    pub channel_index: u8,
    /// The expected execution ID, if we fail over because of that execution's outcome. `None` after a
    /// receipt, because then any execution may have written last.
    pub expected_execution_id: Option<ExecutionId>,
    pub execution_id: ExecutionId,
    pub at: Timestamp,
    pub attempt: Attempt,
}

/// A new submit for a message with an unknown outcome.
#[derive(Clone, Debug)]
pub struct Resend {
    /// The expected execution ID: its submit has the unknown outcome.
    pub expected_execution_id: ExecutionId,
    pub execution_id: ExecutionId,
    pub at: Timestamp,
    pub attempt: Attempt,
}

/// The result of recording a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptInsertion {
    /// Recorded by this execution.
    New,
    /// A receipt with this status was recorded before, or this is a *sent* for an earlier channel.
    Duplicate,
    /// The message does not exist or was never claimed.
    NoMessage,
}

/// A record for which the schedule enqueues a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduledWork {
    Message(MessageId),
    /// A receipt or reply to match again.
    Unmatched(UnmatchedId),
    /// A later release's record, by key.
    Unknown(String),
}

/// Scheduled work that is due now or soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueWork {
    pub work: ScheduledWork,
    /// The account of a message.
    pub account: Option<AccountId>,
    pub lane: Lane,
    pub wake_at: Timestamp,
    pub shard: u8,
}

/// A message whose progress is queued or submitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    pub message: MessageId,
    pub account: AccountId,
    pub lane: Lane,
    /// The line on which it waits for a send slot.
    pub line: Option<Line>,
    pub wake_at: Option<Timestamp>,
    /// When a busy carrier is retried.
    pub retry_at: Option<Timestamp>,
}
