//! Registers a carrier's webhooks through its vendor's API, for an operator.

use reqwest::Client;
use url::Url;

use crate::{
    domain::{Carrier, CarrierSecret, SettingError},
    vendors::{Connection, Sessions, WebhookCall, WebhookSetupError, WebhookTarget, WebhookTargets, below},
};

/// Why we did not register a carrier's webhooks.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the carrier has no webhook addresses")]
    NoAddress,
    #[error("the carrier has no signing secret")]
    NoSigningSecret,
    #[error("the carrier's credential {0}")]
    Credentials(#[from] SettingError),
    #[error(transparent)]
    Vendor(#[from] WebhookSetupError),
}

/// Lists the calls that register the carrier's newest webhook addresses below `base`, our API's URL. Reads the vendor's
/// list and changes nothing. Returns no calls if the vendor has no API for webhooks.
///
/// # Errors
/// The carrier lacks a secret, or we could not read the vendor's list.
pub async fn plan_webhooks(
    http: &Client,
    carrier: &Carrier,
    secret: &CarrierSecret,
    base: &Url,
) -> Result<Vec<WebhookCall>, SetupError> {
    let Carrier { name, settings } = carrier;
    let token = secret.webhook_tokens.first().ok_or(SetupError::NoAddress)?;
    let signing_secret = secret.signing_secrets.first().ok_or(SetupError::NoSigningSecret)?;
    settings.vendor.profile().check_credentials(&secret.credentials)?;
    let target = |kind: &str| WebhookTarget {
        url: below(base, &[kind, name.as_str(), token]),
        shown: format!("{}/…", below(base, &[kind, name.as_str()])),
    };
    let targets = WebhookTargets { receipts: target("dlr"), replies: target("mo"), signing_secret };
    let sessions = Sessions::default();
    let planned = settings.vendor.plan_webhooks(&connection(http, carrier, secret, &sessions), &targets).await;
    planned.map_err(|error| without_secrets(error, secret))
}

/// Makes a call from [`plan_webhooks`].
///
/// # Errors
/// The vendor refused the call or did not answer.
pub async fn register_webhook(
    http: &Client,
    carrier: &Carrier,
    secret: &CarrierSecret,
    call: &WebhookCall,
) -> Result<(), SetupError> {
    let sessions = Sessions::default();
    let connection = connection(http, carrier, secret, &sessions);
    let registered = carrier.settings.vendor.register_webhook(&connection, call).await;
    registered.map_err(|error| without_secrets(error, secret))
}

fn connection<'a>(
    http: &'a Client,
    Carrier { name, settings }: &'a Carrier,
    secret: &'a CarrierSecret,
    sessions: &'a Sessions,
) -> Connection<'a> {
    Connection { name: *name, http, settings, credentials: &secret.credentials, receipts: None, sessions }
}

fn without_secrets(error: WebhookSetupError, secret: &CarrierSecret) -> SetupError {
    let signing = secret.signing_secrets.iter().map(String::as_str);
    SetupError::Vendor(secret.secrets().chain(signing).fold(error, WebhookSetupError::without_secret))
}
