//! `POST /message`, in the dialect of Cymba Messaging Plus. All messages are accepted, or none.

use http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt};
use shared::{
    domain::{Dialect, FieldError, FieldErrorCode, SegmentLimit},
    edge::{MOST_BYTES, Problem, authenticate, body, json},
    flow::accept::{self, accept},
    vendors::cymba::dialect as mplus,
};

use crate::{Headers, Send};

/// Names of the dry-run parameter, as the vendor's page describes it and as its example writes it.
const DRY_RUN: [&str; 2] = ["isDryrun", "dryRun"];

pub(crate) async fn answer(send: &Send, request: &Request) -> Result<Response<Body>, Problem> {
    let account = authenticate(request, &send.directory).await?;
    let body = body(request, MOST_BYTES)?;
    let dry_run = dry_run(request).map_err(|error| Problem::invalid(vec![error]))?;
    let Headers { idempotency_key, on_unknown } = Headers::read(request).map_err(Problem::invalid)?;
    let read =
        mplus::request::read(body, SegmentLimit(send.gateway.settings.segment_limit)).map_err(Problem::invalid)?;
    if !mplus::response::fits(&read.drafts) {
        return Err(Problem::answer_too_large());
    }
    let posted = read.drafts.len();
    let (dialect, drafts) = (Dialect::Mplus, read.drafts);
    let request = accept::Request { dialect, drafts, posted, idempotency_key, on_unknown, dry_run };
    let messages = accept(&send.gateway, &send.directory, &account, &request).await?;
    Ok(json(StatusCode::OK, mplus::response::write(&messages, &read.warnings)))
}

/// Returns whether either parameter is `true`, `1` or empty, in any letter case. One such parameter is
/// enough, because a client that asks for a dry run must not send.
fn dry_run(request: &Request) -> Result<bool, FieldError> {
    let mut dry_run = false;
    let parameters = request.query_string_parameters();
    for (name, value) in
        parameters.iter().filter(|(name, _)| DRY_RUN.iter().any(|known| name.eq_ignore_ascii_case(known)))
    {
        match value.to_ascii_lowercase().as_str() {
            "" | "true" | "1" => dry_run = true,
            "false" | "0" => {}
            _ => return Err(FieldError::new(name, FieldErrorCode::UnknownValue, "must be true or false")),
        }
    }
    Ok(dry_run)
}
