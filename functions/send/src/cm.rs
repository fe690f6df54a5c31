//! CM.com's three gateways. `POST /v1.0/message` (JSON) answers each message separately.
//! `POST /gateway.ashx` (XML) and `GET /gateway.ashx` accept all messages or none, and answer 200 either way.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};
use shared::{
    domain::{AccountId, Dialect, FieldError, SegmentLimit},
    edge::{LONGEST_KEY, MOST_BYTES, account_of_key, body, json, log_unavailable},
    flow::accept::{self, AcceptError, accept, accept_each},
    vendors::cm::dialect::{
        ParsedMessage, ReadContext, TOKEN_HEADER,
        error::{MessageError, RequestError},
        query::Query,
        request,
        response::{self, Reason},
        xml,
    },
};

use crate::{Headers, Send};

pub(crate) async fn answer(send: &Send, request: &Request, path: &[&str]) -> Response<Body> {
    match path {
        ["gateway.ashx"] => answer_gateway(send, request).await,
        _ => answer_json(send, request).await,
    }
}

/// Answers the JSON gateway.
async fn answer_json(send: &Send, request: &Request) -> Response<Body> {
    if request.method() != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let (status, answer) = accept_json(send, request).await.unwrap_or_else(|error| response::reject(&error));
    json(status, answer)
}

async fn accept_json(send: &Send, request: &Request) -> Result<(StatusCode, String), RequestError> {
    let posted = request::Posted::parse(read_body(request)?)?;
    let account = authenticate(send, request, posted.token()?).await?;
    let parsed = posted.read(&context(send))?;
    let request = accept_request(request, &parsed)?;
    if request.drafts.is_empty() {
        return Ok(response::write(&parsed, &[]));
    }
    let accepted = accept_each(&send.gateway, &send.directory, &account, &request).await;
    let accepted = accepted.map_err(|error| unknown(&error))?;
    Ok(response::write(&parsed, &accepted))
}

/// Answers the XML and GET gateways.
async fn answer_gateway(send: &Send, request: &Request) -> Response<Body> {
    let (accepted, error_text) = match *request.method() {
        Method::POST => (accept_xml(send, request).await, response::xml_error as fn(&Reason<'_>) -> String),
        Method::GET => (accept_query(send, request).await, response::query_error as fn(&Reason<'_>) -> String),
        _ => return empty(StatusCode::BAD_REQUEST),
    };
    match accepted {
        Ok(()) => empty(StatusCode::OK),
        Err(SendError::Request(error)) => line(error_text(&Reason::Request(&error))),
        Err(SendError::Message(error)) => line(error_text(&Reason::Message(&error))),
    }
}

/// The error that rejects a whole XML or GET request.
enum SendError {
    Request(RequestError),
    Message(MessageError),
}

impl From<RequestError> for SendError {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

async fn accept_xml(send: &Send, request: &Request) -> Result<(), SendError> {
    let posted = xml::Posted::parse(read_body(request)?)?;
    let account = authenticate(send, request, posted.token()).await?;
    accept_all(send, request, &account, posted.read(&context(send))?).await
}

async fn accept_query(send: &Send, request: &Request) -> Result<(), SendError> {
    let parameters = request.query_string_parameters();
    let query = Query::of(parameters.iter());
    let account = authenticate(send, request, query.token()).await?;
    accept_all(send, request, &account, vec![query.read(&context(send))]).await
}

/// Accepts all messages, or none and returns the first error.
async fn accept_all(
    send: &Send,
    request: &Request,
    account: &AccountId,
    parsed: Vec<ParsedMessage>,
) -> Result<(), SendError> {
    if let Some(error) = parsed.iter().find_map(|parsed| parsed.draft.as_ref().err()) {
        return Err(SendError::Message(error.clone()));
    }
    let request = accept_request(request, &parsed)?;
    match accept(&send.gateway, &send.directory, account, &request).await {
        Ok(_) => Ok(()),
        Err(AcceptError::Rejected(rejection)) => Err(MessageError::of_rejection(&rejection)
            .map_or(SendError::Request(RequestError::Unknown), SendError::Message)),
        Err(error @ AcceptError::Unavailable(_)) => Err(unknown(&error).into()),
    }
}

fn read_body(request: &Request) -> Result<&[u8], RequestError> {
    body(request, MOST_BYTES).map_err(|_| RequestError::TooLarge)
}

/// Authenticates by the product token, which is an API key of the account. A token in the body or
/// query takes precedence over the header.
async fn authenticate(send: &Send, request: &Request, token: Option<&str>) -> Result<AccountId, RequestError> {
    let header = request.headers().get(TOKEN_HEADER).and_then(|value| value.to_str().ok());
    let invalid = |token: &str| RequestError::InvalidToken(Some(token.chars().take(LONGEST_KEY).collect()));
    let token = token.or(header).ok_or(RequestError::InvalidToken(None))?;
    if token.is_empty() || token.len() > LONGEST_KEY {
        return Err(invalid(token));
    }
    let account = account_of_key(token, &send.directory).await;
    account.map_err(|error| unknown(&error.into()))?.ok_or(RequestError::NoAccount)
}

fn context(send: &Send) -> ReadContext {
    ReadContext { limit: SegmentLimit(send.gateway.settings.segment_limit), now: send.gateway.clock.now() }
}

fn accept_request(request: &Request, parsed: &[ParsedMessage]) -> Result<accept::Request, RequestError> {
    let header =
        |errors: Vec<FieldError>| errors.into_iter().next().map_or(RequestError::Unknown, RequestError::Header);
    let Headers { idempotency_key, on_unknown } = Headers::read(request).map_err(header)?;
    let drafts = parsed.iter().filter_map(|parsed| parsed.draft.clone().ok()).collect();
    let (dialect, posted, dry_run) = (Dialect::Cm, parsed.len(), false);
    Ok(accept::Request { dialect, drafts, posted, idempotency_key, on_unknown, dry_run })
}

/// Logs a failure of the store or queue, and hides its cause from the client.
fn unknown(error: &AcceptError) -> RequestError {
    if let AcceptError::Unavailable(error) = error {
        log_unavailable(error);
    }
    RequestError::Unknown
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Returns plain text. The text quotes the client's input, so `nosniff` keeps a browser from
/// interpreting it as HTML.
fn line(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
