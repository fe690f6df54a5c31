//! `admin carrier key`, `signing-secret`, `rotate` and `retire`: the secrets shared with a carrier.

use std::io;

use shared::{
    domain::{Carrier, CarrierName, CarrierSecret, CredentialPart, Credentials, VendorProfile},
    store::SecretsByCarrier,
};

use super::{Carriers, ONE_ACCOUNT, existing, refused, replaced, report::Tokens};
use crate::{arguments::CarrierKey, failure::Failure, output::Report};

/// Each token adds a valid address for receipts, and one for replies.
const MOST_TOKENS: usize = 5;
/// The new one and the one before.
const MOST_SIGNING_SECRETS: usize = 2;
/// In characters.
const LONGEST_PART: usize = 1_000;
const OLD_RECEIPTS: &str = "Messages name the new receipts address within five minutes. Retire the old ones only after that, and once all\n\
     messages before have their receipts.";
const WHEN: &str = "It takes effect within five minutes.";

pub async fn set_credentials(
    carriers: &Carriers<'_>,
    which: CarrierKey,
    input: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, which.name).await?;
    let profile = carrier.settings.vendor.profile();
    let parts = parts_of(profile, which.parts)?;
    let names: Vec<_> = parts.iter().map(CredentialPart::into_str).collect();
    let credentials: Credentials = parts.iter().copied().zip(lines_in(&read(input)?, &names)?).collect();
    check_login(&credentials)?;
    profile.check_credentials(&credentials).map_err(refused)?;
    let report = replace_credentials(carriers, &carrier, &credentials).await?;
    Ok(report.note(format!(
        "The credentials of {} are set: {}. They take effect within five minutes.",
        carrier.name,
        names.join(", ")
    )))
}

pub async fn remove_credentials(carriers: &Carriers<'_>, name: CarrierName) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, name).await?;
    let none = Credentials::default();
    carrier.settings.vendor.profile().check_credentials(&none).map_err(|error| {
        Failure::Refused(format!(
            "no message is sent through {name} without its credentials: {error}. Nothing was changed."
        ))
    })?;
    let report = replace_credentials(carriers, &carrier, &none).await?;
    Ok(report.note(format!("{name} has no credentials. {WHEN}")))
}

async fn replace_credentials(
    carriers: &Carriers<'_>,
    carrier: &Carrier,
    credentials: &Credentials,
) -> Result<Report, Failure> {
    let mut had_others = false;
    let change = |secret: &mut CarrierSecret| {
        had_others = !secret.credentials.is_empty() && secret.credentials != *credentials;
        secret.credentials = credentials.clone();
    };
    let secret = carriers.change_secret_of(carrier, change).await?;
    let report = carriers.changed(carrier, &secret, Tokens::Hidden).await?;
    Ok(if had_others { report.note(ONE_ACCOUNT) } else { report })
}

/// Puts a signing secret in front of the one before, which the vendor may sign with for a while.
pub async fn set_signing_secret(
    carriers: &Carriers<'_>,
    name: CarrierName,
    input: impl FnOnce() -> io::Result<String>,
) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, name).await?;
    carrier.settings.vendor.profile().check_signing_secret().map_err(refused)?;
    let lines = lines_in(&read(input)?, &["signing_secret"])?;
    let change = |secret: &mut CarrierSecret| {
        // A secret that is set again does not push out the one before it.
        secret.signing_secrets.retain(|known| !lines.contains(known));
        secret.signing_secrets.splice(..0, lines.iter().cloned());
        secret.signing_secrets.truncate(MOST_SIGNING_SECRETS);
    };
    let secret = carriers.change_secret_of(&carrier, change).await?;
    let report = carriers.changed(&carrier, &secret, Tokens::Hidden).await?;
    let old = match secret.signing_secrets.len() {
        1 => String::new(),
        _ => format!("\nA webhook signed with the secret before it counts until `admin carrier retire {name}`."),
    };
    Ok(report
        .note(format!("The signing secret of {name} is set; webhooks without a signature are rejected. {WHEN}{old}")))
}

/// Removes all signing secrets, for any vendor: they may have been stored for another.
pub async fn remove_signing_secret(carriers: &Carriers<'_>, name: CarrierName) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, name).await?;
    let secret = carriers.change_secret_of(&carrier, |secret| secret.signing_secrets.clear()).await?;
    let report = carriers.changed(&carrier, &secret, Tokens::Hidden).await?;
    Ok(report.note(format!("Webhooks of {name} need no signature. {WHEN}")))
}

pub async fn rotate(carriers: &Carriers<'_>, name: CarrierName) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, name).await?;
    let token = carriers.new_token();
    let secret = carriers.change_secret_of(&carrier, |secret| secret.webhook_tokens.insert(0, token.clone())).await?;
    let report = carriers.changed(&carrier, &secret, Tokens::Shown).await?;
    let takes_webhook_url = carrier.settings.vendor.profile().takes_webhook_url;
    let report = report.note(match (carriers.connection.local(), takes_webhook_url) {
        (Some(_), _) => format!("The old addresses work until `admin carrier retire {name}`."),
        (None, true) => format!(
            "Give the new replies address to the vendor. The old addresses work until `admin carrier retire {name}`."
        ),
        (None, false) => {
            format!("Give the new addresses to the vendor. The old ones work until `admin carrier retire {name}`.")
        }
    });
    Ok(if takes_webhook_url { report.note(OLD_RECEIPTS) } else { report })
}

pub async fn retire(carriers: &Carriers<'_>, name: CarrierName) -> Result<Report, Failure> {
    let carrier = existing(carriers.context, name).await?;
    let change = |secret: &mut CarrierSecret| {
        secret.webhook_tokens.truncate(1);
        secret.signing_secrets.truncate(1);
    };
    let secret = carriers.change_secret_of(&carrier, change).await?;
    let report = carriers.changed(&carrier, &secret, Tokens::Hidden).await?;
    Ok(report.note("All other addresses and signing secrets of this carrier stop working within five minutes."))
}

/// Returns the parts to read: those given, or else those of the vendor's only set.
fn parts_of(profile: &VendorProfile, given: Vec<CredentialPart>) -> Result<Vec<CredentialPart>, Failure> {
    if given.is_empty() {
        let sets: Vec<_> = profile.credentials.iter().filter(|set| !set.is_empty()).collect();
        return match sets.as_slice() {
            [] => Err(Failure::Refused(format!("{} takes no credentials", profile.title))),
            [only] => Ok(only.to_vec()),
            several => {
                let names = |set: &&&[CredentialPart]| {
                    let parts: Vec<_> = set.iter().map(CredentialPart::into_str).collect();
                    format!("--parts {}", parts.join(","))
                };
                let several: Vec<_> = several.iter().map(names).collect();
                Err(Failure::Refused(format!("{} takes one of: {}", profile.title, several.join(", or "))))
            }
        };
    }
    if let Some((_, twice)) = given.iter().enumerate().find(|(index, part)| given[..*index].contains(part)) {
        return Err(Failure::Usage(format!("the part '{twice}' is given twice")));
    }
    // Before we ask for secrets that the vendor does not take.
    let named = given.iter().map(|part| (*part, String::new())).collect();
    profile.check_credentials(&named).map_err(refused)?;
    Ok(given)
}

fn read(input: impl FnOnce() -> io::Result<String>) -> Result<String, Failure> {
    input().map_err(|error| Failure::Refused(format!("could not read standard input: {error}")))
}

/// Parses a line for each name, of characters that a header can hold as they are. Errors quote no line.
fn lines_in(text: &str, names: &[&str]) -> Result<Vec<String>, Failure> {
    let refused = |name: &str, reason: &str| {
        Failure::Refused(format!(
            "'{name}' {reason}. Nothing was changed. Standard input must have a line for each of: {};\n\
             each has 1 to {LONGEST_PART} ASCII letters, digits and punctuation marks.",
            names.join(", ")
        ))
    };
    let mut lines = text.lines().map(str::trim);
    let mut found = Vec::new();
    for name in names {
        let line = lines.next().ok_or_else(|| refused(name, "has no line"))?;
        if line.is_empty() {
            return Err(refused(name, "has an empty line"));
        }
        if line.len() > LONGEST_PART || !line.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(refused(name, "is too long, or has a character that is not allowed"));
        }
        found.push(line.to_owned());
    }
    match (lines.any(|line| !line.is_empty()), names.last()) {
        (true, Some(last)) => Err(refused(last, "is the last, but more lines follow it")),
        _ => Ok(found),
    }
}

/// Refuses a login that HTTP Basic would end at its colon.
fn check_login(credentials: &Credentials) -> Result<(), Failure> {
    match credentials.get(CredentialPart::Login) {
        Some(login) if login.contains(':') => Err(Failure::Refused(
            "'login' has a colon, which ends a login in HTTP Basic authentication. Nothing was changed.".to_owned(),
        )),
        _ => Ok(()),
    }
}

impl Carriers<'_> {
    /// Changes the secret of a carrier that was read before. If another operator changes the secrets at the same
    /// time, `change` runs again.
    ///
    /// # Errors
    /// Also if the carrier is of another vendor by now, or removed: the change was checked for that vendor.
    pub(super) async fn change_secret_of(
        &self,
        carrier: &Carrier,
        mut change: impl FnMut(&mut CarrierSecret),
    ) -> Result<CarrierSecret, Failure> {
        let change = async |secret: &mut CarrierSecret| {
            let latest = existing(self.context, carrier.name).await?;
            if latest.settings.vendor != carrier.settings.vendor {
                return Err(replaced(carrier.name));
            }
            change(secret);
            Ok(())
        };
        self.change_secret(carrier.name, change).await
    }

    /// Changes a carrier's secret, and writes only if something differs. `change` runs after the secrets were read,
    /// and again if another operator changed them meanwhile. So if `change` finds that the carrier has no settings,
    /// no command has finished adding it when the secret is written.
    pub(super) async fn change_secret(
        &self,
        name: CarrierName,
        mut change: impl AsyncFnMut(&mut CarrierSecret) -> Result<(), Failure>,
    ) -> Result<CarrierSecret, Failure> {
        let mut changed = CarrierSecret::default();
        let change = async |secrets: &mut SecretsByCarrier| {
            let before = secrets.get(&name).cloned().unwrap_or_default();
            changed = before.clone();
            change(&mut changed).await?;
            if changed.webhook_tokens.len() > MOST_TOKENS {
                return Err(Failure::Refused(format!(
                    "the carrier {name} has {MOST_TOKENS} webhook addresses of each kind, which is the limit; once the\n\
                     vendor posts to the newest, drop the others with `admin carrier retire {name}`"
                )));
            }
            if changed != before {
                secrets.insert(name, changed.clone());
            }
            Ok(())
        };
        self.secrets.change(&self.context.random, change).await?;
        Ok(changed)
    }

    /// Returns a token in hex digits, which need no escapes in a path.
    pub(super) fn new_token(&self) -> String {
        hex::encode(self.context.random.bytes())
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::Vendor;

    use super::*;

    fn refusal<T>(result: Result<T, Failure>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn parts_are_those_of_the_only_set_unless_given() {
        use CredentialPart::{Key, Login, Password};
        let (cm, loopback) = (Vendor::Cm.profile(), Vendor::Loopback.profile());
        assert_eq!(parts_of(cm, vec![]).unwrap(), [Key]);
        assert_eq!(parts_of(loopback, vec![Password, Login]).unwrap(), [Password, Login]);
        let which = refusal(parts_of(loopback, vec![]));
        assert!(which.contains("--parts key, or --parts login,password"), "{which}");
        for (profile, given, field) in [
            (cm, vec![Key, Key], "'key' is given twice"),
            (cm, vec![Login, Password], "'login' is not supported"),
            (loopback, vec![Login], "'password' is not set"),
        ] {
            let error = refusal(parts_of(profile, given));
            assert!(error.contains(field), "{error}");
        }
    }

    #[test]
    fn login_with_a_colon_is_refused() {
        let of = |part, text: &str| check_login(&[(part, text.to_owned())].into_iter().collect());
        let error = refusal(of(CredentialPart::Login, "me:too"));
        assert!(error.starts_with("'login' has a colon") && !error.contains("me:too"), "{error}");
        assert!(of(CredentialPart::Login, "me").is_ok() && of(CredentialPart::Password, "a:b").is_ok());
    }

    #[test]
    fn each_part_is_a_line() {
        let names = ["login", "password"];
        for text in ["me\nsecret", "me\r\nsecret\r\n", " me \n\tsecret\n\n \n"] {
            assert_eq!(lines_in(text, &names).unwrap(), ["me", "secret"], "{text:?}");
        }
        let longer = format!("me\n{}", "x".repeat(LONGEST_PART + 1));
        for (text, field) in [
            ("", "'login' has no line"),
            ("\nsecret\n", "'login' has an empty line"),
            ("me\n", "'password' has no line"),
            ("me\n \n", "'password' has an empty line"),
            ("me\nsecret\nsurplus", "'password' is the last"),
            ("me\nsecret\n\nsurplus", "'password' is the last"),
            ("m e\nsecret\n", "'login' is too long, or"),
            ("me\nsécret\n", "'password' is too long, or"),
            (&longer, "'password' is too long, or"),
        ] {
            let error = refusal(lines_in(text, &names));
            assert!(error.starts_with(field) && !error.contains("secret") && !error.contains("surplus"), "{error}");
        }
    }
}
