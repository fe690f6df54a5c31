//! The command line for carriers and routes.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CarrierName, Channel, NumberPrefix, SenderId};
use strum::IntoEnumIterator;
use url::Url;

const A_DAY_IN_SECONDS: i64 = 24 * 3_600;
const CARRIER: &str = "Name of the carrier: cm, or loopback (simulated)";

#[derive(Debug, Subcommand)]
pub enum CarrierCommand {
    /// Set up a carrier, or change its settings; omitted options keep their values
    #[command(
        after_help = "The first carrier gets a route for all messages. Its webhook token is created once and kept. Examples:\n  \
        admin carrier set cm --endpoint https://gw.messaging.cm.com/\n  \
        admin carrier set cm --timeout-ms 5000"
    )]
    Set(CarrierSet),
    /// List carriers with their endpoints, keys and routes
    List,
    /// Show a carrier's settings and its addresses for receipts and replies
    Show {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Set our key for a carrier (CM.com's product token), read from standard input
    #[command(after_help = "Example: admin carrier key cm < product-token\n\
        The key is not an argument, because other users of this machine can see those. It is never shown.")]
    Key {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Create new webhook addresses for a carrier; the old ones work until `carrier retire`
    Rotate {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
    /// Drop all of a carrier's webhook addresses but the newest
    Retire {
        #[arg(value_parser = carrier, help = CARRIER)]
        name: CarrierName,
    },
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct CarrierSet {
    #[arg(value_parser = carrier, help = CARRIER)]
    pub name: CarrierName,
    /// Base URL for submits; required the first time
    #[arg(long, value_name = "URL")]
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
}

#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// List the rules in order; the first match applies
    List,
    /// Add a rule; a rule without conditions matches every message
    #[command(
        after_help = "A rule matches a message that meets all its conditions. A change takes effect within 30 seconds.\n\
        Example: admin route add --carriers cm,loopback --channel whatsapp --prefix +31 --at 1"
    )]
    Add(RouteAdd),
    /// Remove a rule
    Remove {
        /// As `route list` shows it
        #[arg(value_parser = clap::value_parser!(u16).range(1..))]
        position: u16,
    },
}

#[derive(Debug, Args)]
pub struct RouteAdd {
    /// In order of preference: the next takes over if a carrier is down or busy, or rejects the message
    #[arg(long, value_name = "NAME,...", required = true, value_delimiter = ',', value_parser = carrier)]
    pub carriers: Vec<CarrierName>,
    /// Only this account's messages
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// Only messages from this sender ID
    #[arg(long, value_name = "SENDER")]
    pub sender: Option<SenderId>,
    /// Only messages over this channel, such as sms or whatsapp
    #[arg(long, value_name = "NAME", value_parser = channel)]
    pub channel: Option<Channel>,
    /// Only messages to numbers with this prefix, country code first
    #[arg(long, value_name = "DIGITS")]
    pub prefix: Option<NumberPrefix>,
    /// How long to wait for a receipt before failing over to the next channel [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=A_DAY_IN_SECONDS))]
    pub receipt_timeout: Option<u32>,
    /// Insert at this position, from 1; later rules move down [default: the end]
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(u16).range(1..))]
    pub at: Option<u16>,
}

pub(super) fn carrier(text: &str) -> Result<CarrierName, String> {
    text.parse().map_err(|_| format!("the carriers are: {}", names::<CarrierName>()))
}

fn channel(text: &str) -> Result<Channel, String> {
    text.parse().map_err(|_| format!("the channels are: {}", names::<Channel>()))
}

pub(super) fn names<E: IntoEnumIterator + Into<&'static str>>() -> String {
    E::iter().map(Into::into).collect::<Vec<_>>().join(", ")
}
