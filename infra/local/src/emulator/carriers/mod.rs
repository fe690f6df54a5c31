//! The simulated carriers in front of the [`Network`](super::network). Each parses submits, and writes
//! receipts and replies, in its own format. They share no code with the gateway's connectors, so that a
//! misread vendor document shows.

mod cm;
mod loopback;

use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;
use shared::domain::SubmitReference;
use strum::IntoStaticStr;
use tokio_util::sync::CancellationToken;

use super::channels::Channel;
use super::network::Network;
use super::phone::Phone;
use super::webhooks::{self, EventNames, Webhook, Webhooks};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub(super) enum Carrier {
    Loopback,
    Cm,
}

/// A valid message as submitted to a carrier.
pub(super) struct Submit {
    pub(super) carrier: Carrier,
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
}

impl Submit {
    /// Returns the message ID as the gateway's log has it, or the reference unchanged if it has another
    /// format.
    pub(super) fn message_id(&self) -> String {
        message_id(&self.reference)
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Sent,
    Delivered,
    Undelivered,
}

/// A receipt (DLR).
pub(super) struct Receipt<'a> {
    pub(super) accepted: &'a AcceptedSubmit,
    pub(super) status: Status,
    pub(super) at: Timestamp,
}

/// A reply (MO).
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) from: Phone,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) at: Timestamp,
    /// The message that this answers: the newest from `to` to `from`.
    pub(super) answers: Option<Arc<Submit>>,
}

impl Reply {
    /// Returns the answered message's carrier, or loopback.
    pub(super) fn carrier(&self) -> Carrier {
        self.answers.as_ref().map_or(Carrier::Loopback, |message| message.carrier)
    }

    fn channel(&self) -> Channel {
        self.answers.as_ref().map_or(Channel::Sms, |message| message.channel)
    }
}

/// Delivers receipts and replies to each carrier's webhooks, in the carrier's format.
pub(super) struct Carriers {
    loopback: Arc<Webhooks>,
    loopback_ids: Arc<loopback::IdSettings>,
    cm: Arc<Webhooks>,
}

impl Carriers {
    pub(super) fn new(client: &reqwest::Client, stopping: &CancellationToken) -> Self {
        let webhooks = |carrier| Arc::new(Webhooks::new(carrier, client.clone(), stopping.clone()));
        Self { loopback: webhooks(Carrier::Loopback), loopback_ids: Arc::default(), cm: webhooks(Carrier::Cm) }
    }

    /// Delivers a receipt; returns once the gateway accepted it or the emulator stops.
    pub(super) async fn deliver_receipt(&self, receipt: &Receipt<'_>) {
        let carrier = receipt.accepted.submit.carrier;
        let event = match carrier {
            Carrier::Loopback => loopback::receipt(receipt, &self.loopback_ids),
            Carrier::Cm => cm::status_report(receipt),
        };
        let names = EventNames {
            webhook: Webhook::Receipts,
            id: &receipt.accepted.id,
            message_id: Some(receipt.accepted.submit.message_id()),
        };
        self.webhooks(carrier).deliver(&names, &event).await;
    }

    /// Delivers a reply; returns once the gateway accepted it or the emulator stops.
    pub(super) async fn deliver_reply(&self, reply: &Reply) {
        let carrier = reply.carrier();
        let event = match carrier {
            Carrier::Loopback => loopback::reply(reply),
            Carrier::Cm => cm::reply(reply),
        };
        let message_id = reply.answers.as_ref().map(|message| message.message_id());
        let names = EventNames { webhook: Webhook::Replies, id: &reply.id, message_id };
        self.webhooks(carrier).deliver(&names, &event).await;
    }

    fn webhooks(&self, carrier: Carrier) -> &Webhooks {
        match carrier {
            Carrier::Loopback => &self.loopback,
            Carrier::Cm => &self.cm,
        }
    }
}

pub(super) fn routes(network: &Arc<Network>, carriers: &Carriers) -> Router {
    Router::new()
        .merge(loopback::routes(Arc::clone(network), Arc::clone(&carriers.loopback_ids)))
        .merge(cm::routes(Arc::clone(network)))
        .merge(webhooks::routes("/carrier/webhooks", Arc::clone(&carriers.loopback)))
        .merge(webhooks::routes("/cm/webhooks", Arc::clone(&carriers.cm)))
}
