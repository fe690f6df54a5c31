//! `admin carrier`: how carriers are reached, and where they post. Their tokens
//! and keys lie in one secret of Secrets Manager, everything else in the directory.

use std::io;

use serde_json::json;
use shared::{
    domain::{CarrierName, CarrierSecret, CarrierSettings, Route},
    store::{CarrierChange, SecretStore, SecretsManager},
};

use crate::{
    Context,
    arguments::CarrierCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, fields},
};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;
/// Each is one address more that the carrier may post to.
const MOST_TOKENS: usize = 5;
const LONGEST_KEY: usize = 1_000;

pub async fn run(
    command: CarrierCommand,
    context: &Context,
    connection: &Connection,
    line: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let secrets = connection.carrier_secrets().await?;
    match command {
        CarrierCommand::Set { name, endpoint, timeout_ms, lookup, no_lookup, receipts_by_id, no_receipts_by_id } => {
            if lookup && !name.supports_lookup() {
                return Err(Failure::Refused(format!("{name} has no call to be asked by what became of a submit")));
            }
            if receipts_by_id && !name.reports_by_id() {
                return Err(Failure::Refused(format!("{name} gives no ids, and its receipts bear our own name")));
            }
            let lookup = (lookup || no_lookup).then_some(lookup);
            let receipts_by_id = (receipts_by_id || no_receipts_by_id).then_some(receipts_by_id);
            let default_timeout_ms = DEFAULT_TIMEOUT_MS;
            let change = CarrierChange { endpoint, timeout_ms, default_timeout_ms, lookup, receipts_by_id };
            // The token first: a carrier that can be reached has one.
            let secret = change_secret(&secrets, name, |secret| {
                if secret.webhook_tokens.is_empty() {
                    secret.webhook_tokens.push(new_token(context));
                }
            });
            let secret = secret.await?;
            let settings = context.directory.change_carrier(name, &change).await?;
            with_first_route(context, name, report(name, &settings, &secret, connection).await).await
        }
        CarrierCommand::Show { name } => {
            let settings = existing(context, name).await?;
            let secret = secrets.carriers().await?.remove(&name).unwrap_or_default();
            Ok(report(name, &settings, &secret, connection).await)
        }
        CarrierCommand::Key { name } => {
            let settings = existing(context, name).await?;
            let key = key_in(&line().map_err(|error| {
                Failure::Refused(format!("standard input, where the key is to come from, cannot be read: {error}"))
            })?)?;
            let secret = change_secret(&secrets, name, |secret| secret.key = Some(key)).await?;
            let report = report(name, &settings, &secret, connection).await;
            Ok(report.note(format!("The key of {name} is set. It counts within five minutes.")))
        }
        CarrierCommand::Rotate { name } => {
            let settings = existing(context, name).await?;
            let secret = change_secret(&secrets, name, |secret| secret.webhook_tokens.insert(0, new_token(context)));
            let report = report(name, &settings, &secret.await?, connection).await;
            Ok(report.note(format!(
                "The paths before count, too, until `admin carrier retire {name}`: give the carrier the new ones first."
            )))
        }
        CarrierCommand::Retire { name } => {
            let settings = existing(context, name).await?;
            let secret = change_secret(&secrets, name, |secret| secret.webhook_tokens.truncate(1)).await?;
            let report = report(name, &settings, &secret, connection).await;
            Ok(report.note("Within five minutes no other path of this carrier counts."))
        }
    }
}

/// With the rule that a first carrier begins the routes with, or a remark where
/// no rule leads to this one.
async fn with_first_route(context: &Context, name: CarrierName, report: Report) -> Result<Report, Failure> {
    if context.directory.begin_routes(Route::to(vec![name])).await? {
        return Ok(report.and("route_added", true).note(format!(
            "There were no routes, so there is one now: every message goes to {name}. `admin route list` shows it,\n\
             `admin route add` adds others."
        )));
    }
    let routes = context.directory.latest_routes().await?;
    Ok(if routes.0.iter().any(|route| route.carriers.contains(&name)) {
        report
    } else {
        report.note(format!("No route leads to {name} yet; `admin route add --help` says how to make one."))
    })
}

/// The key in a line: what a header or a document can hold as it is.
fn key_in(line: &str) -> Result<String, Failure> {
    let key = line.trim();
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(key.to_owned());
    }
    let error = if key.is_empty() { "is empty" } else { "is not a key" };
    Err(Failure::Refused(format!(
        "the first line of standard input {error}, and nothing was changed; a key is 1 to {LONGEST_KEY} ASCII\n\
         letters, digits and signs"
    )))
}

pub async fn existing(context: &Context, name: CarrierName) -> Result<CarrierSettings, Failure> {
    context.directory.latest_carrier(name).await?.ok_or_else(|| {
        Failure::Refused(format!(
            "the carrier {name} has no settings yet; `admin carrier set {name} --endpoint URL` gives it some"
        ))
    })
}

/// What is not changed stays: the key with other tokens, the tokens with another key.
async fn change_secret(
    store: &SecretsManager,
    name: CarrierName,
    change: impl FnOnce(&mut CarrierSecret),
) -> Result<CarrierSecret, Failure> {
    let mut secrets = store.carriers().await?;
    let before = secrets.get(&name).cloned().unwrap_or_default();
    let mut secret = before.clone();
    change(&mut secret);
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
fn new_token(context: &Context) -> String {
    hex::encode(context.random.bytes())
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
        ("lookup", Some(if settings.lookup { "on" } else { "off" }.to_owned())),
        ("receipts by", Some(if settings.receipts_by_id { "its own id" } else { "our name" }.to_owned())),
        ("receipts", receipts_url.clone().or_else(|| receipts.clone())),
        ("replies", replies_url.clone().or_else(|| replies.clone())),
        ("tokens", Some(secret.webhook_tokens.len().to_string())),
        ("key", Some(if secret.key.is_some() { "set" } else { "not set" }.to_owned())),
    ]);
    let json = json!({
        "carrier": name.into_str(),
        "endpoint": settings.endpoint.as_str(),
        "timeout_ms": settings.timeout_ms,
        "lookup": settings.lookup,
        "receipts_by_id": settings.receipts_by_id,
        "receipts_path": receipts,
        "replies_path": replies,
        "receipts_url": receipts_url,
        "replies_url": replies_url,
        "tokens": secret.webhook_tokens.len(),
        "key_set": secret.key.is_some(),
    });
    let report = Report::new(text, &json);
    let report =
        report.note("The receipts and replies addresses are for the carrier. Whoever knows them can post there.");
    if name.wants_key() && secret.key.is_none() {
        return report.note(format!(
            "Warning: nothing is sent through {name} without its key; `admin carrier key {name}` sets it."
        ));
    }
    report
}
