//! `admin carrier add` and `admin carrier set`.

use std::collections::BTreeMap;

use shared::{
    domain::{Carrier, CarrierName, CarrierSecret, CarrierSettings, Route, SenderId, SenderTable, Vendor},
    store::CarrierChange,
};
use url::Url;

use super::{
    Carriers, ONE_ACCOUNT, existing, refused, replaced,
    report::{Tokens, routes_to},
    simulation,
};
use crate::{
    arguments::{CarrierAdd, CarrierOptions, CarrierSet},
    failure::Failure,
    output::Report,
};

const DEFAULT_TIMEOUT_MS: u64 = 10_000;

pub async fn add(carriers: &Carriers<'_>, new: CarrierAdd) -> Result<Report, Failure> {
    let CarrierAdd { name, vendor, options } = new;
    let directory = &carriers.context.directory;
    if directory.latest_carrier(name).await?.is_some() {
        return Err(taken(name));
    }
    simulation::check_endpoint(carriers.connection, &options)?;
    let endpoint = match &options.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => default_endpoint(carriers, vendor)?,
    };
    let settings = CarrierSettings {
        vendor,
        endpoint,
        timeout_ms: DEFAULT_TIMEOUT_MS,
        lookup: false,
        receipts_by_id: false,
        country_code: None,
        webhook_url: api_url(carriers, vendor).await,
        sender_ids: SenderTable::default(),
    };
    let settings = change_of(&options, &[])?.applied_to(&settings);
    check(&settings)?;
    let secret = carriers.change_secret(name, async |secret| {
        // We write the token before the settings, because receipts need an address once submits start. So we may
        // write it for a command that another `add` of this name then overtakes, and must not reset the secret of
        // that one. If the name has no settings after we read the secrets, and the secrets do not change until we
        // write, no other `add` and no `key` after it has finished.
        if directory.latest_carrier(name).await?.is_some() {
            return Err(taken(name));
        }
        // Another `add` may have written the token already, and may give it to the vendor. Other parts are left of
        // a carrier whose removal was interrupted. They may be another vendor's.
        let webhook_tokens = match std::mem::take(&mut secret.webhook_tokens) {
            tokens if tokens.is_empty() => vec![carriers.new_token()],
            tokens => tokens,
        };
        *secret = CarrierSecret { webhook_tokens, ..CarrierSecret::default() };
        Ok(())
    });
    let secret = secret.await?;
    if !directory.add_carrier(name, &settings).await? {
        return Err(taken(name));
    }
    let report = carriers.changed(&Carrier { name, settings }, &secret, Tokens::Shown).await?;
    with_first_route(carriers, name, report).await
}

pub async fn set(carriers: &Carriers<'_>, wanted: CarrierSet) -> Result<Report, Failure> {
    let CarrierSet { name, options, drop_sender_ids } = wanted;
    let before = existing(carriers.context, name).await?;
    simulation::check_endpoint(carriers.connection, &options)?;
    if let Some(unknown) = drop_sender_ids.iter().find(|sender| before.settings.sender_ids.get(sender).is_none()) {
        return Err(Failure::Refused(format!(
            "the carrier {name} has no ID for the sender {unknown}; nothing was changed. See\n\
             `admin carrier show {name}`."
        )));
    }
    let change = change_of(&options, &drop_sender_ids)?;
    check(&change.applied_to(&before.settings))?;
    // A carrier whose removal was interrupted may have no token.
    let token = carriers.new_token();
    let mut tokens = Tokens::Hidden;
    let with_token = |secret: &mut CarrierSecret| {
        tokens = if secret.webhook_tokens.is_empty() { Tokens::Shown } else { Tokens::Hidden };
        if tokens == Tokens::Shown {
            secret.webhook_tokens.push(token.clone());
        }
    };
    let secret = carriers.change_secret_of(&before, with_token).await?;
    let carrier = carriers.context.directory.change_carrier(&before, &change).await?.ok_or_else(|| replaced(name))?;
    let mut report = carriers.changed(&carrier, &secret, tokens).await?;
    if carrier.settings.endpoint != before.settings.endpoint {
        report = report.note(ONE_ACCOUNT);
    }
    with_first_route(carriers, name, report).await
}

fn taken(name: CarrierName) -> Failure {
    Failure::Refused(format!(
        "there is a carrier {name} already, and nothing was changed; `admin carrier show {name}` shows it,\n\
         `admin carrier set {name}` changes it"
    ))
}

/// Returns the simulated vendor's endpoint with `--local`, or else the documented one.
fn default_endpoint(carriers: &Carriers<'_>, vendor: Vendor) -> Result<Url, Failure> {
    if let Some(local) = carriers.connection.local() {
        return simulation::endpoint(local, vendor);
    }
    let profile = vendor.profile();
    let Some(documented) = profile.endpoint else {
        return Err(Failure::Refused(format!(
            "the endpoint is missing: {} has no usual one; give it with --endpoint URL",
            profile.title
        )));
    };
    documented.parse().map_err(Failure::failed("reading the vendor's documented endpoint"))
}

/// Returns the API's own URL, if the vendor needs it. The operator may give another.
async fn api_url(carriers: &Carriers<'_>, vendor: Vendor) -> Option<Url> {
    if vendor.profile().takes_webhook_url { carriers.connection.api_url().await } else { None }
}

/// Refuses settings that the vendor does not have, or that lack what it needs.
fn check(settings: &CarrierSettings) -> Result<(), Failure> {
    settings.vendor.profile().check_settings(settings).map_err(|error| {
        if error.field == "webhook_url" && settings.webhook_url.is_none() {
            let hint = "Give the base URL of our API with --webhook-url URL";
            return Failure::Refused(format!("{error}. {hint}. Nothing was changed."));
        }
        refused(error)
    })
}

fn change_of(options: &CarrierOptions, dropped: &[SenderId]) -> Result<CarrierChange, Failure> {
    let mut sender_ids = BTreeMap::new();
    let given = options.sender_ids.iter().map(|(sender, id)| (sender, Some(id.clone())));
    for (sender, id) in given.chain(dropped.iter().map(|sender| (sender, None))) {
        if sender_ids.insert(sender.clone(), id).is_some() {
            return Err(Failure::Usage(format!("the sender {sender} is given twice")));
        }
    }
    Ok(CarrierChange {
        endpoint: options.endpoint.clone(),
        timeout_ms: options.timeout_ms,
        lookup: (options.lookup || options.no_lookup).then_some(options.lookup),
        receipts_by_id: (options.receipts_by_id || options.no_receipts_by_id).then_some(options.receipts_by_id),
        webhook_url: options.webhook_url.clone(),
        country_code: if options.no_country_code { Some(None) } else { options.country_code.map(Some) },
        sender_ids,
    })
}

/// If routes were never set, adds one from all messages to this carrier. Else warns if no route leads to it.
async fn with_first_route(carriers: &Carriers<'_>, name: CarrierName, report: Report) -> Result<Report, Failure> {
    let directory = &carriers.context.directory;
    if directory.begin_routes(Route::to(vec![name])).await? {
        return Ok(report.and("route_added", true).note(format!(
            "There were no routes, so one was added: every message goes to {name}. See `admin route list` and\n\
             `admin route add`."
        )));
    }
    Ok(if routes_to(&directory.latest_routes().await?, name).is_empty() {
        report.note(format!("No route leads to {name} yet; see `admin route add --help`."))
    } else {
        report
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_or_foreign_webhook_url_is_refused_with_its_reason() {
        let settings = |vendor, webhook_url: Option<&str>| CarrierSettings {
            vendor,
            endpoint: "https://gw.example/".parse().unwrap(),
            timeout_ms: 1,
            lookup: false,
            receipts_by_id: false,
            country_code: None,
            webhook_url: webhook_url.map(|url| url.parse().unwrap()),
            sender_ids: SenderTable::default(),
        };
        let url = Some("https://api.example/");
        for (vendor, given, words) in [
            (Vendor::Cymba, None, ["'webhook_url' is not set: Cymba Messaging Plus", "--webhook-url URL"]),
            (Vendor::Messangi, None, ["'webhook_url' is not set: Messangi", "--webhook-url URL"]),
            (Vendor::Cm, url, ["'webhook_url' is not supported: CM.com", "once, not with each message"]),
        ] {
            let error = check(&settings(vendor, given)).unwrap_err().to_string();
            assert!(
                words.iter().all(|part| error.contains(part)) && error.ends_with("Nothing was changed."),
                "{error}"
            );
            let other = if given.is_some() { None } else { url };
            assert!(check(&settings(vendor, other)).is_ok(), "{vendor}");
        }
    }
}
