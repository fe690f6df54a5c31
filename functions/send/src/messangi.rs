//! Messangi's API `raven`: `POST /raven/v2/messages` sends a message, `POST /raven/v3/messages/batch` one text to many
//! recipients, and `GET /raven/v2/messages/{id}` shows any message of the account. A batch accepts all recipients with
//! a valid number, or none.

use http::{Method, Response, StatusCode};
use lambda_http::{Body, Request};
use shared::{
    domain::{Dialect, Draft, Message, MessageId},
    edge::{
        BodyError, Client, LONGEST_KEY, MOST_BYTES, bearer, body, check_query, client_of_key, json, log_unavailable,
        with_advice,
    },
    flow::{
        Unavailable,
        accept::{self, AcceptError, Grouping, accept},
        query,
    },
    store::StoreError,
    vendors::messangi::dialect::{
        error::Failure,
        request::{read, read_batch},
        response::{self, Meta},
    },
};

use crate::{Messages, Options, Send};

pub(crate) async fn answer(send: &Send, request: &Request, path: &[&str]) -> Response<Body> {
    let now = send.gateway.clock.now();
    let meta = Meta::new(now, send.gateway.random.uuid(now));
    let answered = match (request.method(), path) {
        (&Method::POST, ["raven", "v2", "messages"]) => accept_one(send, request, meta).await,
        (&Method::GET, ["raven", "v2", "messages", id]) => show(send, request, id, meta).await,
        (&Method::POST, ["raven", "v3", "messages", "batch"]) => accept_batch(send, request, meta).await,
        _ => Err(Failure::not_found()),
    };
    match answered {
        Ok(answer) => json(StatusCode::OK, answer),
        Err(failure) => with_advice(json(failure.status, failure.write(meta))),
    }
}

async fn accept_one(send: &Send, request: &Request, meta: Meta) -> Result<String, Failure> {
    let client = authenticate(send, request).await?;
    let draft = read(read_body(request)?, send.segment_limit()).map_err(Failure::invalid)?;
    let request = accept_request(request, &client, vec![draft], 1)?;
    let messages = accept_all(send, &client, &request).await?;
    let accepted = request.drafts.first().zip(messages.first());
    let (draft, message) = accepted.ok_or_else(Failure::internal)?;
    Ok(response::accepted(meta, draft, message))
}

async fn accept_batch(send: &Send, request: &Request, meta: Meta) -> Result<String, Failure> {
    let client = authenticate(send, request).await?;
    let mut batch = read_batch(read_body(request)?, send.segment_limit()).map_err(Failure::invalid)?;
    let posted = batch.posted();
    let request = accept_request(request, &client, std::mem::take(&mut batch.drafts), posted)?;
    let messages = accept_all(send, &client, &request).await?;
    response::accepted_batch(meta, &batch, &request.drafts, &messages).ok_or_else(Failure::internal)
}

async fn show(send: &Send, request: &Request, id: &str, meta: Meta) -> Result<String, Failure> {
    let account = authenticate(send, request).await?.account;
    let id = id.parse::<MessageId>().map_err(|_| Failure::not_found())?;
    let message = query::message(&send.gateway, &account, id).await.map_err(|error| unavailable(&error))?;
    Ok(response::shown(meta, &message.ok_or_else(Failure::not_found)?))
}

/// Authenticates by the bearer token, which is an API key of the account. Checks the query first, as every path does.
async fn authenticate(send: &Send, request: &Request) -> Result<Client, Failure> {
    check_query(request).map_err(|_| Failure::invalid_query())?;
    let key = bearer(request).filter(|key| key.len() <= LONGEST_KEY).ok_or_else(Failure::unauthorized)?;
    let client = client_of_key(&key, &send.directory).await.map_err(|error| unavailable(&error))?;
    client.ok_or_else(Failure::unauthorized)
}

fn read_body(request: &Request) -> Result<&[u8], Failure> {
    body(request, MOST_BYTES).map_err(|error| match error {
        BodyError::TooLarge(most) => Failure::too_large(most),
        BodyError::ContentEncoding => Failure::content_encoding(),
    })
}

fn accept_request(
    request: &Request,
    client: &Client,
    drafts: Vec<Draft>,
    posted: usize,
) -> Result<accept::Request, Failure> {
    let options = Options::read(request).map_err(Failure::invalid)?;
    let messages = Messages { dialect: Dialect::Messangi, drafts, posted, grouping: Grouping::Single };
    Ok(messages.request(client, options))
}

async fn accept_all(send: &Send, client: &Client, request: &accept::Request) -> Result<Vec<Message>, Failure> {
    accept(&send.gateway, &send.directory, &client.account, request).await.map_err(|error| match error {
        AcceptError::Rejected(rejection) => Failure::rejected(&rejection, request.drafts.len()),
        AcceptError::Suspended => Failure::suspended(),
        AcceptError::OutOfRoom(error) => Failure::out_of_room(&error),
        AcceptError::Unavailable(error) => unavailable(&error),
    })
}

/// Logs a failure of the store or queue, and hides its cause from the client.
fn unavailable(error: &Unavailable) -> Failure {
    log_unavailable(error);
    match error {
        Unavailable::Store(StoreError::Unreadable { .. }) => Failure::internal(),
        Unavailable::Store(StoreError::Unavailable { .. }) | Unavailable::Queue(_) => Failure::unavailable(),
    }
}
