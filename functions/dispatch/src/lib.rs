//! `dispatch`: consumes the queues of jobs, one for each lane and one for send slots. A job submits one message, fails
//! over to its next channel, retries an unmatched receipt or reply, or gives out send slots.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use shared::{
    carriers::Submitter,
    edge::run_batch,
    flow::{
        Gateway, JobOutcome,
        deal::deal,
        submit::{after_failed_channel, submit},
        unmatched::retry,
    },
    gateway::{Part, connect_directory, connect_gateway, connect_secrets},
    queue::Job,
    runtime::{ConfigError, Environment, TlsError, error_chain},
    store::Directory,
};
use tracing::error;

pub struct Dispatch {
    gateway: Gateway,
    directory: Directory,
    submitter: Submitter,
}

/// An error that keeps the function from starting.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Client(#[from] TlsError),
}

impl Dispatch {
    /// # Errors
    /// A variable is missing or malformed, or the HTTP client cannot be built.
    pub fn new(environment: &Environment) -> Result<Self, SetUpError> {
        let (http, secrets) = (environment.http.carrier_client()?, connect_secrets(environment)?);
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Recipients, Part::Jobs, Part::SendSlots, Part::Callbacks])?,
            directory: connect_directory(environment)?,
            submitter: Submitter::new(http, secrets, environment.clock.clone()),
        })
    }

    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let response = run_batch(event, async |payload| self.run(&payload).await).await;
        self.gateway.publish_metrics();
        response
    }

    async fn run(&self, payload: &str) -> JobOutcome {
        let job = match Job::read(payload) {
            Ok(job) => job,
            Err(error) => {
                error!(%error, "unreadable job");
                return JobOutcome::Retry;
            }
        };
        let (gateway, directory, submitter) = (&self.gateway, &self.directory, &self.submitter);
        // Boxed, because all futures of a batch are polled on one stack.
        let done = match &job {
            Job::Submit { message } => Box::pin(submit(gateway, directory, submitter, *message)).await,
            Job::ChannelFailed(failure) => Box::pin(after_failed_channel(gateway, directory, submitter, failure)).await,
            Job::Unmatched(unmatched) => {
                Box::pin(retry(gateway, directory, *unmatched)).await.map(|()| JobOutcome::Done)
            }
            Job::Deal(sender) => Box::pin(deal(gateway, directory, submitter, sender)).await,
        };
        match done {
            Ok(outcome) => outcome,
            Err(error) => {
                let message = job.message().map(|id| id.to_string());
                error!(message.id = message.map(display), job.subject = %job, error = error_chain(&error), "job failed");
                JobOutcome::Retry
            }
        }
    }
}
