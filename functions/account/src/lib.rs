//! `account`: lets clients show and change their account's webhooks and opt-outs, and list its senders.

mod mta;

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    edge::{mta::respond, path_segments},
    flow::Gateway,
    gateway::{Part, connect_callback_secrets, connect_directory, connect_gateway},
    runtime::{ConfigError, Environment},
    store::{CallbackSecrets, Directory},
};

pub struct Account {
    gateway: Gateway,
    directory: Directory,
    secrets: CallbackSecrets,
}

impl Account {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Recipients])?,
            directory: connect_directory(environment)?,
            secrets: connect_callback_secrets(environment)?,
        })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let segments = path_segments(&request);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        respond(&self.gateway, mta::answer(self, &request, &segments).await)
    }
}
