//! The command line for carriers.

use std::ffi::OsStr;

use clap::{
    Arg, Args, Command, Error, Subcommand,
    builder::{StringValueParser, TypedValueParser},
    error::ErrorKind,
};
use shared::domain::{CallingCode, CarrierName, CredentialPart, SenderId, Vendor};
use strum::IntoEnumIterator;
use url::Url;

const CARRIER: &str = "Name of the carrier, as `carrier list` shows it";
/// In characters.
const LONGEST_SENDER_ID: usize = 100;

#[derive(Debug, Subcommand)]
pub enum CarrierCommand {
    /// Add a carrier: a named connection of a vendor
    #[command(
        after_help = "Several carriers may be connections of one vendor, each with its own credentials and webhook addresses.\n\
        The first carrier gets a route for all messages. Prints the webhook addresses, which hold a secret token:\n\
        give them only to the vendor. Examples:\n  \
        admin carrier add cm-nl --vendor cm\n  \
        admin carrier key cm-nl < product-token"
    )]
    Add(CarrierAdd),
    /// Change a carrier's settings; omitted options keep their values
    #[command(
        after_help = "A change takes effect within 30 seconds. A carrier is one account at the vendor: for another account,\n\
        add another carrier. Otherwise lookups and receipts of messages under way go to the wrong account. If a\n\
        part of the carrier is missing, the command makes new webhook addresses, and prints them. Examples:\n  \
        admin carrier set cm-nl --timeout-ms 5000\n  \
        admin carrier set cm-nl --sender-id 31612345678=ABC --drop-sender-id Acme"
    )]
    Set(CarrierSet),
    /// List carriers with their vendors, endpoints, credentials and routes
    List,
    /// Show a carrier's settings and its addresses for receipts and replies
    #[command(
        after_help = "Prints the webhook addresses with their secret token: give them only to the vendor. All other commands but\n\
        `carrier add`, `carrier rotate` and `carrier webhooks` show `…` in its place."
    )]
    Show {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Set our credentials at a carrier, read from standard input: each part on a line of its own
    #[command(
        after_help = "All parts are replaced at once. They are not arguments, because other users of this machine can see\n\
        those. They are never shown. A carrier is one account at the vendor: for another account, add another\n\
        carrier. Otherwise lookups and receipts of messages under way go to the wrong account. Examples:\n  \
        admin carrier key cm-nl < product-token\n  \
        printf '%s\\n' \"$LOGIN\" \"$PASSWORD\" | admin carrier key NAME --parts login,password"
    )]
    Key(CarrierKey),
    /// Set the secret with which a carrier signs its webhooks, read from standard input
    #[command(
        after_help = "Once it is set, we reject webhooks without a valid signature. It takes effect within five minutes; a\n\
        webhook signed with the old secret counts until `carrier retire`. With a third secret, the first ends.\n\
        It is never shown. Example:\n  \
        admin carrier signing-secret NAME < signing-secret"
    )]
    SigningSecret {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
        /// Remove all signing secrets; webhooks then need no signature
        #[arg(long)]
        remove: bool,
    },
    /// Create new webhook addresses for a carrier; the old ones work until `carrier retire`
    #[command(after_help = "Prints the new addresses, which hold a secret token: give them only to the vendor.")]
    Rotate {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Drop all of a carrier's webhook addresses and signing secrets but the newest
    Retire {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Register a carrier's webhook addresses through the vendor's API
    #[command(
        after_help = "Reads the vendor's list of webhooks, and shows the calls for those that it lacks. With --yes it makes them.\n\
        They bear the newest signing secret. A webhook that is registered with the same event and address is not\n\
        registered again, so the command may be repeated. For a vendor without such an API it shows the addresses with\n\
        their secret token, which you then enter on the vendor's web site. Example:\n  \
        admin carrier webhooks NAME --url https://api.example.com --yes"
    )]
    Webhooks(CarrierWebhooks),
    /// Remove a carrier with its settings, credentials and webhook addresses
    #[command(
        after_help = "Refused while a route or an unfinished message names the carrier. A message is unfinished while it is\n\
        queued, submitting or unknown, and if it is submitted without a final receipt, until 3 days after its\n\
        last change: a carrier that never reports could not be removed otherwise. If a worker died before it\n\
        recorded the carrier that it called, the message counts for every carrier. Reads the whole table of\n\
        messages, twice. After you remove its last route, wait two minutes: until then messages may still go to\n\
        the carrier.\n\n\
        If a removal was interrupted, the same command completes it. While unfinished messages name the carrier,\n\
        it refuses that, too: `carrier set` makes new webhook addresses, so that the carrier can report again.\n\
        Only if it never will, add --abandon-messages. Its messages can then get no more receipts.\n\n\
        Do not give a removed name to another contract or vendor within seven days: unmatched items and stored\n\
        message IDs of the old one are kept that long. Without --yes it only checks, and exits with 2."
    )]
    Remove(CarrierRemove),
}

#[derive(Debug, Args)]
pub struct CarrierAdd {
    /// Your name for it, such as cm-nl: up to 32 lower-case letters, digits and single hyphens
    #[arg(value_parser = carrier)]
    pub name: CarrierName,
    #[arg(long, value_name = "VENDOR", value_parser = vendor, help = format!("One of: {}", names::<Vendor>()))]
    pub vendor: Vendor,
    #[command(flatten)]
    pub options: CarrierOptions,
}

#[derive(Debug, Args)]
pub struct CarrierSet {
    #[arg(value_parser = carrier, help = CARRIER)]
    pub name: CarrierName,
    #[command(flatten)]
    pub options: CarrierOptions,
    /// Drop the vendor's ID of this sender (repeatable)
    #[arg(long = "drop-sender-id", value_name = "SENDER")]
    pub drop_sender_ids: Vec<SenderId>,
}

#[derive(Debug, Args)]
pub struct CarrierWebhooks {
    #[arg(value_parser = carrier, help = CARRIER)]
    pub name: CarrierName,
    /// Base URL at which the vendor reaches the gateway's API [default: the stack's]
    #[arg(long = "url", value_name = "URL", value_parser = EndpointParser)]
    pub base_url: Option<Url>,
    /// Register; without this, only show the calls
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct CarrierRemove {
    #[arg(value_parser = carrier, help = CARRIER)]
    pub name: CarrierName,
    /// If a part of the carrier is missing: remove the rest in spite of unfinished messages
    #[arg(long)]
    pub abandon_messages: bool,
    /// Remove; without this, only check
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct CarrierOptions {
    /// Base URL for submits [default: the vendor's documented one; with --local, the simulated vendor's]
    #[arg(long, value_name = "URL", value_parser = EndpointParser)]
    pub endpoint: Option<Url>,
    /// With --local: accept an endpoint on another machine, so real messages may be sent
    #[arg(long, requires = "endpoint")]
    pub allow_external: bool,
    /// Submit timeout in milliseconds; after it the outcome is unknown [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=45_000))]
    pub timeout_ms: Option<u64>,
    /// After a timeout, look up the submit at the carrier by our reference
    #[arg(long, conflicts_with = "no_lookup")]
    pub lookup: bool,
    /// Do not look up (the default)
    #[arg(long)]
    pub no_lookup: bool,
    /// Match receipts by the carrier's own message ID, because they lack our reference
    #[arg(long, conflicts_with = "no_receipts_by_id")]
    pub receipts_by_id: bool,
    /// Match receipts by our reference (the default)
    #[arg(long)]
    pub no_receipts_by_id: bool,
    /// Calling code of the country whose national numbers the carrier's webhooks hold, such as 31. Supported are
    /// 1 and countries whose national numbers begin with 0; the error for any other code lists them
    #[arg(long, value_name = "CODE", value_parser = country_code, conflicts_with = "no_country_code")]
    pub country_code: Option<CallingCode>,
    /// Take every number in webhooks as international (the default)
    #[arg(long)]
    pub no_country_code: bool,
    /// Base URL of the gateway's API, if the vendor is told the address of receipts with each message [default: that of
    /// the stack]
    #[arg(long, value_name = "URL", value_parser = EndpointParser)]
    pub webhook_url: Option<Url>,
    /// The vendor's own ID of a sender, sent in its place (repeatable)
    #[arg(long = "sender-id", value_name = "SENDER=ID", value_parser = sender_id)]
    pub sender_ids: Vec<(SenderId, String)>,
}

#[derive(Debug, Args)]
pub struct CarrierKey {
    #[arg(value_parser = carrier, help = CARRIER)]
    pub name: CarrierName,
    #[arg(long, value_name = "PART,...", value_delimiter = ',', value_parser = part, help = format!(
        "The parts in the order of the lines: {} [default: those of the vendor, if it takes only one set]",
        names::<CredentialPart>()
    ))]
    pub parts: Vec<CredentialPart>,
    /// Remove the credentials, if the vendor also accepts messages without any
    #[arg(long, conflicts_with = "parts")]
    pub remove: bool,
}

/// Parses a base URL. A function would not do: clap repeats a value that a function refuses, and with it a
/// password in the URL.
#[derive(Clone)]
struct EndpointParser;

impl TypedValueParser for EndpointParser {
    type Value = Url;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Url, Error> {
        let text = StringValueParser::new().parse_ref(command, arg, value)?;
        let name = match arg.map(|arg| arg.get_id().as_str()) {
            Some("webhook_url") => "the webhook URL",
            Some("base_url") => "the base URL",
            _ => "the endpoint",
        };
        let refused = |reason| Error::raw(ErrorKind::ValueValidation, format!("{name} {reason}\n")).with_cmd(command);
        endpoint(&text).map_err(refused)
    }
}

pub(super) fn carrier(text: &str) -> Result<CarrierName, String> {
    text.parse::<CarrierName>().map_err(|error| format!("it {error}"))
}

fn vendor(text: &str) -> Result<Vendor, String> {
    text.parse().map_err(|_| format!("the vendors are: {}", names::<Vendor>()))
}

fn part(text: &str) -> Result<CredentialPart, String> {
    text.parse().map_err(|_| format!("the parts are: {}", names::<CredentialPart>()))
}

fn country_code(text: &str) -> Result<CallingCode, String> {
    text.parse::<CallingCode>().map_err(|error| format!("it {error}"))
}

/// Parses a base URL, and ends its path with a slash, because paths are joined to it.
fn endpoint(text: &str) -> Result<Url, String> {
    let mut url: Url = text.parse().map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold credentials; set them with `carrier key`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment".to_owned());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn sender_id(text: &str) -> Result<(SenderId, String), String> {
    let (sender, id) = text.split_once('=').ok_or("it must be SENDER=ID")?;
    let sender = sender.parse::<SenderId>().map_err(|error| format!("the sender {error}"))?;
    let fits = (1..=LONGEST_SENDER_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if !fits {
        return Err(format!("the ID must have 1 to {LONGEST_SENDER_ID} ASCII letters, digits and punctuation marks"));
    }
    Ok((sender, id.to_owned()))
}

pub(super) fn names<E: IntoEnumIterator + Into<&'static str>>() -> String {
    E::iter().map(Into::into).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn endpoint_ends_with_a_slash() {
        assert_eq!(endpoint("https://gw.example/v1").unwrap().as_str(), "https://gw.example/v1/");
        assert_eq!(endpoint("http://127.0.0.1:1").unwrap().as_str(), "http://127.0.0.1:1/");
    }

    #[test]
    fn invalid_base_url_is_refused_with_its_reason() {
        for (text, reason) in [
            ("gw.example", "not a URL"),
            ("ftp://gw.example/", "https://"),
            ("https://login:word@gw.example/", "credentials"),
            ("https://gw.example/?a=1", "no query"),
            ("https://gw.example/#a", "no fragment"),
            ("https://login:word@gw.example:70000/", "not a URL"),
        ] {
            for (option, name) in [("--endpoint", "the endpoint"), ("--webhook-url", "the webhook URL")] {
                let words = ["admin", "carrier", "set", "cm-nl", option, text];
                let error = Arguments::parse_words(words).unwrap_err().render().to_string();
                assert!(error.contains(reason) && error.contains(name) && !error.contains("word"), "{error}");
            }
        }
    }

    #[test]
    fn sender_id_is_parsed_at_the_first_equals_sign() {
        assert_eq!(sender_id("+31612345678=a=b").unwrap(), ("31612345678".parse().unwrap(), "a=b".to_owned()));
        let longer = format!("Acme={}", "x".repeat(LONGEST_SENDER_ID + 1));
        for text in ["Acme", "=1", "Acme=", "Acme=a b", "Ac#me=1", "Acme=é", &longer] {
            assert!(sender_id(text).is_err(), "{text}");
        }
    }
}
