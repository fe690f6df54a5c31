//! Messangi: the dialect `messangi`.

pub mod dialect;
