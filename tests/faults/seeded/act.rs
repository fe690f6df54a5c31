//! What a seed lets happen: one call of one function.

use super::{CLIENTS, Run};
use crate::{
    proxy::WebhookRequest,
    scenario_run::cancel,
    stage::{Batch, ClientRequest, QUEUES, Stage},
};

/// One of so many clients that would post again and were answered does so.
const ANSWERED_TO_A_REPEAT: usize = 5;

#[derive(Clone)]
pub enum Act {
    /// A client posts; some again though they were answered.
    Post {
        client: usize,
        client_request: ClientRequest,
    },
    /// A client takes a message back.
    Cancel {
        client: usize,
        id: String,
        client_request: ClientRequest,
    },
    /// A worker takes what its queue has by then.
    Work(&'static str),
    /// Or what it had.
    WorkOn(Batch),
    /// A carrier brings what lies at that place.
    DeliverWebhook {
        item: usize,
        webhook: WebhookRequest,
    },
    Tick,
}

/// What came of an act.
pub enum Done {
    /// What the client was answered, if it learned anything.
    Answered(Option<(u16, String)>),
    /// Whether it was taken.
    Delivered(bool),
    Nothing,
}

impl Act {
    pub fn draw(run: &mut Run<'_>) -> Self {
        let deliver = Self::deliver(run);
        match run.chance.index(12) {
            0..3 => {
                let client = run.chance.index(CLIENTS);
                // What is lost of an answered one, a repeat would bring back.
                let is_answered = run.clients[client].log.is_accepted;
                if is_answered && run.chance.index(ANSWERED_TO_A_REPEAT) > 0 {
                    Self::Tick
                } else {
                    Self::post(run, client)
                }
            }
            3 => {
                let client = run.chance.index(CLIENTS);
                Self::cancel(run, client).unwrap_or(Self::Tick)
            }
            4..6 => deliver.unwrap_or(Self::Tick),
            6 => Self::Tick,
            _ => Self::Work(QUEUES[run.chance.index(2)]),
        }
    }

    pub fn post(run: &mut Run<'_>, place: usize) -> Self {
        let number = run.seed * CLIENTS + place;
        let client = &mut run.clients[place];
        if client.client_request.is_none() {
            client.log.record_post(&client.scenario, number);
        }
        let (url, now) = (&run.stage.proxy.url, run.stage.now());
        let client_request =
            client.client_request.get_or_insert_with(|| client.scenario.client_request(number, url, now));
        Self::Post { client: place, client_request: client_request.clone() }
    }

    /// If it has been told of any.
    fn cancel(run: &Run<'_>, place: usize) -> Option<Self> {
        let client = &run.clients[place];
        let answered = &client.log.answered;
        let id = answered.get(run.chance.index(answered.len().max(1)))?.clone();
        let client_request = cancel(client.scenario.account, &id);
        Some(Self::Cancel { client: place, id, client_request })
    }

    /// Anything that a carrier has to bring.
    pub fn deliver(run: &Run<'_>) -> Option<Self> {
        let (item, webhook) = run.webhooks.any(&run.chance)?;
        Some(Self::DeliverWebhook { item, webhook })
    }

    /// The same thing for two, of a worker's the same jobs.
    pub async fn twice(self, run: &Run<'_>) -> [Self; 2] {
        let one = match self {
            Self::Work(queue) => Self::WorkOn(run.stage.receive(queue).await),
            other => other,
        };
        [one.clone(), one]
    }

    pub async fn perform(&self, stage: &Stage, port: usize) -> Done {
        match self {
            Self::Post { client_request, .. } | Self::Cancel { client_request, .. } => {
                Done::Answered(stage.send_request(port, client_request).await)
            }
            Self::Work(queue) => {
                let batch = stage.receive_or_wait(queue, port).await;
                stage.process_batch(port, &batch).await;
                Done::Nothing
            }
            Self::WorkOn(batch) => {
                stage.process_batch(port, batch).await;
                Done::Nothing
            }
            Self::DeliverWebhook { webhook, .. } => Done::Delivered(stage.deliver_webhook(port, webhook).await),
            Self::Tick => {
                stage.tick(port).await;
                Done::Nothing
            }
        }
    }

    pub fn conclude(&self, run: &mut Run<'_>, done: Done) {
        match (self, done) {
            (Self::Post { client, .. }, Done::Answered(answer)) => {
                let client = &mut run.clients[*client];
                client.log.record_response(client.scenario.format, answer);
            }
            (Self::Cancel { client, id, .. }, Done::Answered(answer)) => {
                run.clients[*client].log.record_cancel(id, answer);
            }
            (Self::DeliverWebhook { item, .. }, Done::Delivered(true)) => {
                run.webhooks.taken(*item, run.stage.proxy.invocations())
            }
            _ => {}
        }
    }
}
