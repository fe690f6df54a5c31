//! Vendors: a folder each. `dialect/` is the vendor's request format as clients of the gateway speak it, `carrier/` the
//! connector that submits through the vendor. Beside these lies what both share. No vendor uses another.

pub mod cm;
pub mod cymba;
pub mod loopback;
