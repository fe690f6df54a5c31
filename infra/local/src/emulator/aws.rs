//! The AWS endpoint: a POST with an `X-Amz-Target` header, at any path (the SDK calls SQS at a queue's
//! URL), is a call to DynamoDB, SQS or Secrets Manager.
//!
//! A function's access key is its name. As AWS does, we refuse its calls that its role in the template does not allow.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::warn;

use super::dynamodb::DynamoDb;
use super::meter::Meter;
use super::problem::Problem;
use super::secrets::Secrets;
use super::sqs::Sqs;
use super::upstream::Answer;
use crate::paths;
use crate::template::{Access, Permissions};

pub(super) struct Aws {
    dynamodb: Arc<DynamoDb>,
    sqs: Arc<Sqs>,
    secrets: Secrets,
    permissions: Permissions,
    meter: Arc<Meter>,
}

impl Aws {
    pub(super) fn new(dynamodb: Arc<DynamoDb>, sqs: Arc<Sqs>, permissions: Permissions, meter: Arc<Meter>) -> Self {
        let secrets = Secrets::new(Arc::clone(&meter));
        Self { dynamodb, sqs, secrets, permissions, meter }
    }
}

pub(super) fn routes(aws: Arc<Aws>) -> Router {
    let list = get(async || paths::answer(paths::of_emulator())).fallback(call);
    Router::new().route("/", list).fallback(call).with_state(aws)
}

async fn call(State(aws): State<Arc<Aws>>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .filter(|_| method == Method::POST)
        .map(str::to_owned);
    let Some(target) = target else {
        return Problem::not_found().into_response();
    };
    let called = match target.split_once('.') {
        Some(("DynamoDB_20120810", operation)) => Some(("dynamodb", operation)),
        Some(("AmazonSQS", operation)) => Some(("sqs", operation)),
        Some(("secretsmanager", operation)) => Some(("secretsmanager", operation)),
        _ => None,
    };
    let Some((service, operation)) = called else {
        let message = "This emulator has DynamoDB, SQS and Secrets Manager only.";
        return Answer::error(StatusCode::BAD_REQUEST, "UnknownOperationException", message).into_response();
    };
    if let Some(caller) = access_key(&headers)
        && let Ok(call) = serde_json::from_slice(&body)
        && let Some(access) = aws.permissions.denied(caller, (service, operation), &call)
    {
        aws.meter.denied(format!("{caller}: {} on {}", access.action, access.resource));
        return denied(caller, &access).into_response();
    }
    let answer = match service {
        "dynamodb" => aws.dynamodb.call(operation, headers, body).await,
        "sqs" => aws.sqs.call(operation, headers, body).await,
        _ => aws.secrets.call(operation, headers, body).await,
    };
    answer.into_response()
}

/// Returns the access key with which the call is signed. We do not verify the signature.
fn access_key(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    authorization.split_once("Credential=")?.1.split('/').next()
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn denied(caller: &str, access: &Access) -> Answer {
    let Access { action, resource, .. } = access;
    let message = format!("{caller} is not authorized to perform: {action} on resource: {resource}");
    // Whole keys may be phone numbers.
    let kinds: Vec<_> =
        access.keys.iter().filter_map(|key| key.split('#').next()).filter(|kind| !is_number(kind)).collect();
    warn!(caller, action, resource, keys = ?kinds, "AWS call refused: the function's role does not allow it");
    Answer::error(StatusCode::BAD_REQUEST, "AccessDeniedException", &message)
}
