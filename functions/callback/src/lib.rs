//! `callback`: consumes the queue `callbacks` and posts each job's event to a client.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use shared::flow::JobOutcome;
use shared::{
    callbacks::{Caller, CallerError},
    edge::run_batch,
    flow::{Gateway, callbacks::callback},
    gateway::{Part, connect_callback_secrets, connect_directory, connect_gateway},
    queue::CallbackJob,
    runtime::{ConfigError, Environment, error_chain},
    store::{CallbackSecrets, Directory},
};
use tracing::error;

pub struct Callback {
    gateway: Gateway,
    directory: Directory,
    secrets: CallbackSecrets,
    caller: Caller,
}

/// An error that keeps the function from starting.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Caller(#[from] CallerError),
}

impl Callback {
    /// # Errors
    /// A variable is missing or malformed, or the HTTP client cannot be built.
    pub fn new(environment: &Environment) -> Result<Self, SetUpError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Callbacks, Part::CallbacksDeadLetters])?,
            directory: connect_directory(environment)?,
            secrets: connect_callback_secrets(environment)?,
            caller: Caller::of(environment)?,
        })
    }

    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let response = run_batch(event, async |payload| self.run(&payload).await).await;
        self.gateway.publish_metrics();
        response
    }

    async fn run(&self, payload: &str) -> JobOutcome {
        let job = match CallbackJob::read(payload) {
            Ok(job) => job,
            Err(error) => {
                error!(%error, "unreadable job");
                return JobOutcome::Retry;
            }
        };
        let subject = job.subject;
        match callback(&self.gateway, &self.directory, &self.secrets, &self.caller, job).await {
            Ok(()) => JobOutcome::Done,
            Err(error) => {
                error!(event.id = %subject.event_id(), message.id = subject.message().map(display), reply.id = subject.reply().map(display), %subject, error = error_chain(&error), "callback job failed");
                JobOutcome::Retry
            }
        }
    }
}
