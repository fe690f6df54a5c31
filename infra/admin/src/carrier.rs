//! `admin carrier`: how carriers are reached, and where they post.

use std::fmt::Write;

use serde_json::json;
use shared::{
    carriers::{CarrierName, CarrierSettings},
    store::CarrierChange,
};

use crate::{
    Desk,
    arguments::CarrierCommand,
    connect::Connection,
    failure::Failure,
    output::{Report, fields},
};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;

pub async fn run(command: CarrierCommand, desk: &Desk, connection: &Connection) -> Result<Report, Failure> {
    let (name, settings) = match command {
        CarrierCommand::Set { name, endpoint, timeout_ms } => {
            let change = CarrierChange {
                endpoint,
                timeout_ms,
                default_timeout_ms: DEFAULT_TIMEOUT_MS,
                new_token: new_token(desk),
            };
            (name, desk.directory.change_carrier(name, &change).await?)
        }
        CarrierCommand::Show { name } => {
            let settings = desk.directory.latest_carrier(name).await?.ok_or_else(|| {
                Failure::Refused(format!(
                    "the carrier {name} has no settings yet; `admin carrier set {name} --endpoint URL` gives it some"
                ))
            })?;
            (name, settings)
        }
    };
    Ok(report(name, &settings, connection).await)
}

/// Hex digits, which stand in a path as they are.
fn new_token(desk: &Desk) -> String {
    desk.random.bytes().iter().fold(String::with_capacity(64), |mut token, byte| {
        let _ = write!(token, "{byte:02x}");
        token
    })
}

async fn report(name: CarrierName, settings: &CarrierSettings, connection: &Connection) -> Report {
    let api = connection.api_url().await;
    let address = |kind: &str| {
        let path = format!("/{kind}/{name}/{}", settings.webhook_token);
        let whole = api.as_ref().and_then(|api| api.join(&path).ok()).map(String::from);
        (path, whole)
    };
    let ((receipts, receipts_url), (replies, replies_url)) = (address("dlr"), address("mo"));
    let text = fields(&[
        ("carrier", Some(name.to_string())),
        ("endpoint", Some(settings.endpoint.to_string())),
        ("timeout", Some(format!("{} ms", settings.timeout_ms))),
        ("receipts", Some(receipts_url.clone().unwrap_or_else(|| receipts.clone()))),
        ("replies", Some(replies_url.clone().unwrap_or_else(|| replies.clone()))),
    ]);
    let json = json!({
        "carrier": name.as_str(),
        "endpoint": settings.endpoint.as_str(),
        "timeout_ms": settings.timeout_ms,
        "receipts_path": receipts,
        "replies_path": replies,
        "receipts_url": receipts_url,
        "replies_url": replies_url,
    });
    Report::new(text, &json).note("Give the last two to the carrier. Whoever knows them can post receipts and replies.")
}
