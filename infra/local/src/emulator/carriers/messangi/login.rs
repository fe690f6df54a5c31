//! Logins, and the keys that they return. A key is its expiry, and the HMAC-SHA256 of login and expiry under the
//! password. So we need not store it, a changed password ends it, and `wire` can tell its login.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::Credentials;
use super::error::Error;
use crate::emulator::problem::Fields;

const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn read(body: &[u8]) -> Result<Credentials, Error> {
    let fields = Fields::parse(body)?;
    let login = fields.filled_text("username")?.to_owned();
    Ok(Credentials::Login { login, password: fields.filled_text("password")?.to_owned() })
}

/// Returns a key for a login, `None` if the credentials are no login.
pub(super) fn issue(credentials: &Credentials, now: Timestamp) -> Option<String> {
    key(credentials, (now + LIFETIME).as_second())
}

/// Returns whether `presented` is a key of this login, perhaps expired.
pub(super) fn authorizes(registered: &Credentials, presented: &Credentials) -> bool {
    let Credentials::Key(presented) = presented else { return false };
    expires_at(presented).and_then(|second| key(registered, second)).as_ref() == Some(presented)
}

pub(super) fn is_fresh(presented: &Credentials, now: Timestamp) -> bool {
    let Credentials::Key(presented) = presented else { return false };
    expires_at(presented).is_some_and(|second| now.as_second() < second)
}

fn expires_at(key: &str) -> Option<i64> {
    key.split_once('.')?.0.parse().ok()
}

fn key(credentials: &Credentials, expires_at: i64) -> Option<String> {
    let Credentials::Login { login, password } = credentials else { return None };
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(password.as_bytes()).expect("a key of any length");
    mac.update(format!("{expires_at}.{login}").as_bytes());
    Some(format!("{expires_at}.{}", hex::encode(mac.finalize().into_bytes())))
}
