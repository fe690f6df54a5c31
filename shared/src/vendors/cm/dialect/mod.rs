//! CM.com, as the page "Business Messaging API" describes it: a JSON gateway, an
//! XML gateway and one for HTTP GET. Where the page is silent, the choice is ours
//! and the place says so.
//!
//! The three read what a client wrote into the same [`message::Fields`], which
//! are validated in one place. The JSON gateway judges each message by itself;
//! the other two refuse a request for any fault in it.

mod channel_rules;
mod content;
pub mod error;
pub mod event;
mod interactive;
mod message;
pub mod query;
pub mod request;
pub mod response;
mod validity;
pub mod xml;

#[cfg(test)]
pub(crate) use content::read as read_content;
pub use message::{ParsedMessage, ReadContext};

/// The header that may bear the product token.
pub const TOKEN_HEADER: &str = "x-cm-producttoken";
/// The most messages that one request may make.
pub const MOST_MESSAGES: usize = 1000;
