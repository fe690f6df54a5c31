//! `admin carrier`: how carriers are reached, and where they post. Their tokens
//! lie in one secret of Secrets Manager, everything else in the directory.

use std::fmt::Write;

use serde_json::json;
use shared::{
    carriers::{CarrierName, CarrierSecret, CarrierSettings},
    store::{CarrierChange, SecretStore, SecretsManager},
};

use crate::{
    Desk,
    arguments::CarrierCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, fields},
};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;
/// Each is one address more that the carrier may post to.
const MOST_TOKENS: usize = 5;

pub async fn run(command: CarrierCommand, desk: &Desk, connection: &Connection) -> Result<Report, Failure> {
    let secrets = connection.carrier_secrets().await?;
    match command {
        CarrierCommand::Set { name, endpoint, timeout_ms } => {
            let change = CarrierChange { endpoint, timeout_ms, default_timeout_ms: DEFAULT_TIMEOUT_MS };
            // The token first: a carrier that can be reached has one.
            let secret = change_tokens(&secrets, name, |tokens| {
                if tokens.is_empty() {
                    tokens.push(new_token(desk));
                }
            });
            let secret = secret.await?;
            let settings = desk.directory.change_carrier(name, &change).await?;
            Ok(report(name, &settings, &secret, connection).await)
        }
        CarrierCommand::Show { name } => {
            let settings = existing(desk, name).await?;
            let secret = secrets.carriers().await?.remove(&name).unwrap_or_default();
            Ok(report(name, &settings, &secret, connection).await)
        }
        CarrierCommand::Rotate { name } => {
            let settings = existing(desk, name).await?;
            let secret = change_tokens(&secrets, name, |tokens| tokens.insert(0, new_token(desk)));
            let report = report(name, &settings, &secret.await?, connection).await;
            Ok(report.note(format!(
                "The paths before count, too, until `admin carrier retire {name}`: give the carrier the new ones first."
            )))
        }
        CarrierCommand::Retire { name } => {
            let settings = existing(desk, name).await?;
            let secret = change_tokens(&secrets, name, |tokens| tokens.truncate(1)).await?;
            let report = report(name, &settings, &secret, connection).await;
            Ok(report.note("Within five minutes no other path of this carrier counts."))
        }
    }
}

async fn existing(desk: &Desk, name: CarrierName) -> Result<CarrierSettings, Failure> {
    desk.directory.latest_carrier(name).await?.ok_or_else(|| {
        Failure::Refused(format!(
            "the carrier {name} has no settings yet; `admin carrier set {name} --endpoint URL` gives it some"
        ))
    })
}

async fn change_tokens(
    store: &SecretsManager,
    name: CarrierName,
    change: impl FnOnce(&mut Vec<String>),
) -> Result<CarrierSecret, Failure> {
    let mut secrets = store.carriers().await?;
    let before = secrets.get(&name).cloned().unwrap_or_default();
    let mut secret = before.clone();
    change(&mut secret.webhook_tokens);
    if secret.webhook_tokens.len() > MOST_TOKENS {
        return Err(Failure::Refused(format!(
            "the carrier {name} has {MOST_TOKENS} paths of each kind, which is the most; \
             `admin carrier retire {name}` drops all but the newest, once the carrier posts there"
        )));
    }
    if secret != before {
        secrets.insert(name, secret.clone());
        store.put(&secrets).await?;
    }
    Ok(secret)
}

/// Hex digits, which stand in a path as they are.
fn new_token(desk: &Desk) -> String {
    desk.random.bytes().iter().fold(String::with_capacity(64), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

async fn report(
    name: CarrierName,
    settings: &CarrierSettings,
    secret: &CarrierSecret,
    connection: &Connection,
) -> Report {
    let api = connection.api_url().await;
    let address = |kind: &str| {
        let path = format!("/{kind}/{name}/{}", secret.webhook_tokens.first()?);
        let whole = api.as_ref().and_then(|api| api.join(&path).ok()).map(String::from);
        Some((path, whole))
    };
    let (receipts, receipts_url) = address("dlr").unzip();
    let (replies, replies_url) = address("mo").unzip();
    let (receipts_url, replies_url) = (receipts_url.flatten(), replies_url.flatten());
    let text = fields(&[
        ("carrier", Some(name.to_string())),
        ("endpoint", Some(settings.endpoint.to_string())),
        ("timeout", Some(format!("{} ms", settings.timeout_ms))),
        ("receipts", receipts_url.clone().or_else(|| receipts.clone())),
        ("replies", replies_url.clone().or_else(|| replies.clone())),
        ("tokens", Some(secret.webhook_tokens.len().to_string())),
    ]);
    let json = json!({
        "carrier": name.as_str(),
        "endpoint": settings.endpoint.as_str(),
        "timeout_ms": settings.timeout_ms,
        "receipts_path": receipts,
        "replies_path": replies,
        "receipts_url": receipts_url,
        "replies_url": replies_url,
        "tokens": secret.webhook_tokens.len(),
    });
    let report = Report::new(text, &json);
    report.note("The receipts and replies addresses are for the carrier. Whoever knows them can post there.")
}
