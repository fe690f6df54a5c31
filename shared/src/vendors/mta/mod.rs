//! Mobile Text Alerts (MTA): the dialect `mta`.

pub mod dialect;
