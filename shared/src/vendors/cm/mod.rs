//! CM.com's formats, for our clients that speak them and for CM.com as a carrier. JSON keys and XML names
//! match in any case.

mod capability;
pub mod carrier;
mod channel_name;
pub mod dialect;
