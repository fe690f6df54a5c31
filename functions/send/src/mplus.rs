//! `POST /message`, in the dialect of Cymba Messaging Plus. All messages are accepted, or none.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};
use shared::{
    domain::{Dialect, SegmentLimit},
    edge::{MOST_BYTES, Problem, authenticate, body, check_query, json, parameters},
    flow::accept::{self, accept},
    vendors::cymba::dialect::{self as mplus, request::Warning},
};

use crate::{Options, Send, is_dry_run};

pub(crate) async fn answer(send: &Send, request: &Request) -> Result<Response<Body>, Problem> {
    check_query(request)?;
    let account = authenticate(request, &send.directory).await?;
    let body = body(request, MOST_BYTES)?;
    let Options { idempotency_key, on_unknown, dry_run } = Options::read(request).map_err(Problem::invalid)?;
    let limit = SegmentLimit(send.gateway.settings.segment_limit);
    let mut read = mplus::request::read(body, limit).map_err(Problem::invalid)?;
    read.warnings.extend(unknown_parameters(request));
    if !mplus::response::fits(&read.drafts) {
        return Err(Problem::answer_too_large());
    }
    let posted = read.drafts.len();
    let (dialect, drafts) = (Dialect::Mplus, read.drafts);
    let request = accept::Request { dialect, drafts, posted, idempotency_key, on_unknown, dry_run };
    let messages = accept(&send.gateway, &send.directory, &account, &request).await?;
    Ok(json(StatusCode::OK, mplus::response::write(&messages, &read.warnings)))
}

/// Warns of unknown query parameters, because one may be a misspelt parameter of ours.
fn unknown_parameters(request: &Request) -> Vec<Warning> {
    let names = parameters(request).map(|parameter| parameter.name);
    mplus::request::unknown_parameters(names.filter(|name| name != "key" && !is_dry_run(name)))
}
