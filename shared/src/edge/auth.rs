//! Who calls: clients by API key, carriers by the token in their path.

use http::header::AUTHORIZATION;
use lambda_http::Request;

use super::{Problem, query};
use crate::{
    domain::{AccountId, ApiKeyHash, CarrierName},
    flow::Unavailable,
    store::{CarrierSecrets, Directory},
};

/// The longest key that is looked up.
pub const LONGEST_KEY: usize = 256;

/// Whose request it is: by `?key=`, or else by `Authorization: Bearer`.
///
/// Keys are looked up by their hash, so that the time it takes tells nothing of
/// the key; unknown, revoked and missing ones get the same answer.
///
/// # Errors
/// 401, or 503 when the directory did not answer.
pub async fn authenticate(request: &Request, directory: &Directory) -> Result<AccountId, Problem> {
    let key = query(request, "key").filter(|key| !key.is_empty()).or_else(|| bearer(request));
    let key = key.filter(|key| key.len() <= LONGEST_KEY);
    let Some(key) = key else { return Err(Problem::unauthorized()) };
    let account = account_of_key(&key, directory).await;
    account.map_err(|error| Problem::unavailable(&error))?.ok_or_else(Problem::unauthorized)
}

/// Whose key it is, if anyone's; for dialects that have their own place for it.
///
/// # Errors
/// When the directory did not answer.
pub async fn account_of_key(key: &str, directory: &Directory) -> Result<Option<AccountId>, Unavailable> {
    Ok(directory.account_of_key(&ApiKeyHash::of(key)).await?)
}

fn bearer(request: &Request) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// The carrier of a webhook's path, if the token beside it is that carrier's.
/// An unknown carrier and a wrong token get the same answer.
///
/// # Errors
/// 404, or 503 when the secrets could not be read.
pub async fn authenticate_carrier(name: &str, token: &str, secrets: &CarrierSecrets) -> Result<CarrierName, Problem> {
    let carrier = name.parse::<CarrierName>().map_err(|_| Problem::not_found())?;
    let known = secrets.is_webhook_token(carrier, token).await;
    let known = known.map_err(|error| Problem::unavailable(&error.into()))?;
    known.then_some(carrier).ok_or_else(Problem::not_found)
}
