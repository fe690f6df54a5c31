//! The simulated carriers in front of the [`Network`](super::network). A carrier is a [`Connection`] of a
//! [`Vendor`]. Each vendor parses submits, and writes receipts and replies, in its own format. The vendors
//! share no code with the gateway's connectors, so that a misread vendor document shows.

mod callback_address;
mod cm;
mod connection;
mod connections;
mod credentials;
mod cymba;
mod loopback;
mod messangi;
mod mta;
mod vendor;
pub mod wire;

use std::sync::Arc;

use axum::Router;
use futures_util::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::domain::SubmitReference;
use strum::{EnumString, IntoStaticStr, VariantArray};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use self::vendor::Simulations;
use super::channels::Channel;
use super::clock::EmulatorClock;
use super::network::Network;
use super::phone::Phone;
use super::transit::Transit;
use super::webhooks::{EventNames, Webhook, WebhookRequest, Webhooks};

pub(super) use self::connection::{Connection, ConnectionName};
pub(super) use self::connections::{Connections, Target};
pub use self::credentials::Credentials;
pub(super) use self::vendor::Delivery;
pub use self::vendor::Vendor;

/// A valid message as submitted to a carrier.
pub(super) struct Submit {
    pub(super) vendor: Vendor,
    /// The connection that took the submit. Loopback also takes submits of none.
    pub(super) connection: Option<Arc<Connection>>,
    /// The gateway's reference, or empty.
    pub(super) reference: String,
    /// The sender in the form that a phone shows.
    pub(super) from: String,
    pub(super) to: Phone,
    pub(super) channel: Channel,
    pub(super) text: String,
    /// Rich content as received, shown in place of the text.
    pub(super) content: Option<Value>,
    pub(super) groupings: [String; 3],
    pub(super) receipts: ReceiptAddresses,
    /// The gateway's ID of the recipient, which Messangi's receipts repeat, or empty.
    pub(super) client_id: String,
}

/// Where a submit's receipts go.
pub(super) enum ReceiptAddresses {
    /// To the registered address of the connection.
    Registered,
    /// To the submit's own addresses. If there is none, no receipt is delivered.
    Own(Vec<Url>),
}

impl Submit {
    /// Returns the message ID as the gateway's log has it, or the reference unchanged if it has another
    /// format.
    pub(super) fn message_id(&self) -> String {
        message_id(&self.reference)
    }

    /// Returns the connection's name, for log lines.
    pub(super) fn carrier(&self) -> Option<&str> {
        self.connection.as_ref().map(|connection| connection.name.as_str())
    }

    /// Returns the submit's own addresses for receipts.
    fn callbacks(&self) -> &[Url] {
        match &self.receipts {
            ReceiptAddresses::Registered => &[],
            ReceiptAddresses::Own(callbacks) => callbacks,
        }
    }

    /// Returns the connection of the submit's receipts.
    fn target(&self) -> Target {
        self.connection.as_deref().map_or(Target::FirstOf(self.vendor), Target::of)
    }
}

/// Decodes a reference for log lines only: to carriers and handsets it is opaque.
fn message_id(reference: &str) -> String {
    match reference.parse::<SubmitReference>() {
        Ok(submit) => submit.message.to_string(),
        Err(_) => reference.to_owned(),
    }
}

/// An accepted submit with the carrier's ID.
#[derive(Clone)]
pub(super) struct AcceptedSubmit {
    pub(super) id: String,
    pub(super) submit: Arc<Submit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Status {
    Sent,
    Delivered,
    Undelivered,
    Rejected,
    Expired,
    Read,
}

/// A receipt (DLR).
pub(super) struct Receipt<'a> {
    pub(super) accepted: &'a AcceptedSubmit,
    pub(super) status: Status,
    pub(super) at: Timestamp,
}

/// A file of a reply.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) url: String,
    pub(super) content_type: Option<String>,
    pub(super) name: Option<String>,
}

/// A reply (MO).
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) from: Phone,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) media: Vec<File>,
    pub(super) at: Timestamp,
    /// The message that this answers: the newest from `to` to `from`.
    pub(super) answers: Option<AcceptedSubmit>,
}

impl Reply {
    /// Returns the name of the answered message's connection, for log lines.
    pub(super) fn carrier(&self) -> Option<&str> {
        self.answered().and_then(Submit::carrier)
    }

    fn target(&self) -> Target {
        match self.answered() {
            Some(message) => message.target(),
            None => Target::FirstOrAny(Vendor::of_phone(&self.from)),
        }
    }

    /// Returns the vendor that delivers the reply.
    fn vendor(&self) -> Vendor {
        self.answered().map_or_else(|| Vendor::of_phone(&self.from), |message| message.vendor)
    }

    fn channel(&self) -> Channel {
        self.answered().map_or(Channel::Sms, |message| message.channel)
    }

    /// Returns the submit of the answered message.
    pub(super) fn answered(&self) -> Option<&Submit> {
        self.answers.as_ref().map(|accepted| &*accepted.submit)
    }
}

/// Delivers receipts and replies to the connections' webhooks, or a submit's own, in the vendor's format.
pub(super) struct Carriers {
    clock: Arc<EmulatorClock>,
    connections: Arc<Connections>,
    simulations: Simulations,
    webhooks: Webhooks,
    transit: Transit,
}

impl Carriers {
    pub(super) fn new(clock: Arc<EmulatorClock>, client: &reqwest::Client, stopping: &CancellationToken) -> Self {
        let connections = Arc::<Connections>::default();
        let transit = Transit::default();
        let webhooks = Webhooks::new(Arc::clone(&connections), client.clone(), stopping.clone(), transit.clone());
        Self { clock, connections, simulations: Simulations::default(), webhooks, transit }
    }

    pub(super) fn transit(&self) -> &Transit {
        &self.transit
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Returns a new ID for a message, in the vendor's format.
    pub(super) fn new_id(&self, vendor: Vendor) -> String {
        self.simulations.of(vendor).new_id()
    }

    /// Delivers a receipt to each of its addresses; returns once all accepted it or the emulator stops.
    pub(super) async fn deliver_receipt(&self, receipt: &Receipt<'_>) {
        let submit = &receipt.accepted.submit;
        match &submit.receipts {
            ReceiptAddresses::Registered => self.deliver_receipt_to(receipt, None).await,
            ReceiptAddresses::Own(callbacks) if callbacks.is_empty() => {
                let (carrier, vendor) = (submit.carrier(), submit.vendor.into_str());
                info!(message.id = submit.message_id(), carrier, vendor, "submit asks for no receipts");
            }
            ReceiptAddresses::Own(callbacks) => {
                join_all(callbacks.iter().map(|callback| self.deliver_receipt_to(receipt, Some(callback)))).await;
            }
        }
    }

    async fn deliver_receipt_to(&self, receipt: &Receipt<'_>, callback: Option<&Url>) {
        let submit = &receipt.accepted.submit;
        let simulation = self.simulations.of(submit.vendor);
        let Some(body) = simulation.receipt(receipt, callback) else {
            let (vendor, status) = (submit.vendor.into_str(), receipt.status.into_str());
            return warn!(message.id = submit.message_id(), vendor, status, "vendor does not report this status");
        };
        let names =
            EventNames { webhook: Webhook::Receipts, id: &receipt.accepted.id, message_id: Some(submit.message_id()) };
        let write = |connection: &Connection| {
            let delivery = simulation.delivery(connection, Webhook::Receipts);
            let address = callback.cloned().unwrap_or(delivery.address);
            WebhookRequest {
                delivery: Delivery { address, ..delivery },
                headers: simulation.signature(connection, Webhook::Receipts, &body, self.clock.now()),
                body: body.clone(),
            }
        };
        self.webhooks.deliver(&names, submit.target(), &write).await;
    }

    /// Delivers a reply in as many webhook requests as its vendor needs; returns once the gateway accepted all of
    /// them or the emulator stops.
    pub(super) async fn deliver_reply(&self, reply: &Reply) {
        let simulation = self.simulations.of(reply.vendor());
        if let Some(connection) = self.connections.find(&reply.target()) {
            simulation.note_reply(reply, &connection);
        }
        let parts = simulation.parts(reply);
        join_all(parts.iter().map(|part| self.deliver_part(part))).await;
    }

    async fn deliver_part(&self, reply: &Reply) {
        let message_id = reply.answered().map(Submit::message_id);
        let names = EventNames { webhook: Webhook::Replies, id: &reply.id, message_id };
        let write = |connection: &Connection| {
            let simulation = self.simulations.of(connection.vendor);
            let body = simulation.reply(reply, connection);
            WebhookRequest {
                delivery: simulation.delivery(connection, Webhook::Replies),
                headers: simulation.signature(connection, Webhook::Replies, &body, self.clock.now()),
                body,
            }
        };
        self.webhooks.deliver(&names, reply.target(), &write).await;
    }
}

pub(super) fn routes(network: &Arc<Network>, carriers: &Carriers) -> Router {
    carriers.simulations.routes(network).merge(connections::routes(Arc::clone(&carriers.connections)))
}
