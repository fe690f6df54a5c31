//! What the gateway talks about, as types.
//!
//! Raw strings stop at [`crate::dialects`] and [`crate::carriers`]; behind them
//! a number is a [`PhoneNumber`] and a text is a [`Text`] with its encoding and
//! segments, each valid since it exists. A [`Message`] is a record of these: what
//! may become of it is guarded by the conditions of the store's writes, which follow
//! from [`Progress::follows`]. Nothing here knows HTTP, DynamoDB or SQS.

mod account;
mod attempt;
mod callback_url;
mod carrier;
mod carrier_event;
mod channel;
mod channel_capability;
mod content;
mod dialect;
mod draft;
mod endpoint;
mod exemption;
mod field_error;
mod id;
mod keyword;
mod keyword_answer;
mod label;
mod message;
mod number;
mod on_unknown;
mod rate;
mod receipt;
mod recipient;
mod rejection;
mod reply;
mod route;
mod sender;
mod state;
mod submission;
mod submit_reference;
mod text;
mod time;
mod unknown_outcome;
mod unmatched;
mod validity;

pub use account::{Account, AccountId, ApiKey, ApiKeyHash, WebhookSecret};
pub use attempt::{Attempt, AttemptOutcome};
pub use callback_url::{CallbackUrl, CallbackUrlError};
pub use carrier::{CarrierName, CarrierSecret, CarrierSettings};
pub(crate) use carrier_event::LONGEST_WORDS;
pub use carrier_event::{CarrierReceipt, CarrierReply, Each, ParseError};
pub use channel::Channel;
pub use channel_capability::ChannelCapability;
pub use content::{
    Action, Bubble, CalendarEvent, Contact, Content, Interactive, InteractiveAction, Language, LanguagePolicy,
    ListPicker, ListRow, ListSection, Location, Media, OAuth2, PickerOption, Point, ReplyButton, Suggestion, Template,
    TimePicker, TimeSlot,
};
pub use dialect::Dialect;
pub use draft::{Draft, SenderChoice};
pub use endpoint::{CircuitState, Disabled, Endpoint, EndpointHealth};
pub use exemption::Exemptions;
pub use field_error::{FieldError, FieldErrorCode};
pub use id::{BatchId, EndpointId, EventId, ExecutionId, IdempotencyKey, MessageId, ReplyId};
pub use keyword::{Keyword, Keywords, Word, WordError, built_in_words};
pub use keyword_answer::KeywordAnswer;
pub use label::{Groupings, LabelError, Reference};
pub use message::{Fingerprint, Message, StateChange};
pub use number::{NumberError, PhoneNumber};
pub use on_unknown::OnUnknown;
pub use rate::{Rate, RateError, Rates};
pub use receipt::{Receipt, ReceiptStatus, Receipts};
pub use recipient::{OptOuts, Recipient};
pub use rejection::{RejectedMessage, Rejection, RejectionReason};
pub use reply::{RepliedTo, Reply};
pub use route::{NumberPrefix, NumberPrefixError, Route, Routes, USUAL_RECEIPT_WITHIN};
pub use sender::{SenderError, SenderId, SenderKind, SenderOwner, SentFrom};
pub use state::{Progress, State};
pub(crate) use submission::LOOKUP_WITHIN;
pub use submission::{LookupOutcome, Outcome, Submission};
pub use submit_reference::SubmitReference;
pub use text::{Encoding, SegmentLimit, Text, TextError};
pub use time::{TimeError, parse_time};
pub use unmatched::{Brought, Unmatched, UnmatchedId, UnmatchedKind};
pub use validity::Validity;

pub use jiff::{SignedDuration, Timestamp};
