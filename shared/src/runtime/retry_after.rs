//! The `Retry-After` header.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Parses `Retry-After` and returns the wait from `now`. The header holds seconds or an HTTP date
/// (RFC 9110, sections 10.2.3 and 5.6.7). Returns `None` for zero, a past time, or a missing or malformed
/// value. The wait has no upper limit, so callers must set their own.
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
    fn retry_after_is_seconds_or_a_date_in_three_forms() {
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
    fn past_or_malformed_retry_after_is_none() {
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
