//! Messages: from the draft that a client posts to the receipts and replies that a carrier reports.

#![expect(clippy::module_inception, reason = "the type that the group is named after has a file of its own")]

mod attempt;
mod batch;
mod carrier_event;
mod draft;
mod field_error;
mod id;
mod label;
mod message;
mod receipt;
mod receipt_details;
mod refusals;
mod rejection;
mod reply;
mod request_number;
mod state;
mod submission;
mod submit_reference;
mod time;
mod unknown_outcome;
mod unmatched;
mod validity;

pub use attempt::{Attempt, AttemptOutcome};
pub use batch::{Batch, CancelledBatch};
pub(crate) use carrier_event::LONGEST_WORDS;
pub use carrier_event::{CarrierReceipt, CarrierReply, ParseError, ParsedItems, ReportedStatus};
pub use draft::{Draft, SenderChoice};
pub use field_error::{FieldError, FieldErrorCode};
pub use id::{BatchId, EndpointId, EventId, ExecutionId, IdempotencyKey, MessageId, ReplyId};
pub use label::{Groupings, LabelError, RecipientLabels, Reference, Tags, TagsError};
pub use message::{Delivery, Fingerprint, Message, MessageRequest, StateChange};
pub use receipt::{Receipt, ReceiptStatus, Receipts};
pub use receipt_details::{CountryCode, DetailError, NetworkCode, OperatorName, Price, ReceiptDetails};
pub use refusals::Refusals;
pub use rejection::{RejectedMessage, Rejection, RejectionReason};
pub use reply::{RepliedTo, Reply};
pub use request_number::RequestNumber;
pub use state::{Progress, State};
pub(crate) use submission::LOOKUP_TIMEOUT;
pub use submission::{LookupOutcome, Outcome, Submission};
pub use submit_reference::SubmitReference;
pub use time::{TimeError, parse_time, saturating_timestamp};
pub use unmatched::{Unmatched, UnmatchedId, UnmatchedKind, WebhookItem};
pub use validity::Validity;
