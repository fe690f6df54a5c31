//! The actions of a seeded run: each invokes a function.

use shared::domain::BatchId;
use tests::clients::ClientRequest;

use super::{CLIENTS, Run};
use crate::{
    proxy::WebhookRequest,
    scenario_run::{cancel, cancel_batch},
    stage::{Batch, QUEUES, Stage},
};

/// An answered client repeats its request 1 time in this many.
const ANSWERED_PER_REPEAT: usize = 5;

#[derive(Clone)]
pub enum Action {
    /// A client posts its request, perhaps again although it was answered.
    Post {
        client: usize,
        client_request: ClientRequest,
    },
    Cancel {
        client: usize,
        id: String,
        client_request: ClientRequest,
    },
    CancelBatch {
        client: usize,
        batch: BatchId,
        client_request: ClientRequest,
    },
    /// A worker receives and processes a batch.
    ProcessQueue(&'static str),
    /// A worker processes a batch received earlier.
    ProcessBatch(Batch),
    /// A carrier delivers the pending webhook at index `item`.
    DeliverWebhook {
        item: usize,
        webhook: WebhookRequest,
    },
    Tick,
}

pub enum ActionOutcome {
    /// The answer to the client, unless it was lost.
    Responded(Option<(u16, String)>),
    Delivered(bool),
    Nothing,
}

impl Action {
    pub fn random(run: &mut Run<'_>) -> Self {
        let deliver = Self::deliver(run);
        match run.random.index(12) {
            0..3 => {
                let client = run.random.index(CLIENTS);
                // Repeat seldom, because a repeat could restore a lost message.
                let is_answered = run.clients[client].log.is_accepted;
                if is_answered && run.random.index(ANSWERED_PER_REPEAT) > 0 {
                    Self::Tick
                } else {
                    Self::post(run, client)
                }
            }
            3 => {
                let client = run.random.index(CLIENTS);
                Self::cancel(run, client).unwrap_or(Self::Tick)
            }
            4..6 => deliver.unwrap_or(Self::Tick),
            6 => Self::Tick,
            _ => Self::ProcessQueue(QUEUES[run.random.index(QUEUES.len())]),
        }
    }

    pub fn post(run: &mut Run<'_>, index: usize) -> Self {
        let number = run.seed * CLIENTS + index;
        let client = &mut run.clients[index];
        if client.request.is_none() {
            client.log.record_post(&client.scenario, number);
        }
        let (url, now) = (&run.stage.proxy.url, run.stage.now());
        let client_request = client.request.get_or_insert_with(|| client.scenario.client_request(number, url, now));
        Self::Post { client: index, client_request: client_request.clone() }
    }

    /// Returns a cancellation, if the client knows the ID of a message or a batch.
    fn cancel(run: &Run<'_>, index: usize) -> Option<Self> {
        let client = &run.clients[index];
        if let Some(batch) = client.log.batches.last().copied().filter(|_| run.random.index(2) == 0) {
            let client_request = cancel_batch(client.scenario.account, batch);
            return Some(Self::CancelBatch { client: index, batch, client_request });
        }
        let answered = &client.log.answered;
        let id = answered.get(run.random.index(answered.len().max(1)))?.clone();
        let client_request = cancel(client.scenario.account, &id);
        Some(Self::Cancel { client: index, id, client_request })
    }

    pub fn deliver(run: &Run<'_>) -> Option<Self> {
        let (item, webhook) = run.webhooks.pick(&run.random)?;
        Some(Self::DeliverWebhook { item, webhook })
    }

    /// Returns the action twice. If it processes a queue, both process the same batch.
    pub async fn duplicated(self, run: &Run<'_>) -> [Self; 2] {
        let one = match self {
            Self::ProcessQueue(queue) => Self::ProcessBatch(run.stage.receive(queue).await),
            other => other,
        };
        [one.clone(), one]
    }

    pub async fn execute(&self, stage: &Stage, port: usize) -> ActionOutcome {
        match self {
            Self::Post { client_request, .. }
            | Self::Cancel { client_request, .. }
            | Self::CancelBatch { client_request, .. } => {
                ActionOutcome::Responded(stage.send_request(port, client_request).await)
            }
            Self::ProcessQueue(queue) => {
                let batch = stage.receive_or_wait(queue, port).await;
                stage.process_batch(port, &batch).await;
                ActionOutcome::Nothing
            }
            Self::ProcessBatch(batch) => {
                stage.process_batch(port, batch).await;
                ActionOutcome::Nothing
            }
            Self::DeliverWebhook { webhook, .. } => {
                ActionOutcome::Delivered(stage.deliver_webhook(port, webhook).await)
            }
            Self::Tick => {
                stage.tick(port).await;
                ActionOutcome::Nothing
            }
        }
    }

    pub fn record_outcome(&self, run: &mut Run<'_>, outcome: ActionOutcome) {
        match (self, outcome) {
            (Self::Post { client, .. }, ActionOutcome::Responded(answer)) => {
                let client = &mut run.clients[*client];
                client.log.record_response(&client.scenario, answer);
            }
            (Self::Cancel { client, id, .. }, ActionOutcome::Responded(answer)) => {
                run.clients[*client].log.record_cancel(id, answer);
            }
            (Self::CancelBatch { client, batch, .. }, ActionOutcome::Responded(answer)) => {
                let client = &mut run.clients[*client];
                client.log.record_batch_cancel(&client.scenario, *batch, answer);
            }
            (Self::DeliverWebhook { item, .. }, ActionOutcome::Delivered(true)) => {
                run.webhooks.record_delivery(*item, run.stage.proxy.invocations());
            }
            _ => {}
        }
    }
}
