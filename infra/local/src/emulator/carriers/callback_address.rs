//! Addresses for receipts in a submit. Only this machine is allowed, because anyone who can submit could
//! otherwise make the emulator call any host.

use url::{Host, Url};

#[derive(Debug, thiserror::Error)]
#[error("must be an http or https URL on this machine, with the host localhost, 127.0.0.1 or [::1]")]
pub(super) struct ForeignAddress;

pub(super) fn parse(written: &str) -> Result<Url, ForeignAddress> {
    let url = Url::parse(written).map_err(|_| ForeignAddress)?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_here && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(ForeignAddress) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_must_be_on_this_machine() {
        for here in ["http://127.0.0.1:3000/a?b", "https://LOCALHOST/", "http://[::1]:1/", "http://127.9.9.9/"] {
            assert_eq!(parse(here).unwrap().as_str(), here.to_lowercase());
        }
        for foreign in [
            "",
            "/dlr",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://169.254.169.254/",
            "http://[::]/",
            "http://[::ffff:169.254.169.254]/",
            "http://client.example/",
            "http://localhost.client.example/",
            "http://127.0.0.1@client.example/",
            "http://2130706434.client.example/",
        ] {
            assert!(parse(foreign).is_err(), "{foreign}");
        }
    }
}
