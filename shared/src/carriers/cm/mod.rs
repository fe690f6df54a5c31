//! CM.com, as the page "Business Messaging API" describes its JSON gateway, its
//! status reports and its replies.

pub mod receipt;
pub mod reply;
pub mod submit;
