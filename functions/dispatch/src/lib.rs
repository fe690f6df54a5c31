//! `dispatch`: jobs from the queue `jobs`; each hands one message to a carrier.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use shared::{
    carriers::Submitter,
    edge::{BatchRun, run_batch},
    flow::{
        Gateway,
        submit::{Done, submit},
    },
    queue::Job,
    runtime::{ConfigError, Environment, TlsError, connect_directory, connect_gateway, connect_secrets},
    store::Directory,
};
use tracing::error;

pub struct Dispatch {
    gateway: Gateway,
    directory: Directory,
    submitter: Submitter,
}

/// A function that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Client(#[from] TlsError),
}

impl Dispatch {
    /// # Errors
    /// When a variable is missing or malformed, or the HTTP client cannot be built.
    pub fn new(environment: &Environment) -> Result<Self, SetUpError> {
        Ok(Self {
            gateway: connect_gateway(environment)?,
            directory: connect_directory(environment)?,
            submitter: Submitter::new(environment.http.careful_client()?, connect_secrets(environment)?),
        })
    }

    pub async fn handle(&self, event: SqsEvent) -> SqsBatchResponse {
        let response = run_batch(event, async |payload| self.run(&payload).await).await;
        self.gateway.publish_metrics();
        response
    }

    async fn run(&self, payload: &str) -> BatchRun {
        let Job::Submit { message } = match Job::read(payload) {
            Ok(job) => job,
            Err(error) => {
                error!(%error, "unreadable job");
                return BatchRun::Again;
            }
        };
        match submit(&self.gateway, &self.directory, &self.submitter, message).await {
            Ok(Done::Finished) => BatchRun::Done,
            Ok(Done::Again) => BatchRun::Again,
            Err(error) => {
                error!(message.id = %message, error = shared::edge::chain(&error), "could not submit");
                BatchRun::Again
            }
        }
    }
}
