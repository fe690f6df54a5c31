//! `admin carrier list` and `admin carrier show`. No credential and no signing secret is ever shown. A webhook address
//! holds a secret token, so only the commands that give it to the operator show it whole.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::{
    domain::{Carrier, CarrierName, CarrierSecret, CarrierSettings, CredentialPart, Routes, Vendor, VendorProfile},
    store::{SecretStore, SecretsByCarrier},
};

use url::Url;

use super::Carriers;
use crate::{
    connect::Connection,
    failure::Failure,
    output::{Report, fields, or_dash, table},
};

pub async fn list(carriers: &Carriers<'_>) -> Result<Report, Failure> {
    let directory = &carriers.context.directory;
    let (secrets, routes) = (carriers.secrets.carriers().await?, directory.latest_routes().await?);
    let all = directory.latest_carriers().await?;
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    for Carrier { name, settings } in &all {
        let secret = secrets.get(name).cloned().unwrap_or_default();
        let routes = routes_to(&routes, *name);
        rows.push([
            name.to_string(),
            settings.vendor.to_string(),
            settings.endpoint.to_string(),
            format!("{} ms", settings.timeout_ms),
            credentials_status(settings.vendor, &secret).to_owned(),
            signing_secret_status(settings.vendor, &secret),
            or_dash((!routes.is_empty()).then(|| positions(&routes))),
        ]);
        let mut one = shown_settings(*name, settings, &secret);
        one["routes"] = json!(routes);
        shown.push(one);
    }
    let text = match rows.as_slice() {
        [] => "no carriers\n".to_owned(),
        rows => {
            let headings = ["NAME", "VENDOR", "ENDPOINT", "TIMEOUT", "CREDENTIALS", "SIGNING SECRET", "ROUTES"];
            table(headings, rows)
        }
    };
    let report = Report::new(text, &json!({"carriers": shown}));
    let parts = incomplete(&all, &secrets, &directory.latest_carrier_names().await?);
    Ok(parts.into_iter().fold(report, |report, (name, missing)| report.note(missing.warning(name))))
}

/// The missing part of an incomplete carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingPart {
    Settings,
    Secret,
}

impl MissingPart {
    fn warning(self, name: CarrierName) -> String {
        format!(
            "Warning: {name} has no {}: it is being added or removed, or that was interrupted.\n{}; \
             `admin carrier remove {name}`\nremoves the rest.",
            match self {
                Self::Settings => "settings",
                Self::Secret => "webhook addresses, so it cannot report",
            },
            self.repair(name)
        )
    }

    /// Returns a sentence, without its full stop, on how to complete the carrier.
    pub fn repair(self, name: CarrierName) -> String {
        match self {
            Self::Settings => format!("`admin carrier add {name} --vendor VENDOR` restores it"),
            Self::Secret => format!("`admin carrier set {name}` makes new addresses"),
        }
    }
}

/// Returns the carriers of which a part is missing: a name or a secret without settings, or settings without a
/// secret.
fn incomplete(
    all: &[Carrier],
    secrets: &SecretsByCarrier,
    listed: &[CarrierName],
) -> BTreeMap<CarrierName, MissingPart> {
    let has_settings = |name: &CarrierName| all.iter().any(|carrier| carrier.name == *name);
    let without_settings = secrets.keys().chain(listed).copied().filter(|name| !has_settings(name));
    let without_secret = all.iter().map(|carrier| carrier.name).filter(|name| !secrets.contains_key(name));
    let without_settings = without_settings.map(|name| (name, MissingPart::Settings));
    without_settings.chain(without_secret.map(|name| (name, MissingPart::Secret))).collect()
}

/// Returns the positions of rules with the carrier.
pub fn routes_to(routes: &Routes, name: CarrierName) -> Vec<usize> {
    let routes = (1..).zip(&routes.0).filter(|(_, route)| route.carriers.contains(&name));
    routes.map(|(position, _)| position).collect()
}

pub fn positions(routes: &[usize]) -> String {
    routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn credentials_status(vendor: Vendor, secret: &CarrierSecret) -> &'static str {
    match (secret.credentials.is_empty(), vendor.profile().needs_credentials()) {
        (false, _) => "set",
        (true, true) => "not set",
        (true, false) => "not needed",
    }
}

fn signing_secret_status(vendor: Vendor, secret: &CarrierSecret) -> String {
    match (secret.signing_secrets.len(), vendor.profile().signs_webhooks) {
        (0, true) => "not set".to_owned(),
        (0, false) => "-".to_owned(),
        (1, _) => "set".to_owned(),
        (several, _) => format!("set ({several}, until retire)"),
    }
}

fn shown_settings(name: CarrierName, settings: &CarrierSettings, secret: &CarrierSecret) -> Value {
    json!({
        "carrier": name,
        "vendor": settings.vendor,
        "endpoint": settings.endpoint.as_str(),
        "timeout_ms": settings.timeout_ms,
        "lookup": settings.lookup,
        "receipts_by_id": settings.receipts_by_id,
        "country_code": settings.country_code,
        "webhook_url": settings.webhook_url,
        "sender_ids": settings.sender_ids,
        "credentials_set": !secret.credentials.is_empty(),
        "signing_secret_set": !secret.signing_secrets.is_empty(),
        "signing_secrets": secret.signing_secrets.len(),
    })
}

/// Whether a report shows the tokens in webhook addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    Shown,
    /// `…` stands for a token.
    Hidden,
}

/// Reports a carrier's settings and webhook addresses, with warnings.
pub async fn of(carrier: &Carrier, secret: &CarrierSecret, tokens: Tokens, connection: &Connection) -> Report {
    let Carrier { name, settings } = carrier;
    let base = match &settings.webhook_url {
        Some(webhook_url) => Some(webhook_url.clone()),
        None => connection.api_url().await,
    };
    let address = |kind: &str| address(*name, secret, tokens, base.as_ref(), kind).unzip();
    let (receipts, receipts_url) = address("dlr");
    let (replies, replies_url) = address("mo");
    let (receipts_url, replies_url) = (receipts_url.flatten(), replies_url.flatten());
    let mut json = shown_settings(*name, settings, secret);
    for (field, value) in [
        ("vendor_title", json!(settings.vendor.profile().title)),
        ("receipts_path", json!(receipts)),
        ("replies_path", json!(replies)),
        ("receipts_url", json!(receipts_url)),
        ("replies_url", json!(replies_url)),
        ("tokens", json!(secret.webhook_tokens.len())),
    ] {
        json[field] = value;
    }
    let text = text(carrier, secret, [receipts_url.or(receipts), replies_url.or(replies)]);
    let report = Report::new(text, &json);
    let report = if tokens == Tokens::Shown { with_secrecy(report, secret) } else { report };
    with_warnings(report, carrier, secret)
}

/// Returns the newest path for receipts (`dlr`) or replies (`mo`), with its URL if there is a base URL.
fn address(
    name: CarrierName,
    secret: &CarrierSecret,
    tokens: Tokens,
    base: Option<&Url>,
    kind: &str,
) -> Option<(String, Option<String>)> {
    let token = secret.webhook_tokens.first()?;
    let below = |path: &[&str]| base.and_then(|base| below(base, path));
    Some(match tokens {
        Tokens::Shown => (format!("/{kind}/{name}/{token}"), below(&[kind, name.as_str(), token]).map(String::from)),
        Tokens::Hidden => (format!("/{kind}/{name}/…"), below(&[kind, name.as_str()]).map(|url| format!("{url}/…"))),
    })
}

/// Reports the addresses for an operator to enter by hand, because the vendor has no API for webhooks.
pub fn addresses(carrier: &Carrier, secret: &CarrierSecret, base: Option<&Url>) -> Report {
    let (name, profile) = (carrier.name, carrier.settings.vendor.profile());
    let address =
        |kind: &str| address(name, secret, Tokens::Shown, base, kind).map(|(path, whole)| whole.unwrap_or(path));
    // Each message carries the receipts address.
    let receipts = address("dlr").filter(|_| !profile.takes_webhook_url);
    let replies = address("mo");
    let json = json!({"carrier": name, "receipts": receipts, "replies": replies, "webhooks": null});
    let report = Report::new(fields(&[("receipts", receipts), ("replies", replies)]), &json);
    report.note(format!(
        "{} has no API for that; give it these addresses. They are secret: give them only to the vendor.",
        profile.title
    ))
}

/// Returns a URL with more path segments.
fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

fn text(carrier: &Carrier, secret: &CarrierSecret, [receipts, replies]: [Option<String>; 2]) -> String {
    let Carrier { name, settings } = carrier;
    let (vendor, profile) = (settings.vendor, settings.vendor.profile());
    let parts: Vec<_> = secret.credentials.parts().map(|part| part.into_str()).collect();
    let credentials = match parts.as_slice() {
        [] => credentials_status(vendor, secret).to_owned(),
        parts => format!("set: {}", parts.join(", ")),
    };
    let fields = fields(&[
        ("carrier", Some(name.to_string())),
        ("vendor", Some(format!("{vendor} ({})", profile.title))),
        ("endpoint", Some(settings.endpoint.to_string())),
        ("timeout", Some(format!("{} ms", settings.timeout_ms))),
        ("lookup", Some(if settings.lookup { "on" } else { "off" }.to_owned())),
        ("receipts by", Some(if settings.receipts_by_id { "its own ID" } else { "our reference" }.to_owned())),
        ("country code", Some(or_dash(settings.country_code.map(|code| code.to_string())))),
        ("webhook URL", settings.webhook_url.as_ref().map(Url::to_string)),
        ("credentials", Some(credentials)),
        ("signing secret", Some(signing_secret_status(vendor, secret))),
        ("receipts", receipts),
        ("replies", replies),
        ("tokens", Some(secret.webhook_tokens.len().to_string())),
    ]);
    let ids: Vec<_> = settings.sender_ids.iter().map(|(sender, id)| [sender.to_string(), id.to_owned()]).collect();
    match ids.as_slice() {
        [] => fields,
        ids => format!("{fields}\n{}", table(["SENDER", &profile.sender_id.unwrap_or("ID").to_uppercase()], ids)),
    }
}

/// Adds that the addresses are secret, if there are any.
fn with_secrecy(report: Report, secret: &CarrierSecret) -> Report {
    match (secret.webhook_tokens.is_empty(), secret.signing_secrets.is_empty()) {
        (true, _) => report,
        (false, false) => report.note("The receipts and replies addresses are secret: give them only to the vendor."),
        (false, true) => report.note(
            "The receipts and replies addresses are secret: give them only to the vendor. No other key protects them.",
        ),
    }
}

fn with_warnings(report: Report, carrier: &Carrier, secret: &CarrierSecret) -> Report {
    let (name, profile) = (carrier.name, carrier.settings.vendor.profile());
    let report = if secret.webhook_tokens.is_empty() { report.note(MissingPart::Secret.warning(name)) } else { report };
    let report = if profile.takes_webhook_url {
        report.note("Each message names its receipts address. Enter the replies address at the vendor, and no other.")
    } else {
        report
    };
    let report = match profile.webhook_events {
        Some([receipts, replies]) => report.note(format!(
            "Register them with `admin carrier webhooks {name}`, or enter them at the vendor with the signing secret:\n\
             the receipts address for the event {receipts}, and the replies address for {replies}."
        )),
        None => report,
    };
    if profile.check_credentials(&secret.credentials).is_ok() {
        return report;
    }
    report.note(format!(
        "Warning: no message is sent through {name} without its credentials ({}); set them with\n\
         `admin carrier key {name}{}`.",
        profile.accepted_credentials(),
        parts_option(profile)
    ))
}

/// Returns the `--parts` of `carrier key` for the vendor's first set of credentials, if the vendor accepts several.
fn parts_option(profile: &VendorProfile) -> String {
    let mut sets = profile.credentials.iter().filter(|set| !set.is_empty());
    match (sets.next(), sets.next()) {
        (Some(first), Some(_)) => {
            let parts: Vec<_> = first.iter().map(CredentialPart::into_str).collect();
            format!(" --parts {}", parts.join(","))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::SenderTable;

    use super::*;

    fn carrier(name: &str) -> Carrier {
        let settings = CarrierSettings {
            vendor: Vendor::Loopback,
            endpoint: "http://127.0.0.1/".parse().unwrap(),
            timeout_ms: 1,
            lookup: false,
            receipts_by_id: false,
            country_code: None,
            webhook_url: None,
            sender_ids: SenderTable::default(),
        };
        Carrier { name: name.parse().unwrap(), settings }
    }

    #[test]
    fn carrier_with_a_missing_part_is_incomplete() {
        let name = |text: &str| text.parse::<CarrierName>().unwrap();
        let secrets = ["whole", "secret-only"].map(|text| (name(text), CarrierSecret::default())).into();
        let listed = ["whole", "settings-only", "name-only"].map(name);
        let found = incomplete(&[carrier("whole"), carrier("settings-only")], &secrets, &listed);
        let expected = [
            ("name-only", MissingPart::Settings),
            ("secret-only", MissingPart::Settings),
            ("settings-only", MissingPart::Secret),
        ];
        assert_eq!(found, expected.map(|(text, missing)| (name(text), missing)).into());
        // The command that heals comes first.
        for (missing, heals) in [(MissingPart::Settings, "carrier add"), (MissingPart::Secret, "carrier set")] {
            let warning = missing.warning(name("one"));
            assert!(warning.find(heals).unwrap() < warning.find("carrier remove one").unwrap(), "{warning}");
        }
    }

    #[test]
    fn hidden_token_is_in_no_address() {
        let (name, base) = ("cm-nl".parse().unwrap(), "https://api.example/v1/".parse().unwrap());
        let secret =
            CarrierSecret { webhook_tokens: vec!["new".to_owned(), "old".to_owned()], ..CarrierSecret::default() };
        for (tokens, path, whole) in [
            (Tokens::Shown, "/dlr/cm-nl/new", "https://api.example/v1/dlr/cm-nl/new"),
            (Tokens::Hidden, "/dlr/cm-nl/…", "https://api.example/v1/dlr/cm-nl/…"),
        ] {
            let expected = Some((path.to_owned(), Some(whole.to_owned())));
            assert_eq!(address(name, &secret, tokens, Some(&base), "dlr"), expected);
            assert_eq!(address(name, &secret, tokens, None, "dlr"), Some((path.to_owned(), None)));
            assert_eq!(address(name, &CarrierSecret::default(), tokens, Some(&base), "dlr"), None);
        }
    }

    #[test]
    fn credentials_and_signing_secret_are_shown_as_set_or_not() {
        let set = CarrierSecret {
            credentials: [(CredentialPart::Key, "hidden".to_owned())].into_iter().collect(),
            signing_secrets: vec!["hidden".to_owned()],
            ..CarrierSecret::default()
        };
        let none = CarrierSecret::default();
        let words = |vendor, secret| (credentials_status(vendor, secret), signing_secret_status(vendor, secret));
        assert_eq!(words(Vendor::Loopback, &none), ("not needed", "not set".to_owned()));
        assert_eq!(words(Vendor::Cm, &none), ("not set", "-".to_owned()));
        assert_eq!(words(Vendor::Loopback, &set), ("set", "set".to_owned()));
        let rotated = CarrierSecret { signing_secrets: vec!["new".to_owned(), "old".to_owned()], ..set.clone() };
        assert_eq!(words(Vendor::Loopback, &rotated).1, "set (2, until retire)");
        let shown = text(&carrier("one"), &set, [None, None])
            + &shown_settings("one".parse().unwrap(), &carrier("one").settings, &set).to_string();
        assert!(shown.contains("set: key") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn missing_credentials_name_parts_only_if_there_is_a_choice() {
        let options = |vendor: Vendor| parts_option(vendor.profile());
        assert_eq!([Vendor::Cymba, Vendor::Messangi].map(options), ["", " --parts key"]);
    }
}
