//! Routing: carriers, dialects, routes and the rate limits of senders.

mod carrier;
mod dialect;
mod rate;
mod route;

pub use carrier::{CarrierName, CarrierSecret, CarrierSettings};
pub use dialect::Dialect;
pub use rate::{Rate, RateError, Rates};
pub use route::{DEFAULT_RECEIPT_TIMEOUT, NumberPrefix, NumberPrefixError, Route, Routes};
