//! CM.com's formats, for our clients that speak them and for CM.com as a carrier. JSON keys and XML names
//! match in any case.

pub mod carrier;
pub(crate) mod caseless;
pub mod dialect;
pub(crate) mod xml;
