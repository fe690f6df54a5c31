//! Vendors, a folder each. `dialect/` serves clients that speak the vendor's format; `carrier/` is the
//! connector that submits through the vendor. Both share the files beside them. No vendor uses another.

pub mod cm;
mod connector;
pub mod cymba;
mod dialect_format;
pub mod loopback;
pub mod messangi;
pub mod mta;
mod session;
#[cfg(test)]
mod testing;
mod webhook_setup;

pub use connector::Webhook;
pub(crate) use connector::{Connection, Connector, below};
pub(crate) use dialect_format::DialectFormat;
pub use session::Sessions;
pub(crate) use session::{LoginError, SessionKey};
pub use webhook_setup::{WebhookCall, WebhookSetupError};
pub(crate) use webhook_setup::{WebhookTarget, WebhookTargets};
