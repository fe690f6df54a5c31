//! `POST {endpoint}/kingslanding/login` with `{"username","password"}`. A 200 has the key in its header
//! `authorization: Bearer KEY`, and no body. The key is valid for 24 hours.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Response, StatusCode, header::AUTHORIZATION};
use serde::Serialize;
use tracing::warn;

use crate::{
    domain::{CredentialPart, Outcome},
    formats::http::{busy_response, no_response},
    vendors::{Connection, LoginError, SessionKey},
};

/// An hour less than Messangi's limit, for clocks that differ and submits under way.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(23);
const SCHEME: &str = "Bearer ";

#[derive(Serialize)]
struct Request<'a> {
    username: &'a str,
    password: &'a str,
}

/// Returns the key of a login, new or still valid.
///
/// # Errors
/// `Busy` if Messangi gave none.
pub(super) async fn session_key(connection: &Connection<'_>, now: Timestamp) -> Result<Arc<str>, Outcome> {
    let within = (now, connection.settings.timeout());
    connection.sessions.key(connection.name, connection.credentials, within, log_in(connection, now)).await
}

async fn log_in(connection: &Connection<'_>, now: Timestamp) -> Result<SessionKey, LoginError> {
    let part = |part| connection.credentials.get(part).unwrap_or_default();
    let request = Request { username: part(CredentialPart::Login), password: part(CredentialPart::Password) };
    let sent = connection.post(&["kingslanding", "login"]).json(&request).send().await;
    let response = sent.map_err(|error| {
        LoginError::Failed(match no_response(&error) {
            // The message was not sent.
            Outcome::Unknown { reason } => Outcome::busy(format!("login: {reason}")),
            busy => busy,
        })
    })?;
    let status = response.status();
    let failed = match status {
        _ if status.is_success() => match key_of(&response) {
            Some(key) => return Ok(SessionKey { key: key.to_owned(), valid_for: VALID_FOR }),
            None => Outcome::busy("the answer to the login has no key"),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            warn!(carrier = connection.name.as_str(), status = status.as_u16(), "the carrier refused the login");
            return Err(LoginError::Refused(Outcome::busy(format!("login refused ({})", status.as_u16()))));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => busy_response(&response, now),
        _ => Outcome::busy(format!("login failed ({})", status.as_u16())),
    };
    Err(LoginError::Failed(failed))
}

fn key_of(response: &Response) -> Option<&str> {
    let header = response.headers().get(AUTHORIZATION)?.to_str().ok()?.trim();
    let key = match header.split_at_checked(SCHEME.len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(SCHEME) => key.trim_start(),
        _ => header,
    };
    Some(key).filter(|key| !key.is_empty() && !key.eq_ignore_ascii_case(SCHEME.trim_end()))
}
