//! `send`: `POST /message`, where messages come in.

use http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use shared::{
    dialects::{Dialect, mplus},
    domain::{Fault, FaultCode, IdempotencyKey},
    edge::{MOST_BYTES, Problem, authenticate, body, json},
    flow::{
        Gateway,
        accept::{self, accept},
    },
    runtime::{ConfigError, Environment, connect_directory, connect_gateway},
    store::Directory,
};

/// The switch for a dry run, as the page names it and as its example does.
const DRY_RUN: [&str; 2] = ["isDryrun", "dryRun"];

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
        answer.unwrap_or_else(Response::from)
    }

    async fn answer(&self, request: &Request) -> Result<Response<Body>, Problem> {
        let account = authenticate(request, &self.directory).await?;
        let body = body(request, MOST_BYTES)?;
        let dry_run = dry_run(request).map_err(|fault| Problem::invalid(vec![fault]))?;
        let idempotency_key = idempotency_key(request).map_err(|fault| Problem::invalid(vec![fault]))?;
        let read = Dialect::Mplus.read_request(body, self.gateway.settings.segment_limit);
        let read = read.map_err(Problem::invalid)?;
        if !mplus::response::fits(&read.drafts) {
            return Err(Problem::answer_too_large());
        }
        let wish = accept::Request { dialect: Dialect::Mplus, drafts: read.drafts, idempotency_key, dry_run };
        let messages = accept(&self.gateway, &self.directory, &account, &wish).await?;
        Ok(json(StatusCode::OK, mplus::response::write(&messages, &read.warnings)))
    }
}

/// Any case of either name will do, and one `true` is enough: whoever wants to
/// try must not send.
fn dry_run(request: &Request) -> Result<bool, Fault> {
    let mut dry_run = false;
    let parameters = request.query_string_parameters();
    for (name, value) in
        parameters.iter().filter(|(name, _)| DRY_RUN.iter().any(|known| name.eq_ignore_ascii_case(known)))
    {
        match value.to_ascii_lowercase().as_str() {
            "" | "true" | "1" => dry_run = true,
            "false" | "0" => {}
            _ => return Err(Fault::new(name, FaultCode::UnknownValue, "must be true or false")),
        }
    }
    Ok(dry_run)
}

fn idempotency_key(request: &Request) -> Result<Option<IdempotencyKey>, Fault> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(IdempotencyKey::parse);
    let fault = || Fault::new("Idempotency-Key", FaultCode::Malformed, "must be 1 to 255 printable ASCII characters");
    key.map(Some).ok_or_else(fault)
}
