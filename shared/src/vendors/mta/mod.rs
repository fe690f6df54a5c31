//! Mobile Text Alerts: the connector to its API v3.

pub mod carrier;
