//! Authentication: clients by API key, carriers by the token in the webhook's path.

use http::header::AUTHORIZATION;
use lambda_http::Request;

use super::{Problem, query};
use crate::{
    domain::{AccountId, ApiKeyHash, CarrierName},
    flow::Unavailable,
    store::{CarrierSecrets, Directory},
};

/// Maximum length of a key, in bytes. A longer key is not looked up.
pub const LONGEST_KEY: usize = 256;

/// Authenticates a client by `?key=`, or else by `Authorization: Bearer`, and returns its account.
///
/// Keys are looked up by hash, so timing reveals no key. Unknown, revoked and missing keys get the same answer.
///
/// # Errors
/// 401; 503 if the directory did not answer, or 500 if its entry is unreadable.
pub async fn authenticate(request: &Request, directory: &Directory) -> Result<AccountId, Problem> {
    let key = query(request, "key").filter(|key| !key.is_empty()).or_else(|| bearer(request));
    let key = key.filter(|key| key.len() <= LONGEST_KEY);
    let Some(key) = key else { return Err(Problem::unauthorized()) };
    let account = account_of_key(&key, directory).await;
    account.map_err(|error| Problem::unavailable(&error))?.ok_or_else(Problem::unauthorized)
}

/// Returns a key's account. `send` calls this for CM.com's dialect, which has other places for the key.
///
/// # Errors
/// If the directory did not answer.
pub async fn account_of_key(key: &str, directory: &Directory) -> Result<Option<AccountId>, Unavailable> {
    Ok(directory.account_of_key(&ApiKeyHash::of(key)).await?)
}

fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// Authenticates a carrier by the token in the webhook's path.
///
/// # Errors
/// 404, the same for an unknown carrier and a wrong token; 503 if Secrets Manager did not answer, or 500 if
/// the secrets are unreadable.
pub async fn authenticate_carrier(name: &str, token: &str, secrets: &CarrierSecrets) -> Result<CarrierName, Problem> {
    let carrier = name.parse::<CarrierName>().map_err(|_| Problem::not_found())?;
    let known = secrets.is_webhook_token(carrier, token).await;
    let known = known.map_err(|error| Problem::unavailable(&error.into()))?;
    known.then_some(carrier).ok_or_else(Problem::not_found)
}
