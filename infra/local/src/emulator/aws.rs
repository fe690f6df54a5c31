//! The AWS endpoint: a POST with an `X-Amz-Target` header, at any path (the SDK calls SQS at a queue's
//! URL), is a call to DynamoDB, SQS or Secrets Manager.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::dynamodb::DynamoDb;
use super::problem::Problem;
use super::secrets::Secrets;
use super::sqs::Sqs;
use super::upstream::Answer;
use crate::paths;

pub(super) struct Aws {
    dynamodb: Arc<DynamoDb>,
    sqs: Arc<Sqs>,
    secrets: Secrets,
}

impl Aws {
    pub(super) fn new(dynamodb: Arc<DynamoDb>, sqs: Arc<Sqs>, secrets: Secrets) -> Self {
        Self { dynamodb, sqs, secrets }
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
    let answer = match target.split_once('.') {
        Some(("DynamoDB_20120810", operation)) => aws.dynamodb.call(operation, headers, body).await,
        Some(("AmazonSQS", operation)) => aws.sqs.call(operation, headers, body).await,
        Some(("secretsmanager", operation)) => aws.secrets.call(operation, headers, body).await,
        _ => Answer::error(
            StatusCode::BAD_REQUEST,
            "UnknownOperationException",
            "This emulator has DynamoDB, SQS and Secrets Manager only.",
        ),
    };
    answer.into_response()
}
