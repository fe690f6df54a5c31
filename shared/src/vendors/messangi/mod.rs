//! Messangi: the connector to its SMS API, and the dialect `messangi`.

pub mod carrier;
pub mod dialect;
