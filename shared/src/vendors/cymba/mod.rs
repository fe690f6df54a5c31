//! Cymba: the dialect Messaging Plus (`mplus`).

pub mod dialect;
