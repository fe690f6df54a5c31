//! How long a server that cannot answer now wants to be left alone.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// What `Retry-After` asks for, from `now` on: in seconds, or as a date in any of the
/// forms of HTTP (RFC 9110, sections 10.2.3 and 5.6.7). None for a time that is past, and
/// for anything else. However long that may be: what is obeyed is for the caller to say.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match said.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(said).ok()?.duration_since(now.into()).ok()?,
    };
    Some(wait).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_of(said: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, said.parse().unwrap())]);
        retry_after(&headers, "2026-11-06T08:49:37Z".parse().unwrap()).map(|wait| wait.as_secs())
    }

    #[test]
    fn it_is_said_in_seconds_or_as_a_date_in_one_of_three_forms() {
        for said in [
            "120",
            " 120 ",
            "Fri, 06 Nov 2026 08:51:37 GMT",
            "Friday, 06-Nov-26 08:51:37 GMT",
            "Fri Nov  6 08:51:37 2026",
        ] {
            assert_eq!(seconds_of(said), Some(120), "{said:?}");
        }
        assert_eq!(seconds_of("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn what_is_past_or_neither_asks_for_nothing() {
        for said in [
            "0",
            "-1",
            "1.5",
            "18446744073709551616",
            "",
            "soon",
            "2026-11-06T08:51:37Z",
            "Fri, 06 Nov 2026 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds_of(said), None, "{said:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }
}
