//! CM.com's three gateways. `POST /v1.0/message` (JSON) answers message by
//! message; `POST /gateway.ashx` (XML) and `GET /gateway.ashx` take all that is
//! asked for or nothing, and answer 200 either way.

use http::{HeaderValue, Method, Response, StatusCode, header};
use lambda_http::{Body, Request, RequestExt};
use shared::{
    domain::{AccountId, Dialect, FieldError, SegmentLimit},
    edge::{LONGEST_KEY, MOST_BYTES, account_of_key, body, json, log_unavailable},
    flow::accept::{self, AcceptError, accept, accept_each},
    vendors::cm::dialect::{
        Asked, TOKEN_HEADER, Terms,
        error::{MessageError, RequestError},
        query::Query,
        request,
        response::{self, Reason},
        xml,
    },
};

use crate::{Headers, Send};

/// The JSON gateway.
pub(crate) async fn answer_json(send: &Send, request: &Request) -> Response<Body> {
    if request.method() != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let (status, answer) = take_json(send, request).await.unwrap_or_else(|error| response::refuse(&error));
    json(status, answer)
}

async fn take_json(send: &Send, request: &Request) -> Result<(StatusCode, String), RequestError> {
    let posted = request::Posted::parse(read_body(request)?)?;
    let account = authenticate(send, request, posted.token()?).await?;
    let asked = posted.read(&terms(send))?;
    let wish = wish(request, &asked)?;
    if wish.drafts.is_empty() {
        return Ok(response::write(&asked, &[]));
    }
    let accepted = accept_each(&send.gateway, &send.directory, &account, &wish).await;
    let accepted = accepted.map_err(|error| unknown(&error))?;
    Ok(response::write(&asked, &accepted))
}

/// The XML gateway, and the one for GET.
pub(crate) async fn answer_gateway(send: &Send, request: &Request) -> Response<Body> {
    let (taken, error_text) = match *request.method() {
        Method::POST => (take_xml(send, request).await, response::xml_error as fn(&Reason<'_>) -> String),
        Method::GET => (take_query(send, request).await, response::query_error as fn(&Reason<'_>) -> String),
        _ => return empty(StatusCode::BAD_REQUEST),
    };
    match taken {
        Ok(()) => empty(StatusCode::OK),
        Err(Why::Request(error)) => line(error_text(&Reason::Request(&error))),
        Err(Why::Message(error)) => line(error_text(&Reason::Message(&error))),
    }
}

/// Why nothing was taken.
enum Why {
    Request(RequestError),
    Message(MessageError),
}

impl From<RequestError> for Why {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

async fn take_xml(send: &Send, request: &Request) -> Result<(), Why> {
    let posted = xml::Posted::parse(read_body(request)?)?;
    let account = authenticate(send, request, posted.token()).await?;
    take_all(send, request, &account, posted.read(&terms(send))?).await
}

async fn take_query(send: &Send, request: &Request) -> Result<(), Why> {
    let parameters = request.query_string_parameters();
    let query = Query::of(parameters.iter());
    let account = authenticate(send, request, query.token()).await?;
    take_all(send, request, &account, vec![query.read(&terms(send))]).await
}

/// All that is asked for, or nothing and the first flaw of it.
async fn take_all(send: &Send, request: &Request, account: &AccountId, asked: Vec<Asked>) -> Result<(), Why> {
    if let Some(error) = asked.iter().find_map(|asked| asked.draft.as_ref().err()) {
        return Err(Why::Message(error.clone()));
    }
    let wish = wish(request, &asked)?;
    match accept(&send.gateway, &send.directory, account, &wish).await {
        Ok(_) => Ok(()),
        Err(AcceptError::Rejected(rejection)) => {
            Err(MessageError::of_rejection(&rejection).map_or(Why::Request(RequestError::Unknown), Why::Message))
        }
        Err(error @ AcceptError::Unavailable(_)) => Err(unknown(&error).into()),
    }
}

fn read_body(request: &Request) -> Result<&[u8], RequestError> {
    body(request, MOST_BYTES).map_err(|_| RequestError::TooLarge)
}

/// Whose product token it is: one of the account's API keys. That of the body
/// or query counts before that of the header.
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

fn terms(send: &Send) -> Terms {
    Terms { limit: SegmentLimit(send.gateway.settings.segment_limit), now: send.gateway.clock.now() }
}

fn wish(request: &Request, asked: &[Asked]) -> Result<accept::Request, RequestError> {
    let header =
        |errors: Vec<FieldError>| errors.into_iter().next().map_or(RequestError::Unknown, RequestError::Header);
    let Headers { idempotency_key, on_unknown } = Headers::read(request).map_err(header)?;
    let drafts = asked.iter().filter_map(|asked| asked.draft.clone().ok()).collect();
    let (dialect, posted, dry_run) = (Dialect::Cm, asked.len(), false);
    Ok(accept::Request { dialect, drafts, posted, idempotency_key, on_unknown, dry_run })
}

/// What failed is logged; the client learns only that it was not its doing.
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

/// A line of text. It repeats what the client wrote, so no browser is to take it
/// for anything else.
fn line(text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
