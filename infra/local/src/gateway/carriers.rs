//! Carrier endpoints, and the registration of our webhooks at simulated carriers.

use shared::domain::CarrierName;
use url::Url;

use crate::config::{CarrierConfig, Config};

/// Returns a carrier's configured endpoint, or else the emulator's, with a trailing slash.
pub(super) fn endpoint(name: CarrierName, carrier: &CarrierConfig, emulator: &Url) -> Result<Url, url::ParseError> {
    let mut endpoint = match (&carrier.endpoint, name) {
        (Some(elsewhere), _) => elsewhere.clone(),
        (None, CarrierName::Loopback) => emulator.clone(),
        (None, CarrierName::Cm) => emulator.join("cm/")?,
    };
    if !endpoint.path().ends_with('/') {
        endpoint.set_path(&format!("{}/", endpoint.path()));
    }
    Ok(endpoint)
}

/// Registers our webhooks at the simulated carriers. For a real carrier an operator does this in its
/// portal.
pub(super) async fn register_webhooks(
    client: &reqwest::Client,
    config: &Config,
    emulator: &Url,
    gateway: &Url,
) -> anyhow::Result<()> {
    for (name, carrier) in &config.carriers {
        let endpoint = endpoint(*name, carrier, emulator)?;
        let Some(registration) = registration(*name, &endpoint, emulator)? else { continue };
        let token = &carrier.webhook_token;
        let webhooks = serde_json::json!({
            "receipts": gateway.join(&format!("dlr/{}/{token}", name.into_str()))?,
            "replies": gateway.join(&format!("mo/{}/{token}", name.into_str()))?,
        });
        client.put(registration).json(&webhooks).send().await?.error_for_status()?;
    }
    Ok(())
}

/// Returns the registration URL of a simulated carrier, `None` for a real carrier.
fn registration(name: CarrierName, endpoint: &Url, emulator: &Url) -> Result<Option<Url>, url::ParseError> {
    match name {
        // Loopback is always simulated.
        CarrierName::Loopback => endpoint.join("carrier/webhooks").map(Some),
        CarrierName::Cm if endpoint.origin() == emulator.origin() => endpoint.join("webhooks").map(Some),
        CarrierName::Cm => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: Option<&str>) -> CarrierConfig {
        let endpoint = endpoint.map(|endpoint| endpoint.parse().unwrap());
        CarrierConfig {
            endpoint,
            webhook_token: "token".into(),
            key: None,
            timeout_ms: 1,
            lookup: false,
            receipts_by_id: false,
        }
    }

    fn endpoint_and_registration(name: CarrierName, written: Option<&str>) -> (String, Option<String>) {
        let emulator = "http://127.0.0.1:4000/".parse().unwrap();
        let endpoint = endpoint(name, &config(written), &emulator).unwrap();
        let registration = registration(name, &endpoint, &emulator).unwrap();
        (endpoint.into(), registration.map(Url::into))
    }

    #[test]
    fn webhooks_are_registered_at_simulated_carriers_only() {
        let (loopback, cm) = (CarrierName::Loopback, CarrierName::Cm);
        let expected = |endpoint: &str, registration: Option<&str>| (endpoint.into(), registration.map(Into::into));
        let in_emulator = "http://127.0.0.1:4000/cm/";
        let registered = Some("http://127.0.0.1:4000/cm/webhooks");
        assert_eq!(
            endpoint_and_registration(loopback, None),
            expected("http://127.0.0.1:4000/", Some("http://127.0.0.1:4000/carrier/webhooks"))
        );
        assert_eq!(endpoint_and_registration(cm, None), expected(in_emulator, registered));
        assert_eq!(endpoint_and_registration(cm, Some("http://127.0.0.1:4000/cm")), expected(in_emulator, registered));
        assert_eq!(
            endpoint_and_registration(cm, Some("https://gw.example/x")),
            expected("https://gw.example/x/", None)
        );
    }
}
