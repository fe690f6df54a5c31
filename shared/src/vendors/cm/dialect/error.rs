//! Errors in requests and messages, with the codes and texts from CM.com's tables. Clients look for these
//! texts, so they are verbatim. For errors without a row we use our own text, under the nearest code.
//!
//! These rows never apply here: 102 (balance), "Message is unroutable.", 401 (spam) and 402 (blacklist; we
//! find an opt-out at submit, and a status report reports it).

use strum::IntoStaticStr;

use crate::domain::{FieldError, OutOfRoom, RejectedMessage, Rejection, RejectionReason};

pub(super) const OK: u16 = 0;
/// At least one message was rejected.
pub(super) const SOME: u16 = 201;

/// Why a whole request was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Our own error. The client should retry.
    Unknown,
    NoAccount,
    /// The operator has suspended the account.
    Suspended,
    /// The client should retry later.
    OutOfRoom(OutOfRoom),
    /// A missing or malformed token, as written if it was text.
    InvalidToken(Option<String>),
    InvalidJson,
    InvalidXml,
    WrongType {
        object: &'static str,
        must_be: &'static str,
    },
    TooLarge,
    /// The query is not part of a valid URI.
    InvalidQuery,
    /// The body has a content encoding, such as gzip.
    ContentEncoding,
    /// An invalid header, such as the idempotency key. Every dialect has these headers, and
    /// the parameter for a dry run.
    Header(FieldError),
    NoMessages,
    TooManyMessages,
}

/// Why a message was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageError {
    NoFrom,
    From(String),
    NoTo,
    /// A recipient without a number.
    NoNumber,
    /// The number as written, up to 40 characters.
    NotANumber(String),
    NoBody,
    NoContent,
    Body(String),
    /// Any other field: its name, and the fault.
    Field(&'static str, String),
    /// A parameter of the GET gateway, by name, that cannot be read, and why.
    Parameter(&'static str, String),
    /// An element that a `MSG` may have once, and has more than once.
    Repeated(&'static str),
    WrongType {
        object: &'static str,
        must_be: &'static str,
    },
    Rejected(String),
}

/// A part of a request: an object in JSON, a node in XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub(super) enum Part {
    Object,
    Node,
}

impl RequestError {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::Unknown | Self::OutOfRoom(_) => 999,
            Self::NoAccount | Self::Suspended => 101,
            Self::InvalidToken(_) => 103,
            Self::WrongType { object: "MSG", .. } | Self::NoMessages | Self::TooManyMessages => 203,
            Self::InvalidJson
            | Self::InvalidXml
            | Self::WrongType { .. }
            | Self::TooLarge
            | Self::InvalidQuery
            | Self::ContentEncoding
            | Self::Header(_) => 202,
        }
    }

    pub(super) fn words(&self, part: Part) -> String {
        let part = part.into_str();
        match self {
            Self::Unknown => "Unknown Error".to_owned(),
            Self::NoAccount => "No account found for the given authentication".to_owned(),
            Self::Suspended => "The account is suspended".to_owned(),
            Self::OutOfRoom(error) => format!("{error}; retry later"),
            Self::InvalidToken(_) => "Invalid product token.".to_owned(),
            Self::InvalidJson => "Invalid JSON".to_owned(),
            Self::InvalidXml => "Invalid XML".to_owned(),
            Self::WrongType { object, must_be } => wrong_type(object, must_be),
            Self::TooLarge => "The request is too large".to_owned(),
            Self::InvalidQuery => "The query has a character that must be percent-encoded".to_owned(),
            Self::ContentEncoding => "A Content-Encoding other than identity is not supported".to_owned(),
            Self::Header(error) => format!("{} {}", error.field, error.message),
            Self::NoMessages => format!("A MESSAGES {part} requires at least one MSG {part}"),
            Self::TooManyMessages => format!("A request may hold at most {} messages", super::MOST_MESSAGES),
        }
    }
}

impl MessageError {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::NoFrom | Self::From(_) | Self::WrongType { object: "FROM", .. } | Self::Repeated("FROM") => 301,
            Self::NoTo | Self::WrongType { object: "TO", .. } => 302,
            Self::NoNumber | Self::NotANumber(_) | Self::WrongType { object: "NUMBER", .. } => 303,
            Self::NoBody
            | Self::NoContent
            | Self::Body(_)
            | Self::Repeated("BODY")
            | Self::WrongType { object: "BODY" | "CONTENT" | "TYPE", .. } => 304,
            Self::Field(..) | Self::Parameter(..) | Self::Repeated(_) | Self::WrongType { .. } => 305,
            Self::Rejected(_) => 403,
        }
    }

    pub(super) fn words(&self, part: Part) -> String {
        match self {
            Self::NoFrom => format!("No FROM field found in a MSG {}.", part.into_str()),
            Self::From(why) => format!("The FROM field {why}."),
            Self::NoTo | Self::NoNumber if part == Part::Node => {
                "No phone numbers found. Message will not be sent.".to_owned()
            }
            Self::NoTo | Self::NoNumber => "Empty mobilenumber field, MT ignored".to_owned(),
            Self::NotANumber(written) => format!("Rejected: Gsm '{written}' is not a number."),
            Self::NoBody => "No body field was found".to_owned(),
            Self::NoContent => "A body without content was found".to_owned(),
            Self::Body(why) => format!("The BODY field {why}."),
            Self::Field(name, why) => format!("The {name} field {why}."),
            Self::Parameter(name, why) => format!("The parameter {name} {why}."),
            Self::Repeated(name) => format!("The {name} field is there more than once."),
            Self::WrongType { object, must_be } => wrong_type(object, must_be),
            Self::Rejected(why) => format!("Rejected: {why}."),
        }
    }
}

fn wrong_type(object: &str, must_be: &str) -> String {
    format!("{object} object is an invalid type, must be {must_be}")
}

impl From<&RejectedMessage> for MessageError {
    fn from(rejected: &RejectedMessage) -> Self {
        Self::of(rejected.reason, &rejected.error)
    }
}

impl MessageError {
    /// Converts an error found after parsing. `NotOwned` concerns the sender. The other reasons concern no
    /// field of this dialect, because it has neither message IDs, nor shared senders, nor send times.
    fn of(reason: RejectionReason, error: &FieldError) -> Self {
        match reason {
            RejectionReason::NotOwned => Self::From(error.message.clone()),
            RejectionReason::Conflict | RejectionReason::Unacceptable => {
                Self::Rejected(format!("{} {}", error.field, error.message))
            }
        }
    }

    /// Returns a rejection's first error, or `None` if it has none.
    #[must_use]
    pub fn of_rejection(rejection: &Rejection) -> Option<Self> {
        rejection.errors.first().map(|error| Self::of(rejection.reason, error))
    }
}
