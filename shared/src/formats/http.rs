//! HTTP requests to carriers and their answers. A submit's outcome depends on the status first: a vendor judges only
//! the answers that its page describes.

use std::iter;

use jiff::Timestamp;
use reqwest::{
    Error, RequestBuilder, Response, StatusCode,
    header::{HeaderName, HeaderValue},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    caseless::{Object, said},
    webhook_json::one_or_many,
};
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

    /// Returns whether the status blames the request's content, of which our requests have a single message.
    pub(crate) fn blames_message(&self) -> bool {
        let blaming = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY];
        blaming.contains(&self.status)
    }

    /// Returns the error text in the body, if the body is JSON and has any.
    pub(crate) fn words(&self) -> Option<String> {
        self.json::<Value>().as_ref().and_then(words_of_error)
    }

    /// Returns `Rejected` with the status, and with the words of the body if it is JSON and has any.
    pub(crate) fn rejection(&self) -> Outcome {
        match self.words() {
            Some(words) => Outcome::rejected(&self.reason(), &words),
            None => Outcome::Rejected { reason: self.reason() },
        }
    }
}

/// Keys under which APIs describe an error in words.
const ERROR_WORDS: [&str; 5] = ["message", "error", "detail", "description", "title"];
/// Keys under which an error may stand, or a list of errors.
const ERRORS: [&str; 2] = ["error", "errors"];

/// Returns the words of an error: beside other fields, or in `error`, or in the first of `errors`.
fn words_of_error(body: &Value) -> Option<String> {
    let nested = ERRORS.iter().filter_map(|key| one_or_many(Object::of(body)?.get(key)?).first());
    iter::once(body).chain(nested).find_map(words)
}

fn words(error: &Value) -> Option<String> {
    let is_words = |value: &&Value| value.is_string();
    let of_key = |key: &&str| Object::of(error)?.get(key).filter(is_words).and_then(said);
    ERROR_WORDS.iter().find_map(of_key).or_else(|| Some(error).filter(is_words).and_then(said))
}

/// Sends a submit, once, and returns its outcome. `judge` returns the outcome of an answer that the vendor's page
/// describes. It gets successes and client errors only; the rest is the same for all vendors:
///
/// - *busy*: no connection, 429 and 503, with the wait in `Retry-After`, which counts from `begun`.
/// - *refused*: a client error that `judge` does not know. The carrier does not know us or the path, or a firewall
///   before it does not let this message pass. The carrier took no message.
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
        None if status.is_client_error() => Outcome::Refused { reason: answer.reason() },
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
pub(crate) fn no_response(error: &Error) -> Outcome {
    if error.is_connect() {
        return Outcome::busy("no connection to the carrier");
    }
    if error.is_builder() {
        return Outcome::busy("could not build the request: the endpoint or a credential is invalid");
    }
    Outcome::unknown(if error.is_timeout() { "no answer in time" } else { "the connection broke" })
}

/// Returns `Busy`: the carrier did not take the message.
pub(crate) fn busy_response(response: &Response, begun: Timestamp) -> Outcome {
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
    fn rejection_has_the_words_of_the_body() {
        for (body, words) in [
            (r#"{"message": "no such sender", "error": "Bad Request"}"#, ": no such sender"),
            (r#"{"code": 7, "message": ["a"], "Error": "Bad Request"}"#, ": Bad Request"),
            (r#"{"error": {"code": "x", "message": "too long", "field": "text"}}"#, ": too long"),
            (r#"{"errors": [{"title": "first"}, {"title": "second"}]}"#, ": first"),
            (r#"{"errors": ["first"]}"#, ": first"),
            (r#"{"errors": {"description": "only"}}"#, ": only"),
            (r#""text""#, ": text"),
            (r#"{"message": "447911000001 is no number"}"#, ": … is no number"),
            (r#"{"message": "12 345"}"#, "…"),
            (r#"{"message": " ", "detail": 7, "errors": []}"#, ""),
            ("[]", ""),
            ("<html>", ""),
        ] {
            let answer = Answer { status: StatusCode::BAD_REQUEST, body: Some(body.into()) };
            let reason = if words == "…" { "status …".to_owned() } else { format!("status 400{words}") };
            assert_eq!(answer.rejection(), Outcome::Rejected { reason }, "{body}");
        }
        let broken = Answer { status: StatusCode::PAYLOAD_TOO_LARGE, body: None };
        assert_eq!(broken.rejection(), Outcome::Rejected { reason: "status 413".to_owned() });
    }

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
