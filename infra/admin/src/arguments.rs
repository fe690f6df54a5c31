//! The command line.

mod accounts;
mod callbacks;
mod carriers;
mod connection;
mod keywords;
mod messages;
mod routes;
mod senders;
mod unmatched;

use std::ffi::OsString;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use shared::domain::{AccountId, CallbackUrl, Lane};
use strum::IntoStaticStr;

pub use self::{
    accounts::{AccountCommand, AccountCreate, AccountSet},
    callbacks::{CallbackCommand, CallbackReplay, EndpointCommand, EndpointSelection},
    carriers::{CarrierAdd, CarrierCommand, CarrierKey, CarrierOptions, CarrierRemove, CarrierSet, CarrierWebhooks},
    connection::ConnectionOptions,
    keywords::KeywordCommand,
    messages::{MessageCancel, MessageCommand, MessageList},
    routes::{RouteAdd, RouteCommand},
    senders::{PoolCommand, SenderCommand},
    unmatched::{UnmatchedCommand, UnmatchedList},
};

const EXAMPLES: &str = "\
Examples:
  admin account create acme --name 'Acme Ltd' --reply-url https://acme.example/replies
  admin key issue acme
  admin sender add 441234567890 --account acme
  admin pool add 448888888801 448888888802
  admin carrier add cm-nl --vendor cm
  admin carrier key cm-nl < product-token
  admin route add --carriers cm-nl --channel whatsapp --at 1
  admin message list --to 447700900001
  admin --local account list
  admin --json key list acme

Exit codes: 0 done; 1 not done, and standard error says why; 2 usage error, or --yes is missing.";

const CONNECTION: &str = "\
Names of tables, queues and secrets come from the option, else from the outputs of the stack that
--stack names, else from the environment variable, else from the outputs of the stack sms-gateway.
Credentials are those of the AWS CLI.";

/// Operates the messaging gateway: accounts, keys, senders, carriers, routes, and repairs
#[derive(Debug, Parser)]
#[command(
    name = "admin", version, max_term_width = 100,
    after_help = EXAMPLES, after_long_help = format!("{CONNECTION}\n\n{EXAMPLES}")
)]
pub struct Arguments {
    /// Print a JSON object; an error is {"error": "..."} on standard error
    #[arg(long, global = true)]
    pub json: bool,

    #[command(flatten)]
    pub connection: ConnectionOptions,

    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Parses a command line with the program's name first.
    ///
    /// # Errors
    /// If the words are invalid, or ask for help or the version. The caller prints the error.
    pub fn parse_words<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Result<Self, clap::Error> {
        let mut matches = command().try_get_matches_from(connection::join_local(words))?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))
    }
}

fn command() -> clap::Command {
    connection::hide_in_subcommands(Arguments::command())
}

/// Returns the words of each command, such as `account create`.
#[must_use]
pub fn commands() -> Vec<String> {
    subcommands(&Arguments::command())
}

fn subcommands(command: &clap::Command) -> Vec<String> {
    let below = |one: &clap::Command| match subcommands(one) {
        none if none.is_empty() => vec![one.get_name().to_owned()],
        deeper => deeper.into_iter().map(|words| format!("{} {words}", one.get_name())).collect(),
    };
    command.get_subcommands().flat_map(below).collect()
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Client accounts: create, list, show, change, suspend
    #[command(subcommand)]
    Account(AccountCommand),
    /// API keys: issue, list, revoke, choose the lane
    #[command(subcommand)]
    Key(KeyCommand),
    /// Callback secrets: rotate, retire
    #[command(subcommand)]
    Secret(SecretCommand),
    /// Owned sender IDs: add, list, remove, limit the rate, choose the lane, exempt from opt-outs
    #[command(subcommand)]
    Sender(SenderCommand),
    /// Shared sender IDs: add, list, remove, free for a number
    #[command(subcommand)]
    Pool(PoolCommand),
    /// Words with which recipients opt out, opt in or ask for help: add, list, remove
    #[command(subcommand)]
    Keyword(KeywordCommand),
    /// Carriers, each a named connection of a vendor: add, change, list, show, set credentials, rotate webhook
    /// addresses, remove
    #[command(subcommand)]
    Carrier(CarrierCommand),
    /// Rules for choosing carriers: list, add, remove
    #[command(subcommand)]
    Route(RouteCommand),
    /// Failing callback endpoints: list, enable again
    #[command(subcommand)]
    Endpoint(EndpointCommand),
    /// Callbacks to clients: replay
    #[command(subcommand)]
    Callback(CallbackCommand),
    /// Stored messages and replies: list, show, cancel
    #[command(subcommand)]
    Message(MessageCommand),
    /// Receipts and replies without a matching message or account: list, replay
    #[command(subcommand)]
    Unmatched(UnmatchedCommand),
    /// Jobs and callbacks that failed too often: list, replay
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Enqueue all unfinished messages again, after a queue was lost
    #[command(
        after_help = "Reads the whole table of messages. Without --yes it only counts, explains, and exits with 2."
    )]
    Requeue(RequeueCommand),
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a key and print it, once and alone, on standard output
    #[command(after_help = "Examples:\n  KEY=$(admin key issue acme)\n  KEY=$(admin key issue acme --lane bulk)")]
    Issue {
        #[arg(help = ACCOUNT)]
        account: AccountId,
        /// Lane of the key's messages, unless a request names another
        #[arg(long, value_name = LANES, value_parser = lane)]
        lane: Option<Lane>,
    },
    /// List an account's keys by ID
    List {
        #[arg(help = ACCOUNT)]
        account: AccountId,
    },
    /// Revoke a key; it works for up to 30 seconds more
    #[command(after_help = "Example: admin key revoke acme 1f2e3d4c")]
    Revoke {
        #[arg(help = ACCOUNT)]
        account: AccountId,
        /// As `key list` shows it
        #[arg(value_parser = key_id)]
        key_id: String,
    },
    /// Choose the lane of a key's messages, for requests that name none
    #[command(
        after_help = "Each lane has its own queue and concurrency. Example: admin key lane acme 1f2e3d4c --lane bulk"
    )]
    Lane {
        #[arg(help = ACCOUNT)]
        account: AccountId,
        /// As `key list` shows it
        #[arg(value_parser = key_id)]
        key_id: String,
        #[command(flatten)]
        choice: LaneChoice,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct LaneChoice {
    /// The lane
    #[arg(long, value_name = LANES, value_parser = lane)]
    pub lane: Option<Lane>,
    /// Remove the lane
    #[arg(long)]
    pub no_lane: bool,
}

#[derive(Debug, Subcommand)]
pub enum SecretCommand {
    /// Add a new secret and print it, once and alone, on standard output
    #[command(
        after_help = "To replace a secret: rotate; give the new one to the client; once the client accepts signatures of\n\
        either, retire. Until then `webhook-signature` has a signature for each secret, newest first, and the\n\
        mplus header `signature` is still made with the oldest."
    )]
    Rotate {
        #[arg(help = ACCOUNT)]
        account: AccountId,
    },
    /// Drop all secrets but the newest
    Retire {
        #[arg(help = ACCOUNT)]
        account: AccountId,
    },
}

#[derive(Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Show for each dead-letter queue its length and up to ten entries
    List,
    /// Move all entries from a dead-letter queue back to their source queue
    #[command(after_help = "Example: admin dead-letters replay callbacks")]
    Replay {
        /// The queue whose dead letters to move
        queue: DeadQueue,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, IntoStaticStr)]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum DeadQueue {
    UrgentJobs,
    Jobs,
    BulkJobs,
    SendSlots,
    Callbacks,
}

#[derive(Debug, Args)]
pub struct RequeueCommand {
    /// Enqueue; without this, only count
    #[arg(long)]
    pub yes: bool,
}

/// Help for an account argument.
const ACCOUNT: &str = "ID of the account, as `account list` shows it";

/// The lanes, in help texts.
const LANES: &str = "urgent|normal|bulk";

fn lane(text: &str) -> Result<Lane, String> {
    text.parse().map_err(|_| format!("must be {}", Lane::NAMES))
}

fn callback_url(text: &str) -> Result<CallbackUrl, String> {
    text.parse::<CallbackUrl>().map_err(|error| format!("the address {error}"))
}

fn key_id(text: &str) -> Result<String, &'static str> {
    let fits = (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err("the ID of a key is the 8 hex digits that `key list` shows") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn commands_are_those_without_subcommands() {
        let commands = commands();
        for words in ["account create", "carrier signing-secret", "requeue"] {
            assert!(commands.iter().any(|command| command == words), "{commands:?}");
        }
        for words in ["account", "help", "account help"] {
            assert!(commands.iter().all(|command| command != words), "{commands:?}");
        }
    }
}
