//! Cymba: the dialect Messaging Plus (`mplus`), and the connector to Messaging Plus.

pub mod carrier;
pub mod dialect;
