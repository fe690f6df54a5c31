//! `dlr-webhook`: `POST /dlr/{carrier}/{token}[/{messageId}]`, which receives receipts.
//!
//! We answer after the receipts are stored. A carrier redelivers the body until it gets a 2xx.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use shared::{
    domain::{SubmitReference, WebhookItem},
    edge::{ItemProblems, Problem, authenticate_carrier, check_query, json, path_segments, unreadable},
    flow::{Gateway, receipts::receipt},
    gateway::{Part, connect_directory, connect_gateway, connect_secrets},
    runtime::{ConfigError, Environment},
    store::{CarrierSecrets, Directory},
};

pub struct DlrWebhook {
    gateway: Gateway,
    directory: Directory,
    secrets: CarrierSecrets,
}

impl DlrWebhook {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            gateway: connect_gateway(environment, &[Part::Jobs, Part::Callbacks])?,
            directory: connect_directory(environment)?,
            secrets: connect_secrets(environment)?,
        })
    }

    pub async fn handle(&self, request: Request) -> Response<Body> {
        let answer = self.answer(&request).await;
        if answer.as_ref().is_err_and(Problem::is_refusal) {
            self.gateway.count_refused_webhook();
        }
        self.gateway.publish_metrics();
        answer.unwrap_or_else(Response::from)
    }

    async fn answer(&self, request: &Request) -> Result<Response<Body>, Problem> {
        check_query(request)?;
        let segments = path_segments(request);
        let (carrier, token, submit) = match segments.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
            ["dlr", carrier, token] => (carrier, token, None),
            ["dlr", carrier, token, submit] => {
                (carrier, token, Some(submit.parse::<SubmitReference>().map_err(|_| Problem::not_found())?))
            }
            _ => return Err(Problem::not_found()),
        };
        let path = (carrier, token);
        let (carrier, body) = authenticate_carrier(request, path, &self.secrets, &self.directory).await?;
        let receipts = carrier.settings.vendor.read_receipts(body).map_err(|error| unreadable(carrier.name, &error))?;
        let payload = String::from_utf8_lossy(body);
        let mut problems = ItemProblems::default();
        for (index, part) in receipts.iter().enumerate() {
            let Some(one) = problems.keep_parsed(carrier.name, part) else { continue };
            let item = WebhookItem { submit, ..receipts.webhook_item(&payload, index) };
            problems.keep(receipt(&self.gateway, &carrier, one, item).await)?;
        }
        problems.into_result()?;
        Ok(json(StatusCode::OK, "{}".to_owned()))
    }
}
