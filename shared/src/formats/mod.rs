//! Formats that several vendors share: JSON from clients, webhooks, SMPP receipts, and HTTP answers.

pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod smpp;
pub(crate) mod webhook_json;
