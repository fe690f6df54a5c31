//! The command line for routes.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CarrierName, Channel, NumberPrefix, RouteName, SenderId};

use super::carriers::{carrier, names};

const A_DAY_IN_SECONDS: i64 = 24 * 3_600;

#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// List the rules in order; the first match applies
    List,
    /// Add a rule; a rule without conditions matches every message
    #[command(
        after_help = "A rule matches a message that meets all its conditions. A change takes effect within 30 seconds.\n\
        Example: admin route add --carriers cm-nl,cm-uk --channel whatsapp --prefix +31 --at 1"
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
    /// A name by which messages can choose this rule, such as Messangi's `connection`
    #[arg(long, value_name = "NAME")]
    pub name: Option<RouteName>,
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

fn channel(text: &str) -> Result<Channel, String> {
    text.parse().map_err(|_| format!("the channels are: {}", names::<Channel>()))
}
