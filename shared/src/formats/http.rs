//! HTTP requests to carriers and their answers. A submit's outcome depends on the status first: a vendor judges only
//! the answers that its page describes.

use jiff::Timestamp;
use reqwest::{
    Error, RequestBuilder, Response, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;

use crate::{
    domain::{CredentialPart, Credentials, Outcome},
    runtime::retry_after,
};

/// Limit on an answer, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// An answer of a carrier.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// `None` if the body broke off, timed out or was longer than 64 KiB.
    pub(crate) body: Option<Vec<u8>>,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        Self { status: response.status(), body: read_up_to(LONGEST_ANSWER, response).await }
    }

    /// Returns the body, if it is JSON of this form.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body.as_deref()?).ok()
    }

    /// Describes the status: `status 404`.
    pub(crate) fn reason(&self) -> String {
        describe(self.status)
    }
}

/// Sends a submit, once, and returns its outcome. `judge` returns the outcome of an answer that the vendor's page
/// describes. It gets successes and client errors only; the rest is the same for all vendors:
///
/// - *busy*: no connection, 429 and 503, with the wait in `Retry-After`, which counts from `begun`; and a client error
///   that `judge` does not know. Then the carrier does not know us or the path: it took no message, and an operator
///   has to look.
/// - *unknown*: no answer, and any other status. The carrier, or a proxy before it, may have passed the message on.
pub(crate) async fn submit(
    request: RequestBuilder,
    begun: Timestamp,
    judge: impl FnOnce(&Answer) -> Option<Outcome>,
) -> Outcome {
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return no_response(&error),
    };
    let status = response.status();
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => return busy_response(&response, begun),
        // The carrier, or a proxy before it, stopped waiting for the request, but may have received it by now.
        StatusCode::REQUEST_TIMEOUT => return Outcome::unknown(describe(status)),
        _ if !status.is_success() && !status.is_client_error() => return Outcome::unknown(describe(status)),
        _ => {}
    }
    let answer = Answer::read(response).await;
    match judge(&answer) {
        Some(outcome) => outcome,
        None if status.is_client_error() => Outcome::busy(answer.reason()),
        None => Outcome::unknown(format!("{}, unreadable answer", answer.reason())),
    }
}

/// Adds the credentials, if there are any: a key as a bearer token, or login and password by HTTP Basic.
pub(crate) fn authorized(request: RequestBuilder, credentials: &Credentials) -> RequestBuilder {
    match (credentials.get(CredentialPart::Key), credentials.get(CredentialPart::Login)) {
        (Some(key), _) => request.bearer_auth(key),
        (None, Some(login)) => request.basic_auth(login, credentials.get(CredentialPart::Password)),
        (None, None) => request,
    }
}

/// Adds a header whose value stays out of logs. An invalid value makes the request fail unsent.
pub(crate) fn with_secret(request: RequestBuilder, name: HeaderName, value: &str) -> RequestBuilder {
    match HeaderValue::from_str(value) {
        Ok(mut secret) => {
            secret.set_sensitive(true);
            request.header(name, secret)
        }
        Err(_) => request.header(name, value),
    }
}

/// Returns the outcome of a request without an answer: `Busy` if we could not send it, so the carrier has no
/// message; otherwise `Unknown`.
fn no_response(error: &Error) -> Outcome {
    if error.is_connect() {
        return Outcome::busy("no connection to the carrier");
    }
    if error.is_builder() {
        return Outcome::busy("could not build the request: the endpoint or a credential is invalid");
    }
    Outcome::unknown(if error.is_timeout() { "no answer in time" } else { "the connection broke" })
}

/// Returns `Busy`: the carrier did not take the message.
fn busy_response(response: &Response, begun: Timestamp) -> Outcome {
    let reason = format!("busy ({})", describe(response.status()));
    Outcome::Busy { retry_after: retry_after(response.headers(), begun), reason }
}

fn describe(status: StatusCode) -> String {
    format!("status {}", status.as_u16())
}

/// Returns the body, or `None` if it breaks off, times out or exceeds `most` bytes.
async fn read_up_to(most: usize, mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if body.len() + chunk.len() > most {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::HttpStack;

    #[test]
    fn secret_header_is_sent_but_not_shown() {
        let name = HeaderName::from_static("x-token");
        let request =
            with_secret(HttpStack::new().unwrap().client().post("http://127.0.0.1/"), name.clone(), "a-secret");
        let request = request.build().unwrap();
        assert_eq!(request.headers()[name], "a-secret");
        assert!(!format!("{request:?}").contains("a-secret"));
    }
}
