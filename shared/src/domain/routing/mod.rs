//! Routing: vendors, carriers, dialects, routes, lanes, and the rate limits and lines of senders.

mod carrier;
mod dialect;
mod lane;
mod line;
mod rate;
mod route;
mod route_name;
mod vendor;

pub use carrier::{Carrier, CarrierName, CarrierNameError, CarrierSecret, CarrierSettings, SenderTable};
pub use dialect::{CallbackTarget, Dialect};
pub use lane::{Lane, Lanes};
pub use line::{Line, OutOfRoom};
pub use rate::{Rate, RateError, Rates};
pub use route::{DEFAULT_RECEIPT_TIMEOUT, NumberPrefix, NumberPrefixError, Route, Routes};
pub use route_name::{RouteName, RouteNameError};
pub use vendor::{CredentialPart, Credentials, SettingError, TextLimitError, Vendor, VendorProfile};
