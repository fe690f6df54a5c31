//! The simulated carriers: two doors to one [`Network`](super::network). Each
//! is a file or folder with how it takes submits, and how it writes receipts and
//! replies. None of it shares code with the gateway, so that a mistake in reading
//! a carrier's document shows.

mod cm;
mod loopback;

use std::sync::Arc;

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::channels::Channel;
use super::network::Network;
use super::phone::Phone;
use super::webhooks::{self, Webhook, Webhooks};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Carrier {
    Loopback,
    Cm,
}

/// A message that was handed to a carrier, well formed.
pub(super) struct Submit {
    pub(super) carrier: Carrier,
    /// The gateway's name for it; empty if it gave none.
    pub(super) reference: String,
    /// As a phone shows it.
    pub(super) from: String,
    pub(super) to: Phone,
    pub(super) channel: Channel,
    pub(super) text: String,
    /// What the channel shows in place of the text, as the carrier got it.
    pub(super) content: Option<Value>,
    pub(super) groupings: [String; 3],
}

/// A submit that its carrier took, and the carrier's name for it.
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

/// A receipt (DLR): what the network says of a message.
pub(super) struct Receipt<'a> {
    pub(super) accepted: &'a AcceptedSubmit,
    pub(super) status: Status,
    pub(super) at: Timestamp,
}

/// A reply (MO): what a phone wrote.
pub(super) struct Reply {
    pub(super) id: String,
    pub(super) from: Phone,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) at: Timestamp,
    /// The newest message of that sender to that phone.
    pub(super) answers: Option<Arc<Submit>>,
}

impl Reply {
    /// It goes back the way by which the message came.
    fn carrier(&self) -> Carrier {
        self.answers.as_ref().map_or(Carrier::Loopback, |message| message.carrier)
    }

    fn channel(&self) -> Channel {
        self.answers.as_ref().map_or(Channel::Sms, |message| message.channel)
    }
}

/// How the carriers tell the gateway: each at its own webhooks, in its own words.
pub(super) struct Carriers {
    loopback: Arc<Webhooks>,
    loopback_ids: Arc<loopback::IdSettings>,
    cm: Arc<Webhooks>,
}

impl Carriers {
    pub(super) fn new(client: &reqwest::Client, stopping: &CancellationToken) -> Self {
        let webhooks = || Arc::new(Webhooks::new(client.clone(), stopping.clone()));
        Self { loopback: webhooks(), loopback_ids: Arc::default(), cm: webhooks() }
    }

    /// Returns when the gateway has taken it, or the emulator stops.
    pub(super) async fn deliver_receipt(&self, receipt: &Receipt<'_>) {
        let carrier = receipt.accepted.submit.carrier;
        let event = match carrier {
            Carrier::Loopback => loopback::receipt(receipt, &self.loopback_ids),
            Carrier::Cm => cm::status_report(receipt),
        };
        self.webhooks(carrier).deliver(Webhook::Receipts, &receipt.accepted.id, &event).await;
    }

    /// Likewise.
    pub(super) async fn deliver_reply(&self, reply: &Reply) {
        let carrier = reply.carrier();
        let event = match carrier {
            Carrier::Loopback => loopback::reply(reply),
            Carrier::Cm => cm::reply(reply),
        };
        self.webhooks(carrier).deliver(Webhook::Replies, &reply.id, &event).await;
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
