//! Vendors, a folder each. `dialect/` serves clients that speak the vendor's format; `carrier/` is the
//! connector that submits through the vendor. Both share the files beside them. No vendor uses another.

pub mod cm;
pub mod cymba;
pub mod loopback;
