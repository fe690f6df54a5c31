//! The command line for callback endpoints and callbacks.

use clap::{Args, Subcommand};
use shared::domain::{AccountId, CallbackUrl, Timestamp, parse_time};

use super::{ACCOUNT, callback_url};

#[derive(Debug, Subcommand)]
pub enum EndpointCommand {
    /// List failing endpoints: since when, how many failures in a row, the last reason, and which are
    /// disabled
    List {
        /// Only this account's endpoints
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
        /// Show whole URLs, which may hold tokens, and not only their origins
        #[arg(long)]
        reveal: bool,
    },
    /// Enable a disabled endpoint, or close its circuit breaker
    #[command(
        override_usage = "admin endpoint enable [OPTIONS] <ACCOUNT> <URL|--all>",
        after_help = "An endpoint is a callback URL of an account without its query: URLs with different paths are\n\
        different endpoints. An endpoint is disabled if it answers 410, or if every call to it failed for five\n\
        days. Examples:\n  \
        admin endpoint enable acme https://acme.example/receipts\n  \
        admin endpoint enable acme --all"
    )]
    Enable {
        #[arg(help = ACCOUNT)]
        account: AccountId,
        #[command(flatten)]
        which: EndpointSelection,
        /// Print whole URLs, which may hold tokens, and not only their origins
        #[arg(long)]
        reveal: bool,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct EndpointSelection {
    /// The endpoint; a query is ignored
    #[arg(value_parser = callback_url)]
    pub url: Option<CallbackUrl>,
    /// All disabled endpoints; open circuit breakers stay open
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Subcommand)]
pub enum CallbackCommand {
    /// Send an account's past callbacks again
    #[command(
        after_help = "Sends one callback for each message, of its newest state that has one, and one for each reply, with\n\
        the event ID of the first time. Callbacks start half a minute later, when earlier changes of the\n\
        account have taken effect. Without --yes it only counts, and exits with 2. Example:\n  \
        admin callback replay acme --since 2026-01-01T09:00:00Z --until 2026-01-02 --yes"
    )]
    Replay(CallbackReplay),
}

#[derive(Debug, Args)]
pub struct CallbackReplay {
    #[arg(help = ACCOUNT)]
    pub account: AccountId,
    /// When the first message was accepted, or reply received; UTC unless an offset is given
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Timestamp,
    /// Before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Only callbacks to this URL; a query is ignored
    #[arg(long, value_name = "URL", value_parser = callback_url)]
    pub url: Option<CallbackUrl>,
    /// Send; without this, only count
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).map_err(|error| format!("the time {error}"))
}
