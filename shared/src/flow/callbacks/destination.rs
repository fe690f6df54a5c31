//! Destination: where a callback goes, and which client secret signs it.
//!
//! In a dialect with webhooks, an event's first job names no webhook. If several webhooks want the event, each gets its
//! own job, with its own retries and circuit breaker. Without webhooks, the event goes to the account's URL for it.

use std::time::Duration;

use super::event::CallbackEvent;
use crate::{
    domain::{
        Account, CallbackTarget, CallbackUrl, EncryptedSecret, EventId, Webhook, WebhookEvent, WebhookId, Webhooks,
    },
    flow::{Gateway, Unavailable},
    queue::{CallbackJob, Queue},
    store::{Directory, StoreError},
};

pub(super) struct Destination {
    pub(super) url: CallbackUrl,
    pub(super) webhook: Option<DestinationWebhook>,
}

pub(super) struct DestinationWebhook {
    pub(super) id: WebhookId,
    pub(super) event: WebhookEvent,
    pub(super) secret: EncryptedSecret,
}

impl Destination {
    fn of((id, webhook): (WebhookId, Webhook)) -> Self {
        let Webhook { url, event, secret, .. } = webhook;
        Self { url, webhook: Some(DestinationWebhook { id, event, secret }) }
    }

    /// Returns the job for retries to this destination.
    pub(super) fn job(&self, job: CallbackJob) -> CallbackJob {
        CallbackJob { webhook: self.webhook.as_ref().map(|webhook| webhook.id), ..job }
    }

    /// Returns the event's ID. Two kinds of events have different IDs, so that a URL registered for both does not take
    /// one for a repeat of the other.
    pub(super) fn event_id(&self, job: &CallbackJob) -> EventId {
        let event = job.subject.event_id();
        match self.webhook.as_ref().map(|webhook| webhook.event) {
            Some(kind @ (WebhookEvent::MessageSend | WebhookEvent::NumberOptIn)) => EventId::of_kind(event, kind),
            Some(WebhookEvent::MessageReply | WebhookEvent::DeliveryStatus) | None => event,
        }
    }
}

pub(super) enum Destinations {
    None,
    One(Box<Destination>),
    /// We enqueued a job for each.
    Several(usize),
}

/// Finds the destination for the job's event.
pub(super) async fn find_destination(
    gateway: &Gateway,
    directory: &Directory,
    callback_event: &CallbackEvent,
    account: &Account,
    job: &CallbackJob,
) -> Result<Destinations, Unavailable> {
    let has_webhooks =
        callback_event.dialect().is_some_and(|dialect| dialect.callback_target() == CallbackTarget::Webhooks);
    if has_webhooks {
        let mut webhooks = wanting(directory, callback_event, account, job.webhook).await?;
        match (webhooks.len(), webhooks.pop_first()) {
            (1, Some(webhook)) => return Ok(Destinations::One(Box::new(Destination::of(webhook)))),
            (count, Some((first, _))) => {
                let ids = std::iter::once(first).chain(webhooks.into_keys());
                let jobs: Vec<_> =
                    ids.map(|id| (CallbackJob { webhook: Some(id), ..job.clone() }, Duration::ZERO)).collect();
                gateway.queue.enqueue_callbacks(&jobs).await?;
                return Ok(Destinations::Several(count));
            }
            (_, None) if job.webhook.is_some() => return Ok(Destinations::None),
            (_, None) => {}
        }
    }
    let url = callback_event.url(account, job.url_index).cloned();
    Ok(url.map_or(Destinations::None, |url| Destinations::One(Box::new(Destination { url, webhook: None }))))
}

/// Returns the account's webhooks that want the event, or only the job's webhook.
async fn wanting(
    directory: &Directory,
    callback_event: &CallbackEvent,
    account: &Account,
    job_webhook: Option<WebhookId>,
) -> Result<Webhooks, StoreError> {
    let mut webhooks = directory.webhooks(&account.id).await?;
    // The cache may be older than the job's webhook.
    if job_webhook.is_some_and(|id| !webhooks.contains_key(&id)) {
        webhooks = directory.latest_webhooks(&account.id).await?;
    }
    webhooks.retain(|id, webhook| {
        job_webhook.is_none_or(|wanted| wanted == *id) && callback_event.is_of_kind(webhook.event)
    });
    Ok(webhooks)
}
