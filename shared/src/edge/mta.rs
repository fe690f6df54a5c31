//! Functions' common parts for the dialect `mta`: authentication, bodies and answers.

use http::{Response, StatusCode};
use lambda_http::{Body, Request};

use super::{
    BodyError, Client, LONGEST_KEY, MOST_BYTES, bearer, check_query, client_of_key, json, log_unavailable, with_advice,
};
use crate::{
    flow::{Gateway, Unavailable, accept::AcceptError},
    store::{Directory, StoreError},
    vendors::mta::dialect::error::Failure,
};

/// Authenticates by the bearer token, which is one of the account's API keys. Checks the query first, on every path.
///
/// # Errors
/// 400 for an unreadable query, 401, 500 and 503.
pub async fn authenticate(request: &Request, directory: &Directory) -> Result<Client, Failure> {
    check_query(request).map_err(|_| Failure::invalid_query())?;
    let key = bearer(request).filter(|key| key.len() <= LONGEST_KEY).ok_or_else(Failure::unauthorized)?;
    client_of_key(&key, directory).await?.ok_or_else(Failure::unauthorized)
}

/// Returns the body.
///
/// # Errors
/// 413 and 415.
pub fn body(request: &Request) -> Result<&[u8], Failure> {
    super::body(request, MOST_BYTES).map_err(|error| match error {
        BodyError::TooLarge(most) => Failure::too_large(most),
        BodyError::ContentEncoding => Failure::content_encoding(),
    })
}

/// Returns the answer to a request.
#[must_use]
pub fn respond(gateway: &Gateway, answered: Result<String, Failure>) -> Response<Body> {
    let failure = match answered {
        Ok(answer) => return json(StatusCode::OK, answer),
        Err(failure) => failure,
    };
    let now = gateway.clock.now();
    with_advice(json(failure.status, failure.write(now, gateway.random.uuid(now))))
}

/// Logs a store or queue failure, and hides its cause from the client.
impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        log_unavailable(&error);
        match error {
            Unavailable::Store(StoreError::Unreadable { .. }) => Self::internal(),
            Unavailable::Store(StoreError::Unavailable { .. }) | Unavailable::Queue(_) => Self::unavailable(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Unavailable::from(error).into()
    }
}

impl From<AcceptError> for Failure {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Rejected(rejection) => rejection.into(),
            AcceptError::Suspended => Self::suspended(),
            AcceptError::OutOfRoom(error) => Self::out_of_room(&error),
            AcceptError::Unavailable(error) => error.into(),
        }
    }
}
