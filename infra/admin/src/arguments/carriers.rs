//! The command line of carriers, and of the routes to them.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CarrierName, Channel, NumberPrefix, SenderId};
use strum::IntoEnumIterator;
use url::Url;

const A_DAY_IN_SECONDS: i64 = 24 * 3_600;

#[derive(Debug, Subcommand)]
pub enum CarrierCommand {
    /// Say how a carrier is reached. Its webhook token is kept, or else made
    #[command(after_help = "Example: admin carrier set loopback --endpoint https://carrier.example/ --timeout-ms 5000")]
    Set {
        #[arg(value_parser = carrier)]
        name: CarrierName,
        #[arg(long, value_name = "URL")]
        endpoint: Url,
        /// How long it may take to answer before the outcome is unknown
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=45_000))]
        timeout_ms: Option<u64>,
        /// Ask it, by our name for a submit, what became of one that it did not answer
        #[arg(long, conflicts_with = "no_lookup")]
        lookup: bool,
        /// Do not ask it
        #[arg(long)]
        no_lookup: bool,
        /// Find its receipts by its own id for a message: they do not bear our name for the submit
        #[arg(long, conflicts_with = "no_receipts_by_id")]
        receipts_by_id: bool,
        /// Find them by our name
        #[arg(long)]
        no_receipts_by_id: bool,
    },
    /// Show how a carrier is reached, and the paths that it posts to
    Show {
        #[arg(value_parser = carrier)]
        name: CarrierName,
    },
    /// Set the key that a carrier gave us (CM.com's product token): one line of standard input
    #[command(after_help = "Example: admin carrier key cm < product-token\n\
        It is never taken from the command line, which others on this machine can see, and never shown.")]
    Key {
        #[arg(value_parser = carrier)]
        name: CarrierName,
    },
    /// Make new paths for a carrier to post to, beside those there are
    Rotate {
        #[arg(value_parser = carrier)]
        name: CarrierName,
    },
    /// Take nothing more at any paths but the newest
    Retire {
        #[arg(value_parser = carrier)]
        name: CarrierName,
    },
}

#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// List the rules in the order in which they are asked: the first that fits counts
    List,
    /// Add a rule. Without conditions it fits every message
    #[command(after_help = "Example: admin route add --carriers cm,loopback --channel whatsapp --prefix +31 --at 1\n\
        The rule fits a message that meets all its conditions. A change counts within 30 seconds.")]
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
    /// The most wanted first; a later one takes over when those before it are down, busy, or refuse
    #[arg(long, value_name = "NAME,…", required = true, value_delimiter = ',', value_parser = carrier)]
    pub carriers: Vec<CarrierName>,
    /// Only this account's messages
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// Only messages from this sender ID
    #[arg(long, value_name = "SENDER")]
    pub sender: Option<SenderId>,
    /// Only what goes over this channel
    #[arg(long, value_name = "NAME", value_parser = channel)]
    pub channel: Option<Channel>,
    /// Only to numbers that begin so, with the country's code
    #[arg(long, value_name = "DIGITS")]
    pub prefix: Option<NumberPrefix>,
    /// How long a receipt is waited for before a message's next channel has its turn [default: 300]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=A_DAY_IN_SECONDS))]
    pub receipt_timeout: Option<u32>,
    /// Before the rule that is there now; 1 is the first position [default: the end]
    #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(u16).range(1..))]
    pub at: Option<u16>,
}

pub(super) fn carrier(text: &str) -> Result<CarrierName, String> {
    text.parse().map_err(|_| format!("the carriers are: {}", names::<CarrierName>()))
}

fn channel(text: &str) -> Result<Channel, String> {
    text.parse().map_err(|_| format!("the channels are: {}", names::<Channel>()))
}

fn names<E: IntoEnumIterator + Into<&'static str>>() -> String {
    E::iter().map(Into::into).collect::<Vec<_>>().join(", ")
}
