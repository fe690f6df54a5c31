//! The vendors' formats without a running emulator, for a proxy between the gateway and the vendors.

use std::fmt;

use axum::http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use url::Url;

use super::vendor::Simulations;
use super::{AcceptedSubmit, Receipt};

pub use super::{Credentials, Status, Vendor};
pub use crate::emulator::webhooks::WebhookBody;

/// A request of the gateway to a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Submit,
    /// Asks for a key, which later submits bear.
    Login,
    /// Asks for the outcome of a submit.
    Lookup,
}

/// A submit request and its answer.
pub struct Exchange<'a> {
    /// The path of the request, with its query.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub request: &'a [u8],
    pub status: StatusCode,
    pub answer: &'a [u8],
}

#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("the request is not in the vendor's format: {0}")]
    Request(String),
    #[error("the answer is not in the vendor's format: {0}")]
    Answer(String),
}

/// Returns the vendor and the kind of a request by its path, or `None` if it is none of these.
pub fn call(method: &Method, path: &str) -> Option<(Vendor, Call)> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let (vendor, _) = path.strip_prefix('/')?.split_once('/')?;
    let below = &path[1 + vendor.len()..];
    let vendor = vendor.parse().ok()?;
    Simulations::default().of(vendor).call(method, below).map(|call| (vendor, call))
}

/// Returns the submits that the vendor accepted, in the request's order; none if it rejected the request.
///
/// # Errors
/// If the request or the answer is not in the vendor's format.
pub fn accepted(vendor: Vendor, exchange: &Exchange<'_>) -> Result<Vec<Submit>, WireError> {
    if !exchange.status.is_success() {
        return Ok(Vec::new());
    }
    let accepted = Simulations::default().of(vendor).accepted(exchange)?;
    Ok(accepted.into_iter().map(|(accepted, credentials)| Submit { accepted, credentials }).collect())
}

/// An accepted submit.
#[derive(Clone)]
pub struct Submit {
    accepted: AcceptedSubmit,
    credentials: Option<Credentials>,
}

impl Submit {
    pub fn vendor(&self) -> Vendor {
        self.accepted.submit.vendor
    }

    /// Returns the credentials in the request, which identify the connection.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Returns whether the submit belongs to the connection with these credentials. It bears them, or a key that the
    /// vendor issued for them, perhaps expired.
    pub fn is_authorized_by(&self, registered: Option<&Credentials>) -> bool {
        match (registered, self.credentials()) {
            (Some(registered), Some(presented)) => {
                Simulations::default().of(self.vendor()).authorizes(registered, presented)
            }
            (registered, presented) => registered == presented,
        }
    }

    /// Returns the gateway's reference.
    pub fn reference(&self) -> &str {
        &self.accepted.submit.reference
    }

    /// Returns the sender as the request names it: a number without `+` or `00`, a name, or the vendor's ID.
    pub fn from(&self) -> &str {
        &self.accepted.submit.from
    }

    /// Returns the recipient's digits.
    pub fn to(&self) -> &str {
        self.accepted.submit.to.digits()
    }

    /// Returns the addresses that the submit names for its receipts. Without any, a vendor with addresses in
    /// submits delivers no receipt, and any other vendor uses the connection's registered address.
    pub fn callbacks(&self) -> &[Url] {
        self.accepted.submit.callbacks()
    }

    /// Returns the body of a receipt, to the first of the callbacks if there are any. Returns `None` if the vendor
    /// does not report this status.
    pub fn receipt(&self, status: Status, at: Timestamp) -> Option<WebhookBody> {
        let receipt = Receipt { accepted: &self.accepted, status, at };
        Simulations::default().of(self.vendor()).receipt(&receipt, self.callbacks().first())
    }
}

/// Shows no number, no credentials, and no callback, which contains a token.
impl fmt::Debug for Submit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submit").field("vendor", &self.vendor()).field("reference", &self.reference()).finish()
    }
}
