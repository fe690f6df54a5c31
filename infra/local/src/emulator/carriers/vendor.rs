//! The simulated vendors. A vendor is a folder beside this file with a `Simulation`, its `mod` line in
//! `mod.rs`, and a line of [`vendors!`] below.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, Method};
use jiff::Timestamp;
use strum::{EnumString, IntoStaticStr, VariantArray};
use url::Url;
use uuid::Uuid;

use super::connection::Connection;
use super::wire::{Call, Exchange, WireError};
use super::{AcceptedSubmit, Credentials, Receipt, Reply, cm, cymba, loopback, messangi, mta};
use crate::emulator::network::Network;
use crate::emulator::phone::Phone;
use crate::emulator::webhooks::{Webhook, WebhookBody};

/// Where a webhook request goes, and how it is retried.
pub(in crate::emulator) struct Delivery {
    /// The address is a secret, because it contains a token.
    pub(in crate::emulator) address: Url,
    /// `None` for retries without end.
    pub(in crate::emulator) most_retries: Option<u32>,
    /// Whether only status 200 counts as a success, rather than any 2xx.
    pub(in crate::emulator) only_status_200: bool,
}

impl Delivery {
    /// Returns a delivery to the connection's address, retried until it succeeds.
    pub(super) fn of(connection: &Connection, webhook: Webhook) -> Self {
        Self { address: connection.address(webhook).clone(), most_retries: None, only_status_200: false }
    }
}

/// A simulated vendor's routes and formats.
pub(super) trait SimulatedVendor: Send + Sync {
    /// Returns the vendor's routes, which are served below `/{vendor}`.
    fn routes(self: Arc<Self>, network: Arc<Network>) -> Router;

    /// Returns a new ID for an accepted message.
    fn new_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    /// Returns the body of a receipt to the registered address, or to one of the submit's own callbacks. Returns
    /// `None` if the vendor does not report this status.
    fn receipt(&self, receipt: &Receipt<'_>, callback: Option<&Url>) -> Option<WebhookBody>;

    /// Splits a reply into what the vendor posts in one request each.
    fn parts(&self, reply: &Reply) -> Vec<Reply> {
        vec![reply.clone()]
    }

    fn reply(&self, reply: &Reply, connection: &Connection) -> WebhookBody;

    /// Notes a reply to the connection, once, before its delivery.
    fn note_reply(&self, _: &Reply, _: &Connection) {}

    /// Returns how to deliver a connection's webhook, unless the submit names its own address.
    fn delivery(&self, connection: &Connection, webhook: Webhook) -> Delivery {
        Delivery::of(connection, webhook)
    }

    /// Returns the headers that sign a webhook request, sent at this time.
    fn signature(&self, _: &Connection, _: Webhook, _body: &WebhookBody, _at: Timestamp) -> HeaderMap {
        HeaderMap::new()
    }

    /// Returns whether the credentials of a submit are those of a connection.
    fn authorizes(&self, registered: &Credentials, presented: &Credentials) -> bool {
        registered == presented
    }

    /// Returns what a request to this path below `/{vendor}` is.
    fn call(&self, method: &Method, path: &str) -> Option<Call>;

    /// Returns the submits that a request and its answer show as accepted.
    ///
    /// # Errors
    /// If the request or the answer is not in the vendor's format.
    fn accepted(&self, exchange: &Exchange<'_>) -> Result<Vec<(AcceptedSubmit, Option<Credentials>)>, WireError>;
}

/// Takes a line for each vendor: its variant, its folder, and the first digits of its phones. A reply that
/// answers no message goes to the vendor of the phone's digits, or else to loopback.
macro_rules! vendors {
    ($($vendor:ident => $folder:ident, [$($digits:literal),*];)+) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, EnumString, VariantArray,
        )]
        #[strum(serialize_all = "lowercase", const_into_str)]
        pub enum Vendor {
            $($vendor),+
        }

        /// The simulation of each vendor.
        #[derive(Default)]
        pub(super) struct Simulations {
            $($folder: Arc<$folder::Simulation>),+
        }

        impl Simulations {
            pub(super) fn of(&self, vendor: Vendor) -> &dyn SimulatedVendor {
                match vendor {
                    $(Vendor::$vendor => &*self.$folder),+
                }
            }

            /// Returns the routes of all vendors.
            pub(super) fn routes(&self, network: &Arc<Network>) -> Router {
                let routes = Router::new();
                $(let routes = routes.nest(
                    concat!("/", stringify!($folder)),
                    Arc::clone(&self.$folder).routes(Arc::clone(network)),
                );)+
                routes
            }
        }

        const PHONE_DIGITS: &[(&str, Vendor)] = &[$($(($digits, Vendor::$vendor),)*)+];
    };
}

vendors! {
    Loopback => loopback, [];
    Cm => cm, ["4479992"];
    Cymba => cymba, ["4479991"];
    Messangi => messangi, ["4479994"];
    Mta => mta, ["4479993"];
}

impl Vendor {
    /// Returns the vendor that delivers a phone's replies to no message.
    pub(super) fn of_phone(phone: &Phone) -> Self {
        let of_digits = PHONE_DIGITS.iter().find(|(digits, _)| phone.digits().starts_with(digits));
        of_digits.map_or(Self::Loopback, |(_, vendor)| *vendor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_belongs_to_the_vendor_of_its_digits() {
        for (number, vendor) in [
            ("447999200001", Vendor::Cm),
            ("447999100001", Vendor::Cymba),
            ("447999400001", Vendor::Messangi),
            ("447999300001", Vendor::Mta),
            ("447999900001", Vendor::Loopback),
            ("447700900001", Vendor::Loopback),
        ] {
            assert_eq!(Vendor::of_phone(&Phone::parse(number).unwrap()), vendor, "{number}");
        }
    }

    /// The macro takes a vendor's path from its folder, and callers from the vendor's name.
    #[test]
    fn folder_has_the_name_of_its_vendor() {
        for vendor in Vendor::VARIANTS {
            assert_eq!(vendor.into_str().parse(), Ok(*vendor));
            let routes = format!("src/emulator/carriers/{}/mod.rs", vendor.into_str());
            assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(routes).exists(), "{vendor:?}");
        }
    }
}
