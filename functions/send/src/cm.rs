//! CM.com's three gateways. `POST /v1.0/message` (JSON) answers each message separately.
//! `POST /gateway.ashx` (XML) and `GET /gateway.ashx` accept all messages or none, and answer 200 either way, but for a
//! compressed body, a query that cannot be read, and 429.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request};
use shared::{
    domain::{Dialect, FieldError},
    edge::{
        BodyError, Client, LONGEST_KEY, MOST_BYTES, body, check_query, client_of_key, header, json, log_unavailable,
        raw_query, with_advice,
    },
    flow::accept::{self, AcceptError, Grouping, accept, accept_each},
    vendors::cm::dialect::{
        ParsedMessage, ReadContext, TOKEN_HEADER,
        error::{MessageError, RequestError},
        query::Query,
        request,
        response::{self, Reason},
        xml,
    },
};

use crate::{Messages, Options, Send};

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
    with_advice(json(status, answer))
}

async fn accept_json(send: &Send, request: &Request) -> Result<(StatusCode, String), RequestError> {
    read_query(request)?;
    let posted = request::Posted::parse(body(request, MOST_BYTES).map_err(unreadable)?)?;
    let client = authenticate(send, request, posted.token()?).await?;
    let parsed = posted.read(&context(send))?;
    let request = accept_request(request, &client, &parsed)?;
    if request.drafts.is_empty() {
        return Ok(response::write(&parsed, &[], request.dry_run));
    }
    let accepted = accept_each(&send.gateway, &send.directory, &client.account, &request).await;
    let accepted = accepted.map_err(|error| request_error(&error))?;
    Ok(response::write(&parsed, &accepted, request.dry_run))
}

/// Answers the XML and GET gateways.
async fn answer_gateway(send: &Send, request: &Request) -> Response<Body> {
    let (accepted, error_text) = match *request.method() {
        Method::POST => (accept_xml(send, request).await, response::xml_error as fn(&Reason<'_>) -> String),
        Method::GET => (accept_query(send, request).await, response::query_error as fn(&Reason<'_>) -> String),
        _ => return empty(StatusCode::BAD_REQUEST),
    };
    match accepted {
        Ok(()) => line(StatusCode::OK, String::new()),
        Err(SendError::Request(error)) => {
            with_advice(line(response::line_status(&error), error_text(&Reason::Request(&error))))
        }
        Err(SendError::Message(error)) => line(StatusCode::OK, error_text(&Reason::Message(&error))),
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
    read_query(request)?;
    let posted = xml::Posted::parse(body(request, MOST_BYTES).map_err(unreadable)?)?;
    let client = authenticate(send, request, posted.token()?).await?;
    accept_all(send, request, &client, posted.read(&context(send))?).await
}

async fn accept_query(send: &Send, request: &Request) -> Result<(), SendError> {
    read_query(request)?;
    let query = Query::parse(raw_query(request));
    let client = authenticate(send, request, query.token()?).await?;
    accept_all(send, request, &client, vec![query.read(&context(send))]).await
}

/// Accepts all messages, or none and returns the first error.
async fn accept_all(
    send: &Send,
    request: &Request,
    client: &Client,
    parsed: Vec<ParsedMessage>,
) -> Result<(), SendError> {
    if let Some(error) = parsed.iter().find_map(|parsed| parsed.draft.as_ref().err()) {
        return Err(SendError::Message(error.clone()));
    }
    let request = accept_request(request, client, &parsed)?;
    match accept(&send.gateway, &send.directory, &client.account, &request).await {
        Ok(_) => Ok(()),
        Err(AcceptError::Rejected(rejection)) => Err(MessageError::of_rejection(&rejection)
            .map_or(SendError::Request(RequestError::Unknown), SendError::Message)),
        Err(error) => Err(request_error(&error).into()),
    }
}

fn read_query(request: &Request) -> Result<(), RequestError> {
    check_query(request).map_err(|_| RequestError::InvalidQuery)
}

fn unreadable(error: BodyError) -> RequestError {
    match error {
        BodyError::TooLarge(_) => RequestError::TooLarge,
        BodyError::ContentEncoding => RequestError::ContentEncoding,
    }
}

/// Authenticates by the product token, which is an API key of the account. A token in the body or
/// query takes precedence over the header.
async fn authenticate(send: &Send, request: &Request, token: Option<&str>) -> Result<Client, RequestError> {
    let header = header(request, TOKEN_HEADER).ok().flatten();
    let invalid = |token: &str| RequestError::InvalidToken(Some(token.chars().take(LONGEST_KEY).collect()));
    let token = token.or(header).ok_or(RequestError::InvalidToken(None))?;
    if token.is_empty() || token.len() > LONGEST_KEY {
        return Err(invalid(token));
    }
    let client = client_of_key(token, &send.directory).await;
    client.map_err(|error| request_error(&error.into()))?.ok_or(RequestError::NoAccount)
}

fn context(send: &Send) -> ReadContext {
    ReadContext { limit: send.segment_limit(), now: send.gateway.clock.now() }
}

fn accept_request(
    request: &Request,
    client: &Client,
    parsed: &[ParsedMessage],
) -> Result<accept::Request, RequestError> {
    let first = |errors: Vec<FieldError>| errors.into_iter().next().map_or(RequestError::Unknown, RequestError::Header);
    let options = Options::read(request).map_err(first)?;
    let drafts = parsed.iter().filter_map(|parsed| parsed.draft.clone().ok()).collect();
    let messages = Messages { dialect: Dialect::Cm, drafts, posted: parsed.len(), grouping: Grouping::Single };
    Ok(messages.request(client, options))
}

/// Returns the error that rejects a whole request. Logs a failure of the store or queue, and hides its cause from the
/// client.
fn request_error(error: &AcceptError) -> RequestError {
    match error {
        AcceptError::Suspended => RequestError::Suspended,
        AcceptError::OutOfRoom(error) => RequestError::OutOfRoom(*error),
        AcceptError::Unavailable(error) => {
            log_unavailable(error);
            RequestError::Unknown
        }
        AcceptError::Rejected(_) => RequestError::Unknown,
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Returns plain text, which an empty body is too. The text quotes the client's input, so `nosniff` keeps a browser
/// from interpreting it as HTML.
fn line(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
