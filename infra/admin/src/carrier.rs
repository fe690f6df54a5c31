//! `admin carrier`: carriers' endpoints, keys and webhook addresses. Secrets Manager holds webhook tokens and
//! keys, the directory other settings.

use std::io;

use serde_json::json;
use shared::{
    domain::{CarrierName, CarrierSecret, CarrierSettings, Route, Routes},
    store::{CarrierChange, SecretStore, SecretsByCarrier, SecretsManager},
};
use strum::IntoEnumIterator;
use url::{Host, Url};

use crate::{
    Context,
    arguments::{CarrierCommand, CarrierSet},
    connect::Connection,
    failure::Failure,
    output::{Report, fields, or_dash, table},
};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;
/// Each token adds a valid address for receipts, and one for replies.
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
        CarrierCommand::Set(change) => set(change, context, connection, &secrets).await,
        CarrierCommand::List => list(context, &secrets.carriers().await?).await,
        CarrierCommand::Show { name } => {
            let settings = existing(context, name).await?;
            let secret = secrets.carriers().await?.remove(&name).unwrap_or_default();
            Ok(report(name, &settings, &secret, connection).await)
        }
        CarrierCommand::Key { name } => {
            let settings = existing(context, name).await?;
            let key =
                key_in(&line().map_err(|error| {
                    Failure::Refused(format!("could not read the key from standard input: {error}"))
                })?)?;
            let secret = change_secret(&secrets, name, |secret| secret.key = Some(key)).await?;
            let report = report(name, &settings, &secret, connection).await;
            Ok(report.note(format!("The key of {name} is set. It takes effect within five minutes.")))
        }
        CarrierCommand::Rotate { name } => {
            let settings = existing(context, name).await?;
            let secret = change_secret(&secrets, name, |secret| secret.webhook_tokens.insert(0, new_token(context)));
            let report = report(name, &settings, &secret.await?, connection).await;
            Ok(report.note(format!(
                "Give the carrier the new addresses. The old ones work until `admin carrier retire {name}`."
            )))
        }
        CarrierCommand::Retire { name } => {
            let settings = existing(context, name).await?;
            let secret = change_secret(&secrets, name, |secret| secret.webhook_tokens.truncate(1)).await?;
            let report = report(name, &settings, &secret, connection).await;
            let report = report.note("All other addresses of this carrier stop working within five minutes.");
            Ok(if connection.local().is_some() {
                report.note(
                    "Warning: the simulated carrier still posts to its configured address. Restart `local` to reset it.",
                )
            } else {
                report
            })
        }
    }
}

async fn set(
    wanted: CarrierSet,
    context: &Context,
    connection: &Connection,
    secrets: &SecretsManager,
) -> Result<Report, Failure> {
    let CarrierSet { name, endpoint, timeout_ms, .. } = wanted;
    let CarrierSet { allow_external, lookup, no_lookup, receipts_by_id, no_receipts_by_id, .. } = wanted;
    if lookup && !name.supports_lookup() {
        return Err(Failure::Refused(format!("{name} has no API to look up a submit")));
    }
    if receipts_by_id && !name.reports_by_id() {
        return Err(Failure::Refused(format!("{name} returns no message IDs; its receipts carry our reference")));
    }
    match (&endpoint, connection.local()) {
        (Some(endpoint), Some(local)) if !allow_external => check_is_here(endpoint, local)?,
        (Some(_), _) => {}
        (None, _) => existing(context, name).await.map(|_| ())?,
    }
    let lookup = (lookup || no_lookup).then_some(lookup);
    let receipts_by_id = (receipts_by_id || no_receipts_by_id).then_some(receipts_by_id);
    let default_timeout_ms = DEFAULT_TIMEOUT_MS;
    let change = CarrierChange { endpoint, timeout_ms, default_timeout_ms, lookup, receipts_by_id };
    // We write the token before the endpoint, so receipts have an address once submits start.
    let secret = change_secret(secrets, name, |secret| {
        if secret.webhook_tokens.is_empty() {
            secret.webhook_tokens.push(new_token(context));
        }
    });
    let secret = secret.await?;
    let settings = context.directory.change_carrier(name, &change).await?.ok_or_else(|| missing(name))?;
    with_first_route(context, name, report(name, &settings, &secret, connection).await).await
}

/// Refuses an endpoint through which the local stack would send real messages.
fn check_is_here(endpoint: &Url, local: &Url) -> Result<(), Failure> {
    let is_loopback = match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_loopback || endpoint.host() == local.host() {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "with --local, carriers are simulated, but {endpoint} is not on this machine: real messages might be\n\
         sent. Nothing was changed. Leave out --endpoint to keep the simulated carrier, or add --allow-external."
    )))
}

async fn list(context: &Context, secrets: &SecretsByCarrier) -> Result<Report, Failure> {
    let routes = context.directory.latest_routes().await?;
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for name in CarrierName::iter() {
        let settings = context.directory.latest_carrier(name).await?;
        let endpoint = settings.as_ref().map(|settings| settings.endpoint.to_string());
        let timeout_ms = settings.as_ref().map(|settings| settings.timeout_ms);
        let key_set = secrets.get(&name).is_some_and(|secret| secret.key.is_some());
        let key = match (key_set, name.wants_key()) {
            (true, _) => "set",
            (false, true) => "not set",
            (false, false) => "not needed",
        };
        let routes = routes_to(&routes, name);
        let positions: Vec<_> = routes.iter().map(ToString::to_string).collect();
        rows.push([
            name.to_string(),
            or_dash(endpoint.clone()),
            or_dash(timeout_ms.map(|timeout| format!("{timeout} ms"))),
            key.to_owned(),
            or_dash((!positions.is_empty()).then(|| positions.join(", "))),
        ]);
        shown.push(json!({
            "carrier": name.into_str(), "endpoint": endpoint, "timeout_ms": timeout_ms, "key_set": key_set,
            "routes": routes,
        }));
    }
    let text = table(["CARRIER", "ENDPOINT", "TIMEOUT", "KEY", "ROUTES"], &rows);
    Ok(Report::new(text, &json!({"carriers": shown})))
}

/// Returns the positions of rules with the carrier.
fn routes_to(routes: &Routes, name: CarrierName) -> Vec<usize> {
    let routes = (1..).zip(&routes.0).filter(|(_, route)| route.carriers.contains(&name));
    routes.map(|(position, _)| position).collect()
}

/// If routes were never set, adds one from all messages to this carrier. Else warns if no route leads to it.
async fn with_first_route(context: &Context, name: CarrierName, report: Report) -> Result<Report, Failure> {
    if context.directory.begin_routes(Route::to(vec![name])).await? {
        return Ok(report.and("route_added", true).note(format!(
            "There were no routes, so one was added: every message goes to {name}. See `admin route list` and\n\
             `admin route add`."
        )));
    }
    let routes = context.directory.latest_routes().await?;
    Ok(if routes_to(&routes, name).is_empty() {
        report.note(format!("No route leads to {name} yet; see `admin route add --help`."))
    } else {
        report
    })
}

/// Parses a key, of characters that a header can hold as they are.
fn key_in(line: &str) -> Result<String, Failure> {
    let key = line.trim();
    let fits = (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(key.to_owned());
    }
    let error = if key.is_empty() { "is empty" } else { "is not a key" };
    Err(Failure::Refused(format!(
        "the first line of standard input {error}, and nothing was changed; a key has 1 to {LONGEST_KEY} ASCII\n\
         letters, digits and punctuation marks"
    )))
}

pub async fn existing(context: &Context, name: CarrierName) -> Result<CarrierSettings, Failure> {
    context.directory.latest_carrier(name).await?.ok_or_else(|| missing(name))
}

fn missing(name: CarrierName) -> Failure {
    Failure::Refused(format!("the carrier {name} is not set up; run `admin carrier set {name} --endpoint URL` first"))
}

/// Changes a carrier's secret, and writes only if something differs.
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
            "the carrier {name} has {MOST_TOKENS} webhook addresses of each kind, which is the limit; once the carrier \
             posts to the newest, drop the others with `admin carrier retire {name}`"
        )));
    }
    if secret != before {
        secrets.insert(name, secret.clone());
        store.put(&secrets).await?;
    }
    Ok(secret)
}

/// Returns a token in hex digits, which need no escapes in a path.
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
        ("receipts by", Some(if settings.receipts_by_id { "its own ID" } else { "our reference" }.to_owned())),
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
    let report = report.note(
        "The receipts and replies addresses are secret: give them only to the carrier. No other key protects them.",
    );
    if name.wants_key() && secret.key.is_none() {
        return report.note(format!(
            "Warning: no message is sent through {name} without its key; set it with `admin carrier key {name}`."
        ));
    }
    report
}
