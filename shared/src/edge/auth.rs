//! Authentication: clients by API key, carriers by the token in the webhook's path.

use std::borrow::Cow;

use lambda_http::Request;
use tracing::warn;

use super::{MOST_WEBHOOK_BYTES, Problem, body, header, parameter};
use crate::{
    domain::{AccountId, ApiKeyHash, ApiKeyId, Carrier, CarrierName, CarrierSecret, KeyHolder, Lane},
    flow::Unavailable,
    formats::bom::without_bom,
    store::{CarrierSecrets, Directory, StoreError},
    vendors::Webhook,
};

/// Maximum length of a key, in bytes. A longer key is not looked up.
pub const LONGEST_KEY: usize = 256;

/// An authenticated client: its account, and the API key of its request with the key's lane, if it has one.
#[derive(Clone, Debug)]
pub struct Client {
    pub account: AccountId,
    pub key: ApiKeyId,
    pub lane: Option<Lane>,
}

/// Authenticates a client by `?key=`, or else by `Authorization: Bearer`, and returns the client.
///
/// Keys are looked up by hash, so timing reveals no key. Unknown, revoked and missing keys get the same answer.
///
/// # Errors
/// 401; 503 if the directory did not answer, or 500 if its entry is unreadable.
pub async fn authenticate(request: &Request, directory: &Directory) -> Result<Client, Problem> {
    // A key that cannot be decoded, or one of two, is an unknown key.
    let key = parameter(request, "key").map_err(|_| Problem::unauthorized())?;
    let key = key.map(Cow::into_owned).filter(|key| !key.is_empty()).or_else(|| bearer(request));
    let key = key.filter(|key| key.len() <= LONGEST_KEY);
    let Some(key) = key else { return Err(Problem::unauthorized()) };
    let client = client_of_key(&key, directory).await;
    client.map_err(|error| Problem::unavailable(&error))?.ok_or_else(Problem::unauthorized)
}

/// Returns a key's client. `send` calls this for CM.com's dialect, which has other places for the key.
///
/// # Errors
/// If the directory did not answer.
pub async fn client_of_key(key: &str, directory: &Directory) -> Result<Option<Client>, Unavailable> {
    let key = ApiKeyHash::of(key);
    let holder = directory.key_holder(&key).await?;
    Ok(holder.map(|KeyHolder { account, lane }| Client { account, key: key.id(), lane }))
}

/// Returns the key in `Authorization: Bearer`.
#[must_use]
pub fn bearer(request: &Request) -> Option<String> {
    let value = header(request, "Authorization").ok()??;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// Authenticates a webhook by the token in its path, and by the vendor's signature if the carrier has a signing
/// secret. Returns the carrier and the body, without a byte-order mark.
///
/// # Errors
/// 404, the same for an unknown carrier and a wrong token; 413 for a body over the limit, 415 for a compressed
/// one; 401 for a missing
/// or wrong signature; 503 if Secrets Manager or the directory did not answer, or 500 if an entry is
/// unreadable.
pub async fn authenticate_carrier<'a>(
    request: &'a Request,
    (name, token): (&str, &str),
    secrets: &CarrierSecrets,
    directory: &Directory,
) -> Result<(Carrier, &'a [u8]), Problem> {
    let unavailable = |error: StoreError| Problem::unavailable(&error.into());
    let name = name.parse::<CarrierName>().map_err(|_| Problem::not_found())?;
    if !secrets.is_any(name, |secret| secret.is_webhook_token(token)).await.map_err(unavailable)? {
        return Err(Problem::not_found());
    }
    let carrier = directory.carrier(name).await.map_err(unavailable)?.ok_or_else(Problem::not_found)?;
    let body = body(request, MOST_WEBHOOK_BYTES)?;
    let webhook = Webhook { headers: request.headers(), body };
    let is_signed = |secret: &CarrierSecret| {
        let mut secrets = secret.signing_secrets.iter();
        secrets.len() == 0 || secrets.any(|secret| carrier.settings.vendor.is_signed(&webhook, secret))
    };
    if !secrets.is_any(name, is_signed).await.map_err(unavailable)? {
        warn!(carrier = name.as_str(), "webhook without the vendor's signature");
        return Err(Problem::unauthorized());
    }
    Ok((carrier, without_bom(body)))
}
