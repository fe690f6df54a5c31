//! Changes of a message: what a run expects to find, what it writes, and what
//! became of it.

use jiff::Timestamp;

use crate::domain::{Attempt, CarrierName, ExecutionId, Message, MessageId, Progress, UnmatchedId};

/// What became of writing a message under an id that its client chose.
#[derive(Debug)]
pub enum Insertion {
    New,
    /// The id was there before, with this message.
    Existing(Box<Message>),
}

/// What became of a change that expects the message to be in a certain state.
#[derive(Debug)]
pub enum Change {
    /// Made, now or by an earlier try of this same run. The message as it is now.
    Applied(Box<Message>),
    /// The message was not as expected, but like this.
    Conflict(Box<Message>),
    /// There is no such message.
    NotFound,
}

/// The right of one run to submit a message until its lease is over.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    pub execution_id: ExecutionId,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// What a run that held a message found out.
#[derive(Clone, Debug)]
pub struct OutcomeUpdate {
    /// The run that holds the message.
    pub claimed_by: ExecutionId,
    /// The execution that records it: as a rule the same.
    pub execution_id: ExecutionId,
    pub progress: Progress,
    pub at: Timestamp,
    pub reason: Option<String>,
    pub carrier: Option<CarrierName>,
    pub carrier_id: Option<String>,
    /// The attempts that failed since the record was written.
    pub failed_attempts: Vec<Attempt>,
    /// With [`Progress::Submitted`] and [`Progress::Unknown`]: until when a
    /// receipt is waited for.
    pub receipt_by: Option<Timestamp>,
    /// With [`Progress::Unknown`]: when it is looked at before that.
    pub check_at: Option<Timestamp>,
    /// With [`Progress::Queued`]: when the carrier is asked again. A job must be
    /// enqueued for then before this is written.
    pub retry_at: Option<Timestamp>,
    /// With [`Progress::Queued`]: the place of the first channel that is asked again.
    pub channel_index: Option<u8>,
    /// Instead of noting this in the history, take out the entry at this index.
    pub remove_history_entry: Option<usize>,
}

impl OutcomeUpdate {
    /// Returns an update by the execution that claimed the message, with nothing but the progress.
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
            receipt_by: None,
            check_at: None,
            retry_at: None,
            channel_index: None,
            remove_history_entry: None,
        }
    }
}

/// A run that holds a message goes on with it to another carrier.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The run that holds the message.
    pub claimed_by: ExecutionId,
    /// The place of the channel, and the carrier, that it was at.
    pub from: (u8, Option<CarrierName>),
    /// The place of the channel that it is at now.
    pub channel_index: u8,
    pub carrier: CarrierName,
    /// The attempts that failed since the record was written.
    pub failed_attempts: Vec<Attempt>,
}

/// Moves a message on from a failed channel to the next.
#[derive(Clone, Debug)]
pub struct FailOver {
    /// Its place.
    pub channel_index: u8,
    /// The record must still have this execution id, if what it said is the reason. None where
    /// a receipt is, whoever wrote last.
    pub expected_execution_id: Option<ExecutionId>,
    /// The run that says so.
    pub execution_id: ExecutionId,
    pub at: Timestamp,
    pub attempt: Attempt,
}

/// A submit without an answer is made again.
#[derive(Clone, Debug)]
pub struct Resend {
    /// The run whose outcome is unknown: the record must still have its id.
    pub expected_execution_id: ExecutionId,
    /// The run that says so.
    pub execution_id: ExecutionId,
    pub at: Timestamp,
    pub attempt: Attempt,
}

/// What became of recording a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptInsertion {
    /// It is on record, and this run put it there.
    New,
    /// Its like was on record before.
    Duplicate,
    /// No message of that id has been handed to a carrier.
    NoMessage,
}

/// Work that the schedule enqueues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScheduledWork {
    Message(MessageId),
    /// To be tried again.
    Unmatched(UnmatchedId),
    /// Something of a later release, by its key.
    Unknown(String),
}

/// What has come to its time, or nearly so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueWork {
    pub work: ScheduledWork,
    pub wake_at: Timestamp,
    pub shard: u8,
}

/// A message that is to be sent now or was being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    pub message: MessageId,
    pub not_before: Option<Timestamp>,
    pub wake_at: Option<Timestamp>,
    /// When a busy carrier is asked again.
    pub retry_at: Option<Timestamp>,
}
