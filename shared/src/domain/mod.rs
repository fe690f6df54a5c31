//! What the gateway talks about, as types.
//!
//! Raw strings stop at [`crate::dialects`] and [`crate::carriers`]; behind them
//! a number is a [`PhoneNumber`] and a text is a [`Text`] with its encoding and
//! segments, each valid since it exists. A [`Message`] is a record of these: what
//! may become of it is guarded by the conditions of the store's writes, which follow
//! from [`Progress::follows`]. Nothing here knows HTTP, DynamoDB or SQS.

mod account;
mod address;
mod consent;
mod content;
mod endpoint;
mod message;
mod routing;

pub use account::*;
pub use address::*;
pub use consent::*;
pub use content::*;
pub use endpoint::*;
pub use message::*;
pub use routing::*;

pub use jiff::{SignedDuration, Timestamp};
