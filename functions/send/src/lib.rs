//! `send`: `POST /message`, where messages come in.

mod mplus;

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    domain::{Fault, FaultCode, IdempotencyKey},
    flow::Gateway,
    runtime::{ConfigError, Environment, connect_directory, connect_gateway},
    store::Directory,
};

pub struct Send {
    gateway: Gateway,
    directory: Directory,
}

impl Send {
    /// # Errors
    /// When a variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { gateway: connect_gateway(environment)?, directory: connect_directory(environment)? })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let answer = self.answer(&request).await;
        self.gateway.publish_metrics();
        answer
    }

    async fn answer(&self, request: &Request) -> Response<Body> {
        mplus::answer(self, request).await.unwrap_or_else(Response::from)
    }
}

fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Fault> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    let fault = || Fault::new("Idempotency-Key", FaultCode::Malformed, "must be 1 to 255 printable ASCII characters");
    key.map(Some).ok_or_else(fault)
}
