//! Messangi: the connector to its SMS API.

pub mod carrier;
