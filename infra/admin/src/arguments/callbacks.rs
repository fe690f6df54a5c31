//! The command line of clients' endpoints and their callbacks.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CallbackUrl, Timestamp, parse_time};

use super::callback_url;

#[derive(Debug, Subcommand)]
pub enum EndpointCommand {
    /// List the endpoints that fail: since when, how often in a row, why, and which are disabled
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Enable a disabled endpoint, or close its circuit breaker
    #[command(
        override_usage = "admin endpoint enable [OPTIONS] <ACCOUNT> <URL|--all>",
        after_help = "An endpoint is an account's callback URL without its query. It is disabled when it answers\n\
        410, or when for five days every call to it has failed. A client whose URLs differ in their paths has\n\
        an endpoint for each. Examples:\n  \
        admin endpoint enable acme https://acme.example/receipts\n  \
        admin endpoint enable acme --all"
    )]
    Enable {
        account: AccountId,
        #[command(flatten)]
        which: EndpointSelection,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct EndpointSelection {
    #[arg(value_parser = callback_url)]
    pub url: Option<CallbackUrl>,
    /// Every disabled endpoint of the account; open circuit breakers stay open
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum CallbackCommand {
    /// Send an account the callbacks of its messages and replies again
    #[command(
        after_help = "For each message this sends the callback of its newest state that has one, under its first event\n\
        id; messages that are still on their way get their callbacks as always. It begins half a minute later,\n\
        when every earlier change of the account counts. Example:\n  \
        admin callback replay acme --since 2026-01-01T09:00:00Z --until 2026-01-02 --yes"
    )]
    Replay(CallbackReplay),
}

#[derive(Debug, Args)]
pub struct CallbackReplay {
    pub account: AccountId,
    /// Messages accepted, and replies come in, from then on; UTC unless it names a zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Timestamp,
    /// And before then [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Only callbacks to this URL; its query does not count
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub url: Option<CallbackUrl>,
    /// Do it; without this, it says how much there is, and how much of it is for disabled endpoints
    #[arg(long)]
    pub yes: bool,
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).map_err(|error| format!("the time {error}"))
}
