//! Callback URLs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// An absolute `http` or `https` URL with a possible host and port, at most 2,048 bytes long.
///
/// [`crate::callbacks`] checks the host's IP address at each call, because the host may resolve differently
/// by then.
/// `Debug` prints only the origin, because paths and queries contain clients' tokens.
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
    #[error("has a host that cannot exist: each part between dots is 1 to 63 characters without '-' at an end")]
    HostName,
    #[error("has port 0, which cannot be called")]
    PortZero,
    #[error("holds a user name or password; put a token in the query instead")]
    Credentials,
}

impl CallbackUrl {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns the URL's origin, and `/…` in place of everything behind it, where clients put tokens:
    /// `https://acme.example/…`.
    #[must_use]
    pub fn redacted(&self) -> String {
        // The origin is in ASCII, so no letter of another script imitates a known host.
        let origin = Url::parse(&self.written).map(|url| url.origin().ascii_serialization());
        format!("{}/…", origin.as_deref().unwrap_or("?"))
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
        if url.host().is_some_and(|host| matches!(host, Host::Domain(name) if !is_host_name(name))) {
            return Err(CallbackUrlError::HostName);
        }
        if url.port() == Some(0) {
            return Err(CallbackUrlError::PortZero);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(CallbackUrlError::Credentials);
        }
        Ok(Self { written: text.to_owned() })
    }
}

/// Returns whether DNS could have the name (RFC 1123, section 2.1). We allow a dot at the end, and underscores,
/// which some services use.
fn is_host_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    name.len() <= 253 && name.split('.').all(is_label)
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
        write!(f, "CallbackUrl({})", self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_keeps_its_spelling_and_debug_shows_the_origin() {
        let written = "https://my-website.com/dr?id=first_message";
        assert_eq!(written.parse::<CallbackUrl>().unwrap().as_str(), written);
        assert_eq!(format!("{:?}", written.parse::<CallbackUrl>().unwrap()), "CallbackUrl(https://my-website.com/…)");
    }

    #[test]
    fn redacted_url_has_only_its_origin() {
        for (written, redacted) in [
            ("https://a.example/services/T0/token?key=secret#part", "https://a.example/…"),
            ("http://a.example:8080/", "http://a.example:8080/…"),
            ("HTTPS://A.Example:443", "https://a.example/…"),
            ("https://a.example?token", "https://a.example/…"),
            ("https:a.example/token", "https://a.example/…"),
            ("https://a.example\\@token/", "https://a.example/…"),
            ("http://[::1]:1/token", "http://[::1]:1/…"),
            ("https://café.example/token", "https://xn--caf-dma.example/…"),
        ] {
            assert_eq!(written.parse::<CallbackUrl>().unwrap().redacted(), redacted, "{written}");
        }
    }

    #[test]
    fn hosts_that_may_exist_are_accepted() {
        for host in ["a.example.", "my_hooks.example:8080", "xn--caf-dma.example", "café.example", "127.0.0.1", "[::1]"]
        {
            assert!(format!("https://{host}/dr").parse::<CallbackUrl>().is_ok(), "{host}");
        }
    }

    #[test]
    fn each_invalid_url_has_its_own_error() {
        use CallbackUrlError as E;
        let long = format!("https://a.example/{}", "x".repeat(2048));
        let label = format!("https://{}.example/", "a".repeat(64));
        let name = format!("https://{}example/", "a.".repeat(124));
        for (text, error) in [
            (long.as_str(), E::TooLong),
            ("https://a.example/\r\nX-Other: 1", E::ControlCharacter),
            ("/dr", E::NotAbsolute),
            ("my-website.com", E::NotAbsolute),
            ("ftp://a.example/", E::Scheme),
            ("javascript:alert(1)", E::Scheme),
            ("https://me:pw@a.example/", E::Credentials),
            ("https://a.example:0/", E::PortZero),
            ("https://a..b/", E::HostName),
            ("https://a.example../", E::HostName),
            ("https://.example/", E::HostName),
            ("https://-a.example/", E::HostName),
            ("https://a-.example/", E::HostName),
            (label.as_str(), E::HostName),
            (name.as_str(), E::HostName),
        ] {
            assert_eq!(text.parse::<CallbackUrl>(), Err(error), "{text}");
        }
    }
}
