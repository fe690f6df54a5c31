//! The login before a submit without a permanent key.

use crate::{
    domain::CredentialPart,
    vendors::testing::{Login, busy},
};

const NO_KEY: &str = "the answer to the login has no key";

pub(super) fn login() -> Login {
    Login {
        credentials: &[(CredentialPart::Login, "ann@example.com"), (CredentialPart::Password, "a:pass\"word")],
        request: "POST /kingslanding/login\ncontent-type: application/json\n\n{\"username\":\"ann@example.com\",\"password\":\"a:pass\\\"word\"}",
        submit_header: "authorization: Bearer a.session-key",
        granted: vec![
            "200\nauthorization: Bearer a.session-key".into(),
            "200\nAuthorization: bearer  a.session-key\n\n{}".into(),
            "201\nAUTHORIZATION: a.session-key\ncontent-length: 100".into(),
        ],
        refused: vec![
            ("401".into(), busy(None, "login refused (401)")),
            ("403\n\n{\"error\":\"447911123456\"}".into(), busy(None, "login refused (403)")),
            ("400".into(), busy(None, "login failed (400)")),
            ("404\n\n<html>".into(), busy(None, "login failed (404)")),
            ("408".into(), busy(None, "login failed (408)")),
            ("500\nauthorization: Bearer a.session-key".into(), busy(None, "login failed (500)")),
            ("302\nlocation: /elsewhere".into(), busy(None, "login failed (302)")),
            ("429\nretry-after: 7".into(), busy(Some(7), "busy (status 429)")),
            ("503".into(), busy(None, "busy (status 503)")),
            ("200".into(), busy(None, NO_KEY)),
            ("200\nauthorization: Bearer".into(), busy(None, NO_KEY)),
            ("200\nauthorization: Bearer  ".into(), busy(None, NO_KEY)),
            ("200\nauthorization: Bearer é".into(), busy(None, NO_KEY)),
        ],
    }
}
