//! Mobile Text Alerts (MTA): the connector to its SMS API, and the dialect `mta`.

pub mod carrier;
pub mod dialect;
