//! `POST /message` and `/batch`, in the dialect of Cymba Messaging Plus. All messages of a request are accepted, or
//! none.

use http::{Method, Response, StatusCode};
use lambda_http::{Body, Request};
use shared::{
    domain::{AccountId, BatchId, CancelledBatch, Dialect, Rejection},
    edge::{Client, MOST_BYTES, Problem, authenticate, body, check_query, json, parameters},
    flow::{
        accept::{AcceptError, Grouping, accept},
        batches,
    },
    vendors::cymba::dialect::{self as mplus, request::Warning},
};

use crate::{Messages, Options, Send, flag, is_dry_run};

const ALLOW_MULTI: &str = "allowMulti";
const DETAILS: &str = "details";

pub(crate) async fn answer(send: &Send, request: &Request, path: &[&str]) -> Result<Response<Body>, Problem> {
    check_query(request)?;
    let client = authenticate(request, &send.directory).await?;
    let account = &client.account;
    match (request.method(), path) {
        (&Method::POST, ["message"]) => accept_messages(send, request, &client).await,
        (&Method::POST, ["batch"]) => accept_batch(send, request, &client).await,
        (&Method::GET, ["batch"]) => {
            Ok(json(StatusCode::OK, mplus::batch::pending(&batches::pending(&send.gateway, account).await?)))
        }
        (&Method::GET, ["batch", id]) => report_batch(send, request, account, id).await,
        (&Method::DELETE, ["batch", id]) => cancel_batch(send, account, id).await,
        _ => Err(Problem::not_found()),
    }
}

async fn accept_messages(send: &Send, request: &Request, client: &Client) -> Result<Response<Body>, Problem> {
    let body = body(request, MOST_BYTES)?;
    let options = Options::read(request).map_err(Problem::invalid)?;
    let mut read = mplus::request::read(body, send.segment_limit()).map_err(Problem::invalid)?;
    read.warnings.extend(unknown_parameters(request, &[]));
    if !mplus::response::fits(&read.drafts) {
        return Err(Problem::answer_too_large());
    }
    let (dialect, posted, grouping) = (Dialect::Mplus, read.drafts.len(), Grouping::Single);
    let request = Messages { dialect, drafts: read.drafts, posted, grouping }.request(client, options);
    let messages = accept(&send.gateway, &send.directory, &client.account, &request).await?;
    Ok(json(StatusCode::OK, mplus::response::write(&messages, &read.warnings)))
}

async fn accept_batch(send: &Send, request: &Request, client: &Client) -> Result<Response<Body>, Problem> {
    let body = body(request, MOST_BYTES)?;
    let options = Options::read(request).map_err(Problem::invalid)?;
    let allow_multi =
        flag(request, |name| name == ALLOW_MULTI, false).map_err(|error| Problem::invalid(vec![error]))?;
    let mut read = mplus::batch::read(body, send.segment_limit(), allow_multi).map_err(Problem::invalid)?;
    read.warnings.extend(unknown_parameters(request, &[ALLOW_MULTI]));
    let (dialect, posted, grouping) = (Dialect::Mplus, read.drafts.len(), Grouping::Batch { id: read.id });
    let request = Messages { dialect, drafts: read.drafts, posted, grouping }.request(client, options);
    let accepted = accept(&send.gateway, &send.directory, &client.account, &request).await;
    let messages = accepted.map_err(|error| match error {
        AcceptError::Rejected(Rejection { reason, errors }) => {
            AcceptError::Rejected(Rejection { reason, errors: read.names.rename(errors) })
        }
        error @ (AcceptError::Suspended | AcceptError::OutOfRoom(_) | AcceptError::Unavailable(_)) => error,
    })?;
    let answer = mplus::batch::accepted(&messages, &read.warnings).ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, answer))
}

/// Shows a batch, with its messages unless `details` is false.
async fn report_batch(
    send: &Send,
    request: &Request,
    account: &AccountId,
    id: &str,
) -> Result<Response<Body>, Problem> {
    let details = flag(request, |name| name == DETAILS, true).map_err(|error| Problem::invalid(vec![error]))?;
    let messages = batches::messages(&send.gateway, account, Dialect::Mplus, batch_id(id)?).await?;
    let messages = messages.ok_or_else(Problem::not_found)?;
    Ok(json(StatusCode::OK, mplus::batch::report(&messages, details)))
}

async fn cancel_batch(send: &Send, account: &AccountId, id: &str) -> Result<Response<Body>, Problem> {
    let id = batch_id(id)?;
    let cancelled = batches::cancel(&send.gateway, account, Dialect::Mplus, id).await?;
    match cancelled.ok_or_else(Problem::not_found)? {
        CancelledBatch { missing, .. } if missing > 0 => Err(Problem::batch_incomplete()),
        CancelledBatch { cancelled: 0, too_late, .. } if too_late > 0 => Err(Problem::batch_too_late(too_late)),
        cancelled => Ok(json(StatusCode::OK, mplus::batch::cancelled(id, cancelled))),
    }
}

fn batch_id(text: &str) -> Result<BatchId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// Warns of unknown query parameters, because one may be a misspelt parameter of ours.
fn unknown_parameters(request: &Request, known: &[&str]) -> Vec<Warning> {
    let names = parameters(request).map(|parameter| parameter.name);
    let is_known = |name: &str| name == "key" || is_dry_run(name) || known.contains(&name);
    mplus::request::unknown_parameters(names.filter(|name| !is_known(name)))
}
