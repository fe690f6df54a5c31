//! Formats that several vendors share: JSON as clients write it, webhooks, SMPP receipts, and the answers of HTTP.

pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod smpp;
pub(crate) mod webhook_json;
