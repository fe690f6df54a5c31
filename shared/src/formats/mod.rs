//! Formats that several vendors share: queries and JSON from clients, webhooks and their signatures, XML, SMPP
//! receipts, HTTP answers, and tables of codes.

pub(crate) mod bom;
pub(crate) mod caseless;
pub(crate) mod codes;
pub(crate) mod field;
pub(crate) mod http;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod query;
pub(crate) mod signature;
pub(crate) mod smpp;
pub(crate) mod text_cost;
pub(crate) mod webhook_json;
pub(crate) mod xml;
