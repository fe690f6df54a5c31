//! Send slots: which messages wait for the slots of a sender with a rate limit, and which dealer gives the slots out.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Lease, StoreError};
use crate::domain::{ExecutionId, Line, MessageId, SenderId};

/// A sender's record. Empty if the sender never had a message on a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendSlots {
    /// When the next slot begins, to the microsecond.
    pub free_at: Option<Timestamp>,
    /// How often messages have joined a line.
    pub joins: u64,
    /// How many dealers the sender has had.
    pub dealers: u64,
    /// The dealer, and when its lease ends. If the lease has ended, the dealer died.
    pub dealer: Option<(ExecutionId, Timestamp)>,
    /// The dealer's job.
    pub job: Option<ExecutionId>,
    /// How many messages wait on each line. Approximate: after a crash, a line may have more or fewer messages.
    pub waiting: HashMap<Line, i64>,
}

impl SendSlots {
    /// Returns whether a dealer has the lease.
    #[must_use]
    pub fn has_dealer(&self, now: Timestamp) -> bool {
        self.dealer.is_some_and(|(_, until)| until > now)
    }
}

/// A message on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineEntry {
    pub message: MessageId,
    /// The position on the line, in microseconds.
    pub line_at: i64,
}

/// What a dealer leaves when it gives its lease back.
#[derive(Clone, Debug)]
pub struct DealEnd {
    pub dealer: ExecutionId,
    pub free_at: Timestamp,
    /// How many messages have left each line.
    pub left: HashMap<Line, i64>,
    /// The lines without messages, and the number of joins seen by the dealer. The dealer's counts are wrong if there
    /// were others.
    pub empty: Vec<Line>,
    pub joins: u64,
}

/// The result of giving a lease back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEnd {
    GivenBack,
    /// Messages have joined meanwhile, so the lease goes on.
    Joined,
    /// Another dealer has the lease.
    Lost,
}

/// Send slots and lines.
pub trait SendSlotStore {
    /// Returns a sender's record.
    async fn send_slots(&self, sender: &SenderId, consistent: bool) -> Result<SendSlots, StoreError>;

    /// Counts stored messages on lines of the sender. Returns the record afterwards.
    ///
    /// # Errors
    /// If AWS did not answer. The messages may be counted all the same, or twice.
    async fn join_lines(
        &self,
        sender: &SenderId,
        joined: &HashMap<Line, i64>,
        now: Timestamp,
    ) -> Result<SendSlots, StoreError>;

    /// Counts out a message, without a dealer.
    async fn leave_line(&self, line: &Line) -> Result<(), StoreError>;

    /// Takes the lease, unless another dealer has taken it since the record was found. Returns whether it did.
    async fn lease_send_slots(
        &self,
        sender: &SenderId,
        job: ExecutionId,
        found: &SendSlots,
        lease: Lease,
    ) -> Result<bool, StoreError>;

    /// Gives the lease back, unless messages have joined unseen by the dealer. Removes the empty lines.
    async fn end_if_none_joined(&self, sender: &SenderId, end: &DealEnd) -> Result<LeaseEnd, StoreError>;

    /// Gives the lease back.
    async fn end_lease(&self, sender: &SenderId, end: &DealEnd) -> Result<LeaseEnd, StoreError>;

    /// Counts messages out, after the lease was given back.
    async fn left_lines(&self, sender: &SenderId, left: &HashMap<Line, i64>) -> Result<(), StoreError>;

    /// Returns up to `limit` messages on a line, the first first, starting after `after`. Eventually consistent.
    async fn line_page(&self, line: &Line, after: Option<LineEntry>, limit: u16) -> Result<Vec<LineEntry>, StoreError>;
}
