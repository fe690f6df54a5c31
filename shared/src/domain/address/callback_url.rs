//! Callback URLs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

/// An absolute `http` or `https` URL with a host, at most 2,048 bytes long.
///
/// [`crate::callbacks`] checks the host's IP address at each call, because the host may resolve differently
/// by then.
/// `Debug` prints only the host, because queries contain clients' tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallbackUrl {
    /// The client's spelling, which we also return.
    written: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallbackUrlError {
    #[error("is longer than 2,048 bytes")]
    TooLong,
    #[error("holds a control character")]
    ControlCharacter,
    #[error("is not an absolute URL")]
    NotAbsolute,
    #[error("is not an http or https URL")]
    Scheme,
    #[error("has no host")]
    NoHost,
    #[error("holds a user name or password; put a token in the query instead")]
    Credentials,
}

impl CallbackUrl {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl FromStr for CallbackUrl {
    type Err = CallbackUrlError;

    fn from_str(text: &str) -> Result<Self, CallbackUrlError> {
        if text.len() > 2048 {
            return Err(CallbackUrlError::TooLong);
        }
        // The parser would drop line breaks and tabs silently.
        if text.contains(char::is_control) {
            return Err(CallbackUrlError::ControlCharacter);
        }
        let url = Url::parse(text).map_err(|_| CallbackUrlError::NotAbsolute)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(CallbackUrlError::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(CallbackUrlError::NoHost);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CallbackUrlError::Credentials);
        }
        Ok(Self { written: text.to_owned() })
    }
}

impl TryFrom<String> for CallbackUrl {
    type Error = CallbackUrlError;

    fn try_from(text: String) -> Result<Self, CallbackUrlError> {
        text.parse()
    }
}

impl From<CallbackUrl> for String {
    fn from(url: CallbackUrl) -> Self {
        url.written
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = Url::parse(&self.written).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("?");
        write!(f, "CallbackUrl({host}/…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_keeps_its_spelling_and_debug_shows_the_host() {
        let written = "https://my-website.com/dr?id=first_message";
        assert_eq!(written.parse::<CallbackUrl>().unwrap().as_str(), written);
        assert_eq!(format!("{:?}", written.parse::<CallbackUrl>().unwrap()), "CallbackUrl(my-website.com/…)");
    }

    #[test]
    fn each_invalid_url_has_its_own_error() {
        use CallbackUrlError as E;
        let long = format!("https://a.example/{}", "x".repeat(2048));
        for (text, error) in [
            (long.as_str(), E::TooLong),
            ("https://a.example/\r\nX-Other: 1", E::ControlCharacter),
            ("/dr", E::NotAbsolute),
            ("my-website.com", E::NotAbsolute),
            ("ftp://a.example/", E::Scheme),
            ("javascript:alert(1)", E::Scheme),
            ("https://me:pw@a.example/", E::Credentials),
        ] {
            assert_eq!(text.parse::<CallbackUrl>(), Err(error), "{text}");
        }
    }
}
