//! Endpoints of simulated vendors, and the registration of carriers at them.

use serde_json::json;
use shared::domain::{CarrierName, CarrierSecret, CarrierSettings, Vendor};
use url::{Host, Url};

use crate::config::{CarrierConfig, Config};

/// Returns a carrier's settings and secret. Its endpoint is the configured one, or else the emulator's, with a
/// trailing slash.
pub(super) fn connect(
    name: CarrierName,
    carrier: &CarrierConfig,
    emulator: &Url,
    gateway: &Url,
) -> anyhow::Result<(CarrierSettings, CarrierSecret)> {
    let simulated = emulator.join(&format!("{}/", carrier.vendor))?;
    let (mut settings, secret) =
        carrier.connect(simulated, gateway).map_err(|error| anyhow::anyhow!("carriers.{name}: {error}"))?;
    if !settings.endpoint.path().ends_with('/') {
        settings.endpoint.set_path(&format!("{}/", settings.endpoint.path()));
    }
    Ok((settings, secret))
}

/// Registers the carriers at the simulated vendors, with our webhooks. For a real vendor an operator does this
/// in its portal.
pub(super) async fn register(
    client: &reqwest::Client,
    config: &Config,
    emulator: &Url,
    gateway: &Url,
) -> anyhow::Result<()> {
    for (name, carrier) in &config.carriers {
        let (settings, secret) = connect(*name, carrier, emulator, gateway)?;
        if !is_simulated(&settings) {
            continue;
        }
        let token = &carrier.webhook_token;
        let mut registration = json!({
            "vendor": settings.vendor,
            "receipts": gateway.join(&format!("dlr/{name}/{token}"))?,
            "replies": gateway.join(&format!("mo/{name}/{token}"))?,
        });
        let options = [
            ("credentials", (!secret.credentials.is_empty()).then(|| json!(secret.credentials))),
            ("signing_secret", secret.signing_secrets.first().map(|secret| json!(secret))),
            ("country_code", settings.country_code.map(|code| json!(code))),
            ("sender_ids", (!settings.sender_ids.is_empty()).then(|| json!(settings.sender_ids))),
        ];
        for (name, value) in options {
            if let Some(value) = value {
                registration[name] = value;
            }
        }
        let url = emulator.join(&format!("carriers/{name}"))?;
        client.put(url).json(&registration).send().await?.error_for_status()?;
    }
    Ok(())
}

/// Returns whether the vendor is simulated: on this machine, or loopback, which has no other place. A proxy in
/// front of the emulator counts, too.
fn is_simulated(settings: &CarrierSettings) -> bool {
    settings.vendor == Vendor::Loopback
        || match settings.endpoint.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(carrier: &str) -> (String, bool) {
        let carrier: CarrierConfig =
            toml::from_str(&format!("webhook_token = \"token\"\ntimeout_ms = 1\n{carrier}")).unwrap();
        let emulator = "http://127.0.0.1:4000/".parse().unwrap();
        let (settings, _) = connect("cm-nl".parse().unwrap(), &carrier, &emulator, &emulator).unwrap();
        (settings.endpoint.to_string(), is_simulated(&settings))
    }

    #[test]
    fn vendor_is_simulated_unless_its_endpoint_is_elsewhere() {
        let cm = "vendor = \"cm\"\nkey = \"k\"\n";
        let with = |url: &str| format!("{cm}endpoint = \"{url}\"");
        for (carrier, url, simulated) in [
            ("vendor = \"loopback\"".to_owned(), "http://127.0.0.1:4000/loopback/", true),
            (cm.to_owned(), "http://127.0.0.1:4000/cm/", true),
            (with("http://localhost:5000/cm"), "http://localhost:5000/cm/", true),
            (with("https://gw.example/x"), "https://gw.example/x/", false),
        ] {
            assert_eq!(endpoint(&carrier), (url.to_owned(), simulated), "{carrier}");
        }
    }

    #[test]
    fn missing_or_foreign_setting_is_named() {
        for (carrier, field) in [
            ("vendor = \"cm\"", "'key' is not set"),
            ("vendor = \"cm\"\nkey = \"k\"\nlogin = \"l\"", "'login' is not supported"),
            ("vendor = \"cm\"\nkey = \"k\"\nlookup = true", "'lookup' is not supported"),
            ("vendor = \"cm\"\nkey = \"k\"\nreceipts_by_id = true", "'receipts_by_id' is not"),
            ("vendor = \"cm\"\nkey = \"k\"\ncountry_code = \"31\"", "'country_code' is not"),
            ("vendor = \"cm\"\nkey = \"k\"\nsigning_secret = \"s\"", "'signing_secret' is not"),
            ("vendor = \"cm\"\nkey = \"k\"\nwebhook_url = \"http://localhost\"", "'webhook_url' is not supported"),
            ("vendor = \"cm\"\nkey = \"k\"\nsender_ids = {12345 = \"1\"}", "'sender_ids' is not"),
            ("vendor = \"loopback\"\nlogin = \"l\"", "'password' is not set"),
        ] {
            let carrier: CarrierConfig =
                toml::from_str(&format!("webhook_token = \"token\"\ntimeout_ms = 1\n{carrier}")).unwrap();
            let emulator = "http://127.0.0.1:4000/".parse().unwrap();
            let error = connect("cm-nl".parse().unwrap(), &carrier, &emulator, &emulator).err().unwrap().to_string();
            assert!(error.starts_with("carriers.cm-nl: ") && error.contains(field), "{error}");
        }
    }
}
