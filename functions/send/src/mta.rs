//! `POST /v3/send`, in Mobile Text Alerts' format. It accepts all messages or none.
//!
//! `X-Request-Id` is an idempotency key like `Idempotency-Key`, but a repeat gets a 409. The vendor's clients expect
//! that and take it as "already accepted". So we send the 409 only after `accept` has stored and enqueued everything
//! that an interrupted first request left undone.

mod sender;

use http::Response;
use lambda_http::{Body, Request};
use shared::{
    domain::{AccountId, Dialect, FieldError, FieldErrorCode, Message, RejectionReason, SenderChoice, Timestamp},
    edge::{
        Client,
        mta::{authenticate, body, respond},
    },
    flow::accept::{AcceptError, Grouping, accept, stored_sender},
    vendors::mta::dialect::{
        error::Failure,
        rejection::rename,
        request::{RequestedSender, SendRequest, read},
        response,
    },
};

use crate::{IDEMPOTENCY_KEY, Messages, Options, Send, idempotency_key};

const REQUEST_ID: &str = "X-Request-Id";

pub(crate) async fn answer(send: &Send, request: &Request) -> Response<Body> {
    let began = send.gateway.clock.now();
    respond(&send.gateway, accept_send(send, request, began).await)
}

/// A request with its options, before its sender is known.
struct Posted {
    request: SendRequest,
    options: Options,
    /// The header with the idempotency key.
    key_header: &'static str,
}

async fn accept_send(send: &Send, request: &Request, began: Timestamp) -> Result<String, Failure> {
    let client = authenticate(request, &send.directory).await?;
    let posted = read_request(send, request, &client.account).await?;
    let messages = accept_posted(send, &client, &posted).await?;
    let first = messages.first().ok_or_else(Failure::internal)?;
    let is_repeat = messages.iter().any(|message| message.created_at < began);
    if is_repeat && posted.key_header == REQUEST_ID {
        let number = first.batch.number();
        let words = format!("The request with this {REQUEST_ID} was accepted before, with the messageId {number}.");
        return Err(Failure::conflict(words));
    }
    Ok(response::accepted(first))
}

/// Reads the body and the headers. Returns the errors in both.
async fn read_request(send: &Send, request: &Request, account: &AccountId) -> Result<Posted, Failure> {
    let body = body(request)?;
    let account = send.directory.account(account).await?;
    let country = account.and_then(|account| account.country_code);
    match (read(body, send.segment_limit(), country), read_options(request)) {
        (Ok(request), Ok((options, key_header))) => Ok(Posted { request, options, key_header }),
        (read, options) => {
            let mut errors = read.err().unwrap_or_default();
            errors.extend(options.err().into_iter().flatten());
            Err(Failure::invalid(errors))
        }
    }
}

/// Returns the options, and the header from which their idempotency key comes.
fn read_options(request: &Request) -> Result<(Options, &'static str), Vec<FieldError>> {
    let options = Options::read(request);
    match (options, idempotency_key(request, REQUEST_ID)) {
        (Ok(Options { idempotency_key: Some(_), .. }), Ok(Some(_))) => {
            let rule = "cannot be given together with Idempotency-Key";
            Err(vec![FieldError::new(REQUEST_ID, FieldErrorCode::Conflict, rule)])
        }
        (Ok(options), Ok(Some(id))) => Ok((Options { idempotency_key: Some(id), ..options }, REQUEST_ID)),
        (Ok(options), Ok(None)) => Ok((options, IDEMPOTENCY_KEY)),
        (options, id) => Err(options.err().into_iter().flatten().chain(id.err()).collect()),
    }
}

/// Accepts the messages.
///
/// A repeat may resolve to another sender than the first request, because a reply has meanwhile come to another sender
/// or an operator has changed the account's default. So if a request does not name its sender and conflicts with an
/// earlier request, we try again with the earlier sender.
async fn accept_posted(send: &Send, client: &Client, posted: &Posted) -> Result<Vec<Message>, Failure> {
    let account = &client.account;
    let from = sender::resolve(send, account, &posted.request).await?;
    let accepted = accept_from(send, client, posted, &from).await;
    let is_conflict =
        matches!(&accepted, Err(AcceptError::Rejected(rejection)) if rejection.reason == RejectionReason::Conflict);
    let names_sender = matches!(posted.request.sender, RequestedSender::Longcode(_));
    let accepted = match &posted.options.idempotency_key {
        Some(key) if is_conflict && !names_sender => {
            let recipients = posted.request.recipients.len();
            match stored_sender(&send.gateway, account, key, recipients).await? {
                Some(stored) if stored != from => accept_from(send, client, posted, &stored).await,
                _ => accepted,
            }
        }
        _ => accepted,
    };
    accepted.map_err(|error| match error {
        AcceptError::Rejected(rejection) => rename(rejection, &posted.request, posted.key_header).into(),
        error @ (AcceptError::Suspended | AcceptError::OutOfRoom(_) | AcceptError::Unavailable(_)) => error.into(),
    })
}

async fn accept_from(
    send: &Send,
    client: &Client,
    posted: &Posted,
    from: &SenderChoice,
) -> Result<Vec<Message>, AcceptError> {
    let drafts = posted.request.drafts(from);
    let messages = Messages { dialect: Dialect::Mta, posted: drafts.len(), drafts, grouping: Grouping::Numbered };
    let request = messages.request(client, posted.options.clone());
    accept(&send.gateway, &send.directory, &client.account, &request).await
}
