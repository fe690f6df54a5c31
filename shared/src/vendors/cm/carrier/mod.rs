//! The CM.com carrier: the JSON gateway of the page "Business Messaging API", status reports and replies.
//!
//! `submit.rs` writes a message, `post.rs` posts it, and `answer.rs` reads the outcome.

mod answer;
mod content;
mod post;
#[cfg(test)]
mod post_tests;
pub mod receipt;
mod receipt_xml;
pub mod reply;
mod standard_errors;
pub mod submit;
