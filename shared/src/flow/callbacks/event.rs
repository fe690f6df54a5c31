//! Event: read the recorded event of a job.

use std::time::Duration;

use http::StatusCode;
use strum::IntoEnumIterator;

use super::destination::Destination;
use crate::{
    callbacks::notice,
    domain::{
        Account, AccountId, CallbackTarget, CallbackUrl, Dialect, EndpointHealth, ExecutionId, Message, ReceiptStatus,
        Reply, State, WebhookEvent,
    },
    flow::{Gateway, Unavailable},
    queue::{CallbackJob, Subject},
    store::{Directory, Freshness, Messages},
};

/// Pauses between reads: a job often comes milliseconds before its record.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(200)];

pub(super) enum CallbackEvent {
    State(Box<Message>, State),
    Reply(Box<Reply>),
    EndpointDisabled(Box<EndpointHealth>),
}

impl CallbackEvent {
    pub(super) fn account(&self) -> &AccountId {
        match self {
            Self::State(message, _) => &message.account,
            Self::Reply(reply) => &reply.account,
            Self::EndpointDisabled(health) => health.endpoint.account(),
        }
    }

    /// Returns the URL for a job with this index, or the account's URL for the event if the dialect has webhooks.
    pub(super) fn url<'a>(&'a self, account: &'a Account, url_index: u8) -> Option<&'a CallbackUrl> {
        match self {
            Self::State(message, _) if message.request.dialect.callback_target() == CallbackTarget::Webhooks => {
                account.status_url.as_ref()
            }
            Self::State(message, _) => message.request.callbacks.get(usize::from(url_index)),
            Self::Reply(_) => account.reply_url.as_ref(),
            Self::EndpointDisabled(_) => account.notice_url.as_ref(),
        }
    }

    pub(super) fn counts_for_endpoint(&self) -> bool {
        !matches!(self, Self::EndpointDisabled(_))
    }

    /// Returns `None` for the gateway's own notices.
    pub(super) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::State(message, _) => Some(message.request.dialect),
            Self::Reply(reply) => Some(reply.dialect),
            Self::EndpointDisabled(_) => None,
        }
    }

    /// Returns whether this is an intermediate state of a finished message.
    pub(super) fn is_overtaken(&self) -> bool {
        match self {
            Self::State(message, state) => !state.is_final() && message.state().is_final(),
            Self::Reply(_) | Self::EndpointDisabled(_) => false,
        }
    }

    /// Returns whether a webhook for this kind of event wants this event.
    pub(super) fn is_of_kind(&self, kind: WebhookEvent) -> bool {
        match (self, kind) {
            (Self::State(..), WebhookEvent::DeliveryStatus) | (Self::Reply(_), WebhookEvent::MessageReply) => true,
            (Self::State(_, state), WebhookEvent::MessageSend) => *state == State::Submitted,
            (Self::Reply(reply), WebhookEvent::NumberOptIn) => reply.opts_in,
            (Self::State(..), WebhookEvent::MessageReply | WebhookEvent::NumberOptIn)
            | (Self::Reply(_), WebhookEvent::DeliveryStatus | WebhookEvent::MessageSend)
            | (Self::EndpointDisabled(_), _) => false,
        }
    }

    /// Returns the body for this destination, or `None` if the dialect has no callback for the state.
    pub(super) fn body(&self, destination: &Destination) -> Option<String> {
        match (self, destination.webhook.as_ref().map(|webhook| webhook.event)) {
            (Self::State(message, _), Some(WebhookEvent::MessageSend)) => message.request.dialect.sent_event(message),
            (Self::State(message, state), _) => message.request.dialect.state_event(message, *state, &destination.url),
            (Self::Reply(reply), Some(WebhookEvent::NumberOptIn)) => reply.dialect.opt_in_event(reply),
            (Self::Reply(reply), _) => Some(reply.dialect.reply_event(reply)),
            (Self::EndpointDisabled(health), _) => Some(notice::endpoint_disabled(health)),
        }
    }

    /// Returns the function that decides by the status whether the client has taken the callback.
    pub(super) fn success_rule(&self) -> fn(StatusCode) -> bool {
        self.dialect().map_or(|status| status.is_success(), Dialect::success_rule)
    }
}

pub(super) enum EventLookup {
    Ours(CallbackEvent),
    Other,
    NotRecorded,
}

pub(super) async fn find_event(
    gateway: &Gateway,
    directory: &Directory,
    job: &CallbackJob,
) -> Result<EventLookup, Unavailable> {
    for pause in PAUSES {
        match read_event(gateway, directory, job).await? {
            EventLookup::NotRecorded => tokio::time::sleep(pause).await,
            found => return Ok(found),
        }
    }
    read_event(gateway, directory, job).await
}

async fn read_event(gateway: &Gateway, directory: &Directory, job: &CallbackJob) -> Result<EventLookup, Unavailable> {
    let (execution_ids, callback_event) = match job.subject {
        Subject::State { message, state } => match gateway.store.message(message, Freshness::Recent).await? {
            Some(message) => (executions_of(&message, state), CallbackEvent::State(Box::new(message), state)),
            None => return Ok(EventLookup::NotRecorded),
        },
        Subject::Reply { reply } => match gateway.store.reply(reply).await? {
            Some(reply) => (vec![reply.execution_id], CallbackEvent::Reply(Box::new(reply))),
            None => return Ok(EventLookup::NotRecorded),
        },
        Subject::EndpointDisabled { endpoint, .. } => match directory.latest_health(endpoint).await? {
            Some(health) => (
                health.disabled.iter().map(|disabled| disabled.execution_id).collect(),
                CallbackEvent::EndpointDisabled(Box::new(health)),
            ),
            None => return Ok(EventLookup::NotRecorded),
        },
    };
    Ok(match execution_ids.as_slice() {
        [] => EventLookup::NotRecorded,
        execution_ids if execution_ids.contains(&job.execution_id) => EventLookup::Ours(callback_event),
        _ => EventLookup::Other,
    })
}

/// Returns the executions that recorded this state, by a receipt or by our own progress. If there are two,
/// both deliver, under one event ID. For example, the carrier rejected the submit in its answer and in a
/// receipt, or reported *sent* before it answered.
pub(in crate::flow) fn executions_of(message: &Message, state: State) -> Vec<ExecutionId> {
    let by_receipt = ReceiptStatus::iter()
        .filter(|status| status.state() == state)
        .filter_map(|status| message.delivery.receipts.get(status))
        .map(|receipt| receipt.execution_id);
    let by_progress = message.delivery.execution_id.filter(|_| message.delivery.progress.state() == state);
    by_receipt.chain(by_progress).collect()
}
