//! `admin carrier webhooks`: registers a carrier's webhook addresses through its vendor's API.

use serde_json::{Value, json};
use shared::{
    carriers::{SetupError, plan_webhooks, register_webhook},
    domain::{Carrier, CarrierName, CarrierSecret},
    store::SecretStore,
    vendors::WebhookCall,
};
use url::Url;

use super::{Carriers, existing, report};
use crate::{arguments::CarrierWebhooks, failure::Failure, output::Report};

/// Shows the calls that register missing webhooks, and makes them if the operator confirmed.
pub async fn register(carriers: &Carriers<'_>, which: CarrierWebhooks) -> Result<Report, Failure> {
    let CarrierWebhooks { name, base_url, yes } = which;
    let carrier = existing(carriers.context, name).await?;
    let secret = carriers.secrets.carriers().await?.remove(&name).unwrap_or_default();
    let base = match base_url.or_else(|| carrier.settings.webhook_url.clone()) {
        Some(base) => Some(base),
        None => carriers.connection.api_url().await,
    };
    if carrier.settings.vendor.profile().webhook_events.is_none() {
        return Ok(report::addresses(&carrier, &secret, base.as_ref()));
    }
    let base = base.ok_or_else(|| {
        Failure::Refused("the base URL of the gateway's API is missing; give it with --url URL".to_owned())
    })?;
    let http = carriers.environment.http.carrier_client().map_err(Failure::failed("building the HTTP client"))?;
    let calls = plan_webhooks(&http, &carrier, &secret, &base).await.map_err(|error| refused(name, &error))?;
    if !yes && calls.iter().any(|call| !call.is_registered) {
        return Err(unconfirmed(name, &calls));
    }
    for call in calls.iter().filter(|call| !call.is_registered) {
        register_webhook(&http, &carrier, &secret, call).await.map_err(|error| stopped(name, call, &error))?;
    }
    Ok(done(&carrier, &secret, &base, &calls))
}

fn done(carrier: &Carrier, secret: &CarrierSecret, base: &Url, calls: &[WebhookCall]) -> Report {
    let name = carrier.name;
    let words = |call: &WebhookCall| if call.is_registered { "was registered already" } else { "registered" };
    let lines: Vec<_> = calls.iter().map(|call| format!("{}: {}", call.event, words(call))).collect();
    let json = json!({"carrier": name, "webhooks": calls.iter().map(shown).collect::<Vec<_>>()});
    let mut report = Report::new(lines.join("\n"), &json);
    if calls.iter().any(|call| call.is_registered) {
        report = report.note(format!(
            "The vendor does not show the secret of a webhook. If it is not the newest signing secret of {name}, delete\n\
             the webhook at the vendor and run this command again."
        ));
    }
    if calls.iter().any(|call| call.others > 0) {
        report = report.note(
            "The vendor posts these events to other addresses, too. Delete those at the vendor that are no longer needed.",
        );
    }
    if secret.signing_secrets.len() > 1 {
        report = report.note(format!(
            "Once no webhook has the signing secret before it, drop that with `admin carrier retire {name}`."
        ));
    }
    report.and("url", base.as_str())
}

/// Describes a call without its token and secret.
fn shown(call: &WebhookCall) -> Value {
    json!({
        "event": call.event, "method": "POST", "url": call.url.as_str(), "body": call.shown_body,
        "was_registered": call.is_registered, "other_addresses": call.others,
    })
}

fn unconfirmed(name: CarrierName, calls: &[WebhookCall]) -> Failure {
    let line = |call: &WebhookCall| {
        if call.is_registered {
            format!("{} is registered already", call.event)
        } else {
            format!("POST {}\n  {}", call.url, call.shown_body)
        }
    };
    let lines: Vec<_> = calls.iter().map(line).collect();
    let counts = json!({"carrier": name, "webhooks": calls.iter().map(shown).collect::<Vec<_>>()});
    Failure::Unconfirmed {
        words: format!(
            "add --yes to make these calls with the key of {name}, its webhook token and its newest signing secret:\n{}",
            lines.join("\n")
        ),
        counts,
    }
}

fn refused(name: CarrierName, error: &SetupError) -> Failure {
    let advice = match error {
        SetupError::NoAddress => format!("`admin carrier set {name}` makes new addresses."),
        SetupError::NoSigningSecret => {
            format!("The vendor requires one; set it with `admin carrier signing-secret {name}`.")
        }
        SetupError::Credentials(_) => format!("Set it with `admin carrier key {name}`."),
        SetupError::Vendor(_) => "Nothing was registered.".to_owned(),
    };
    Failure::Refused(format!("{error}. {advice}"))
}

fn stopped(name: CarrierName, call: &WebhookCall, error: &SetupError) -> Failure {
    Failure::Refused(format!(
        "the webhook for {} was perhaps not registered: {error}.\n\
         `admin carrier webhooks {name}` shows which ones are, and registers the others.",
        call.event
    ))
}
