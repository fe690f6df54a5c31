//! `send`: accepts messages on the paths of each dialect.

mod cm;
mod mplus;

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    domain::{Dialect, FieldError, FieldErrorCode, IdempotencyKey, OnUnknown},
    edge::{Problem, path_segments},
    flow::Gateway,
    gateway::{Part, connect_directory, connect_gateway},
    runtime::{ConfigError, Environment},
    store::Directory,
};

pub struct Send {
    gateway: Gateway,
    directory: Directory,
}

impl Send {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Recipients, Part::Jobs])?,
            directory: connect_directory(environment)?,
        })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let answer = self.answer(&request).await;
        self.gateway.publish_metrics();
        answer
    }

    async fn answer(&self, request: &Request) -> Response<Body> {
        let segments = path_segments(request);
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match Dialect::of_path(&segments) {
            Some(Dialect::Mplus) => mplus::answer(self, request).await.unwrap_or_else(Response::from),
            Some(Dialect::Cm) => cm::answer(self, request, &segments).await,
            None => Problem::not_found().into(),
        }
    }
}

/// Optional headers that every dialect supports.
struct Headers {
    idempotency_key: Option<IdempotencyKey>,
    on_unknown: Option<OnUnknown>,
}

impl Headers {
    /// Parses the headers, or returns the error of each malformed one.
    fn read(request: &Request) -> Result<Self, Vec<FieldError>> {
        match (idempotency_key(request), on_unknown(request)) {
            (Ok(idempotency_key), Ok(on_unknown)) => Ok(Self { idempotency_key, on_unknown }),
            (key, choice) => Err([key.err(), choice.err()].into_iter().flatten().collect()),
        }
    }
}

fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, FieldError> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| text.parse::<IdempotencyKey>().ok());
    let error =
        || FieldError::new("Idempotency-Key", FieldErrorCode::Malformed, "must be 1 to 255 printable ASCII characters");
    key.map(Some).ok_or_else(error)
}

fn on_unknown(request: &Request) -> Result<Option<OnUnknown>, FieldError> {
    let Some(value) = request.headers().get("on-unknown") else { return Ok(None) };
    let choice = value.to_str().ok().and_then(|text| text.trim().parse::<OnUnknown>().ok());
    choice
        .map(Some)
        .ok_or_else(|| FieldError::new("On-Unknown", FieldErrorCode::UnknownValue, "must be wait or resend"))
}
