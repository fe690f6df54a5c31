//! Vendors, a folder each. `dialect/` is the vendor's request format, as clients speak it; `carrier/` is the
//! connector that submits through the vendor. Both share the files beside them. No vendor uses another.

pub mod cm;
pub mod cymba;
pub mod loopback;
