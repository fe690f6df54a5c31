//! Refuses requests that a web page of another site may have sent through a browser on this machine.
//!
//! Our servers listen on 127.0.0.1 and ask for no password, but a browser on this machine sends them requests of every
//! page that it shows:
//!
//! - A page of another site can make the browser follow a link, load an image or post a form or text without asking
//!   us first. The browser names the page's origin in `Origin`, or tells that the page is of another site in
//!   `Sec-Fetch-Site`. A page can set neither header.
//! - A page can point its own host name at 127.0.0.1 (DNS rebinding). Its requests are then of the same origin, and it
//!   may read the answers, but `Host` has the page's name.
//!
//! Sources: the Fetch standard (`Origin`), W3C Fetch Metadata (`Sec-Fetch-Site`), RFC 9112 section 3.2 and RFC 9113
//! section 8.3.1 (`Host`, absolute targets, `:authority`), RFC 6761 section 6.3 (names below `localhost`).
//!
//! These are our choices:
//!
//! - A host or origin of this machine is `localhost`, an address in 127.0.0.0/8, or `[::1]`, in the only form in which
//!   browsers write it, with any port. We refuse names below `localhost`, and `localhost` with a final dot, because
//!   resolvers may look them up in the network.
//! - No option adds a name. A proxy, a tunnel or a container's client sends `Host: localhost` instead.
//! - Pages of this machine, on any port, may send requests. So may programs, which send neither header.
//!
//! A browser from before 2023 may send no `Sec-Fetch-Site`. We cannot tell its links and images from other requests.

use std::net::Ipv4Addr;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tracing::warn;

const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Returns the router behind a check of each request.
pub(crate) fn guard(router: Router) -> Router {
    // A layer of `router` itself would run after its choice of a route.
    Router::new().fallback_service(router).layer(middleware::from_fn(check))
}

/// Answers a refused request before anything reads its body.
async fn check(request: Request, next: Next) -> Response {
    match refusal(request.uri(), request.headers()) {
        None => next.run(request).await,
        Some(refusal) => {
            warn!(header = refusal.header, "request refused, because a web page may have sent it");
            refusal.into_response()
        }
    }
}

/// The header for which a request is refused, and the rule for its value.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    header: &'static str,
    rule: &'static str,
}

const HOST: Refusal = Refusal {
    header: "Host",
    rule: "must be localhost, 127.0.0.1 or [::1], with any port; a proxy or tunnel has to set it so",
};
const ORIGIN: Refusal = Refusal {
    header: "Origin",
    rule: "must be of a page on this machine: http or https, and localhost, 127.0.0.1 or [::1]",
};
const SITE: Refusal = Refusal {
    header: "Sec-Fetch-Site",
    rule: "must not be cross-site; a page on this machine has to name us by the host in its own address",
};

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { header, rule } = self;
        let body = json!({
            "type": "urn:problem:foreign-page",
            "title": "Requests of foreign web pages are refused",
            "status": StatusCode::FORBIDDEN.as_u16(),
            "detail": format!("{header} {rule}."),
            "errors": [{"field": header, "code": "invalid", "message": rule}],
        });
        let content_type = HeaderValue::from_static("application/problem+json");
        (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, content_type)], format!("{body}\n")).into_response()
    }
}

fn refusal(target: &Uri, headers: &HeaderMap) -> Option<Refusal> {
    if !names_this_machine(target, headers) {
        return Some(HOST);
    }
    if !headers.get_all(header::ORIGIN).iter().all(is_own_origin) {
        return Some(ORIGIN);
    }
    headers.get_all(SEC_FETCH_SITE).iter().any(|site| site == "cross-site").then_some(SITE)
}

/// Returns whether each host that the request names is this machine. HTTP/2 names the host in the target, HTTP/1 in
/// one `Host` header, and in an absolute target, too.
fn names_this_machine(target: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let is_own = |host: &HeaderValue| Authority::try_from(host.as_bytes()).is_ok_and(|host| is_loopback(&host));
    match (hosts.next(), hosts.next(), target.authority()) {
        (None, _, None) | (_, Some(_), _) => false,
        (None, None, Some(target)) => is_loopback(target),
        (Some(host), None, target) => is_own(host) && target.is_none_or(is_loopback),
    }
}

fn is_own_origin(origin: &HeaderValue) -> bool {
    Uri::try_from(origin.as_bytes()).is_ok_and(|origin| {
        matches!(origin.scheme_str(), Some("http" | "https")) && origin.authority().is_some_and(is_loopback)
    })
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let is_this_machine = host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    // `host` leaves out a user name, which no browser sends.
    is_this_machine && !authority.as_str().contains('@')
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const OWN: [&str; 9] = [
        "localhost",
        "LocalHost:3000",
        "127.0.0.1",
        "127.0.0.1:3000",
        "127.0.0.1:80",
        "127.8.9.10:1",
        "127.255.255.255",
        "[::1]",
        "[::1]:65535",
    ];

    const FOREIGN: [&str; 33] = [
        "",
        "evil.example",
        "evil.example:3000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "2130706433.evil.example",
        "evil-localhost",
        "evil.example:127.0.0.1",
        // Names that a resolver may look up in the network.
        "localhost.",
        "localhost.:3000",
        "app.localhost",
        "127.0.0.1.",
        "host.docker.internal:3000",
        // Other forms of 127.0.0.1, which a browser never writes.
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "127.0.0.01",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "::1",
        "[::1",
        "[127.0.0.1]",
        "%6cocalhost",
        // Addresses that also lead to this machine, or may.
        "0.0.0.0:3000",
        "[::]",
        "10.0.0.1",
        "128.0.0.1",
        // More than a host and a port.
        "evil.example@127.0.0.1",
        "localhost@evil.example",
        "localhost,evil.example",
        "localhost/evil.example",
    ];

    fn refused(target: &str, headers: &[(&'static str, &str)]) -> Option<&'static str> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        refusal(&target.parse().unwrap(), &all).map(|refusal| refusal.header)
    }

    #[test]
    fn host_must_be_of_this_machine() {
        for host in OWN {
            assert_eq!(refused("/message", &[("host", host)]), None, "{host}");
        }
        for host in FOREIGN {
            assert_eq!(refused("/message", &[("host", host)]), Some("Host"), "{host}");
        }
        assert_eq!(refused("/message", &[]), Some("Host"));
        for [one, other] in [["localhost", "localhost"], ["localhost", "evil.example"], ["evil.example", "localhost"]] {
            assert_eq!(refused("/message", &[("host", one), ("host", other)]), Some("Host"), "{one} {other}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_bytes(b"localhost\xff").unwrap());
        assert_eq!(refusal(&Uri::from_static("/"), &headers), Some(HOST));
    }

    #[test]
    fn target_with_a_host_must_be_of_this_machine() {
        for (target, host, expected) in [
            ("http://127.0.0.1:3000/message", Some("localhost"), None),
            ("http://localhost/message", Some("evil.example"), Some("Host")),
            ("http://evil.example/message", Some("localhost"), Some("Host")),
            ("http://localhost@evil.example/", Some("localhost"), Some("Host")),
            // CONNECT
            ("evil.example:443", Some("localhost"), Some("Host")),
            // OPTIONS
            ("*", Some("evil.example"), Some("Host")),
            ("*", Some("localhost"), None),
            // HTTP/2
            ("http://localhost:3000/message", None, None),
            ("http://evil.example:3000/message", None, Some("Host")),
        ] {
            let headers: Vec<_> = host.map(|host| ("host", host)).into_iter().collect();
            assert_eq!(refused(target, &headers), expected, "{target} {host:?}");
        }
    }

    #[test]
    fn origin_must_be_of_this_machine() {
        let origin = |origin: &str| refused("/message", &[("host", "127.0.0.1:3000"), ("origin", origin)]);
        for host in OWN {
            for scheme in ["http", "https"] {
                assert_eq!(origin(&format!("{scheme}://{host}")), None, "{scheme} {host}");
            }
            for scheme in ["file", "app", "chrome-extension"] {
                assert_eq!(origin(&format!("{scheme}://{host}")), Some("Origin"), "{scheme} {host}");
            }
            assert_eq!(origin(host), Some("Origin"), "{host} without a scheme");
        }
        // As a path, the last would only follow the host.
        for host in FOREIGN.into_iter().filter(|host| !host.contains('/')) {
            assert_eq!(origin(&format!("http://{host}")), Some("Origin"), "{host}");
        }
        for other in ["null", "file://", "http://localhost http://evil.example", "http:localhost", "//localhost"] {
            assert_eq!(origin(other), Some("Origin"), "{other}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", "https://evil.example")];
        assert_eq!(refused("/message", &two), Some("Origin"));
    }

    #[test]
    fn cross_site_request_is_refused() {
        let site = |site: &str| refused("/message", &[("host", "localhost"), ("sec-fetch-site", site)]);
        for own in ["same-origin", "same-site", "none"] {
            assert_eq!(site(own), None, "{own}");
        }
        assert_eq!(site("cross-site"), Some("Sec-Fetch-Site"));
        let own_origin = [("origin", "http://127.0.0.1:5173"), ("sec-fetch-site", "cross-site")];
        assert_eq!(refused("/", &[&[("host", "localhost")], &own_origin[..]].concat()), Some("Sec-Fetch-Site"));
    }
}
