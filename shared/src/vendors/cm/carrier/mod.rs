//! CM.com, as the page "Business Messaging API" describes its JSON gateway, its
//! status reports and its replies.
//!
//! Submits that are under way at the same time go out in one request
//! (`submit.rs` writes each, `post.rs` posts them, `answer.rs` reads what became of
//! each).

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
