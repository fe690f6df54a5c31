//! A connection's credentials at its vendor.

use std::fmt;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::emulator::problem::{Fields, Problem};

#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    Key(String),
    Login { login: String, password: String },
}

/// An `Authorization` header that is neither `Bearer KEY` nor `Basic base64(LOGIN:PASSWORD)`.
#[derive(Debug)]
pub(super) struct InvalidAuthorization;

impl Credentials {
    /// Parses `{"key": …}` or `{"login": …, "password": …}`.
    pub(super) fn parse(fields: &Fields) -> Result<Self, Problem> {
        fields.only(&["key", "login", "password"])?;
        if fields.has("key") && (fields.has("login") || fields.has("password")) {
            return Err(Problem::invalid("key", "must not be beside login and password"));
        }
        if fields.has("key") {
            return Ok(Self::Key(fields.filled_text("key")?.to_owned()));
        }
        let login = fields.filled_text("login")?.to_owned();
        if login.contains(':') {
            return Err(Problem::invalid("login", "must not contain a colon"));
        }
        Ok(Self::Login { login, password: fields.filled_text("password")?.to_owned() })
    }

    /// Reads the `Authorization` header, `None` if there is none.
    pub(super) fn of_authorization(headers: &HeaderMap) -> Result<Option<Self>, InvalidAuthorization> {
        let Some(written) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
        let written = written.to_str().map_err(|_| InvalidAuthorization)?;
        let (scheme, value) = written.split_once(' ').ok_or(InvalidAuthorization)?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Some(Self::Key(value.trim().to_owned())));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(InvalidAuthorization);
        }
        let pair = STANDARD.decode(value.trim()).map_err(|_| InvalidAuthorization)?;
        let pair = String::from_utf8(pair).map_err(|_| InvalidAuthorization)?;
        let (login, password) = pair.split_once(':').ok_or(InvalidAuthorization)?;
        Ok(Some(Self::Login { login: login.to_owned(), password: password.to_owned() }))
    }
}

/// Shows the kind only.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Login { .. } => "Login",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(authorization: &str) -> Result<Option<Credentials>, InvalidAuthorization> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        Credentials::of_authorization(&headers)
    }

    #[test]
    fn authorization_is_bearer_or_basic() {
        assert_eq!(of("Bearer some-key").unwrap(), Some(Credentials::Key("some-key".into())));
        // "me:pass:word"
        let login = Credentials::Login { login: "me".into(), password: "pass:word".into() };
        assert_eq!(of("basic bWU6cGFzczp3b3Jk").unwrap(), Some(login));
        assert!(Credentials::of_authorization(&HeaderMap::new()).unwrap().is_none());
        for invalid in ["some-key", "Digest some-key", "Basic ???", "Basic bWU="] {
            assert!(of(invalid).is_err(), "{invalid}");
        }
    }
}
