//! With `--local`: carriers at the simulated vendors. The emulator learns from us what a real vendor's portal
//! would be told: webhook addresses, credentials, and the like.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::{
    domain::{Carrier, CarrierName, CarrierSecret, Vendor},
    runtime::error_chain,
};
use url::{Host, Url};

use super::Carriers;
use crate::{arguments::CarrierOptions, connect::Connection, failure::Failure};

const TIMEOUT: Duration = Duration::from_secs(10);
/// In characters.
const LONGEST_REASON: usize = 300;

/// Returns the simulated vendor's endpoint.
pub fn endpoint(local: &Url, vendor: Vendor) -> Result<Url, Failure> {
    local.join(&format!("/{vendor}/")).map_err(Failure::failed("building the simulated vendor's endpoint"))
}

/// Refuses an endpoint through which the local stack would send real messages.
pub fn check_endpoint(connection: &Connection, options: &CarrierOptions) -> Result<(), Failure> {
    let Some((endpoint, local)) = options.endpoint.as_ref().zip(connection.local()) else { return Ok(()) };
    if options.allow_external || is_here(endpoint, local) {
        return Ok(());
    }
    Err(Failure::Refused(format!(
        "with --local, carriers are simulated, but {endpoint} is not on this machine: real messages might be\n\
         sent. Nothing was changed. Leave out --endpoint to keep the simulated carrier, or add --allow-external."
    )))
}

/// Registers a carrier at the simulated vendor, over an earlier registration. If its endpoint is on another
/// machine, removes the registration, because the simulation must not learn real credentials.
pub async fn register(carriers: &Carriers<'_>, carrier: &Carrier, secret: &CarrierSecret) -> Result<(), Failure> {
    let Some(local) = carriers.connection.local() else { return Ok(()) };
    if !is_here(&carrier.settings.endpoint, local) {
        return unregister(carriers, carrier.name).await;
    }
    let Some(registration) = registration(local, carrier, secret)? else { return Ok(()) };
    let name = carrier.name;
    let request = carriers.environment.http.client().put(address(local, name)?).json(&registration);
    match send(request).await {
        Ok(()) => Ok(()),
        Err(SimulationError { reason, .. }) => Err(Failure::Refused(format!(
            "the change of {name} was made, but the simulated vendor could not be told: {reason}.\n\
             `admin --local carrier set {name}` tries again."
        ))),
    }
}

/// Removes a carrier from the simulated vendor, if it is there.
pub async fn unregister(carriers: &Carriers<'_>, name: CarrierName) -> Result<(), Failure> {
    let Some(local) = carriers.connection.local() else { return Ok(()) };
    match send(carriers.environment.http.client().delete(address(local, name)?)).await {
        Err(SimulationError { status: Some(StatusCode::NOT_FOUND), .. }) | Ok(()) => Ok(()),
        Err(SimulationError { reason, .. }) => Err(Failure::Refused(format!(
            "the carrier {name} could not be removed from the simulated vendor: {reason}"
        ))),
    }
}

/// Returns whether an endpoint is on this machine, as simulated vendors are, and proxies in front of them.
fn is_here(endpoint: &Url, local: &Url) -> bool {
    let is_loopback = match endpoint.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    is_loopback || endpoint.host() == local.host()
}

/// Returns the body of a registration, or `None` while the carrier has no webhook address.
fn registration(local: &Url, carrier: &Carrier, secret: &CarrierSecret) -> Result<Option<Value>, Failure> {
    let Carrier { name, settings } = carrier;
    let Some(token) = secret.webhook_tokens.first() else { return Ok(None) };
    let webhook = |kind: &str| {
        let failed = Failure::failed("building the webhook addresses");
        local.join(&format!("/{kind}/{name}/{token}")).map(String::from).map_err(failed)
    };
    let mut body = json!({"vendor": settings.vendor, "receipts": webhook("dlr")?, "replies": webhook("mo")?});
    if !secret.credentials.is_empty() {
        body["credentials"] = json!(secret.credentials);
    }
    if let Some(signing_secret) = secret.signing_secrets.first() {
        body["signing_secret"] = signing_secret.as_str().into();
    }
    if let Some(country_code) = settings.country_code {
        body["country_code"] = country_code.to_string().into();
    }
    if !settings.sender_ids.is_empty() {
        body["sender_ids"] = json!(settings.sender_ids);
    }
    Ok(Some(body))
}

fn address(local: &Url, name: CarrierName) -> Result<Url, Failure> {
    local.join(&format!("/carriers/{name}")).map_err(Failure::failed("building the simulated vendor's address"))
}

/// A call to the simulation that failed.
struct SimulationError {
    status: Option<StatusCode>,
    reason: String,
}

async fn send(request: RequestBuilder) -> Result<(), SimulationError> {
    let failed = |error: &reqwest::Error| SimulationError { status: None, reason: error_chain(error) };
    let answer = request.timeout(TIMEOUT).send().await.map_err(|error| failed(&error))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.text().await.map_err(|error| failed(&error))?;
    let words: String = body.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
    Err(SimulationError { status: Some(status), reason: format!("{status} {words}") })
}

#[cfg(test)]
mod tests {
    use shared::domain::{CarrierSettings, CredentialPart, SenderTable};

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn endpoint_of_this_machine_is_here() {
        let local = url("http://gateway.internal:3000");
        for here in ["http://127.0.0.1:1/", "http://[::1]/", "http://localhost/cm/", "http://gateway.internal:9/cm/"] {
            assert!(is_here(&url(here), &local), "{here}");
        }
        for elsewhere in ["https://gw.messaging.cm.com/", "http://localhost.example/", "http://10.0.0.1/"] {
            assert!(!is_here(&url(elsewhere), &local), "{elsewhere}");
        }
    }

    #[test]
    fn registration_has_only_what_is_set() {
        let local = url("http://127.0.0.1:3000");
        let mut settings = CarrierSettings {
            vendor: Vendor::Loopback,
            endpoint: endpoint(&local, Vendor::Loopback).unwrap(),
            timeout_ms: 1,
            lookup: false,
            receipts_by_id: false,
            country_code: None,
            webhook_url: None,
            sender_ids: SenderTable::default(),
        };
        assert_eq!(settings.endpoint.as_str(), "http://127.0.0.1:3000/loopback/");
        let name = "cm-nl".parse().unwrap();
        let of = |settings: &CarrierSettings, secret: &CarrierSecret| {
            registration(&local, &Carrier { name, settings: settings.clone() }, secret).unwrap()
        };
        assert_eq!(of(&settings, &CarrierSecret::default()), None);
        let webhook_tokens = vec!["new".to_owned(), "old".to_owned()];
        let mut secret = CarrierSecret { webhook_tokens, ..CarrierSecret::default() };
        let mut expected = json!({
            "vendor": "loopback", "receipts": "http://127.0.0.1:3000/dlr/cm-nl/new",
            "replies": "http://127.0.0.1:3000/mo/cm-nl/new",
        });
        assert_eq!(of(&settings, &secret).unwrap(), expected);

        settings.country_code = Some("31".parse().unwrap());
        settings.sender_ids = std::collections::BTreeMap::from([("Acme".parse().unwrap(), "id-1".to_owned())]).into();
        secret.credentials = [(CredentialPart::Key, "k".to_owned())].into_iter().collect();
        secret.signing_secrets = vec!["s".to_owned(), "old".to_owned()];
        expected["credentials"] = json!({"key": "k"});
        expected["signing_secret"] = json!("s");
        expected["country_code"] = json!("31");
        expected["sender_ids"] = json!({"Acme": "id-1"});
        assert_eq!(of(&settings, &secret).unwrap(), expected);
    }
}
